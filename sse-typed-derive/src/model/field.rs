use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::{Attribute, Index, Member, Type, ext::IdentExt as _};

use super::FieldCase;
use crate::{
    attr,
    ctxt::Ctxt,
    symbol::{self, AttrTarget},
};

/// A field of a variant or struct.
pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    pub(crate) member: Member,
    pub(crate) ty: &'a Type,
    pub(crate) serde: attr::serde::Attrs,
    /// The predicates of `#[serde(bound = "..")]`, which replace the inferred ones.
    pub(crate) serde_bounds: Option<attr::Bounds>,
    /// The type of `as`, which replaces the field's type in descriptions.
    pub(crate) wire_type: Option<Type>,
}

/// A field that is sent as the event's id.
pub(crate) struct Id<'a> {
    pub(crate) field: Field<'a>,
    pub(crate) json: bool,
}

/// The role of a field: data, id, or reconnection time.
pub(super) enum Role<'a> {
    Data(Field<'a>),
    Id(Id<'a>, Span),
    Retry(Field<'a>, Span),
}

impl<'a> Role<'a> {
    pub(super) fn new(ctxt: &Ctxt, original: &'a syn::Field, position: usize) -> Self {
        let attrs = attr::Attrs::parse(ctxt, &original.attrs, AttrTarget::Field);
        let member = match &original.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::Unnamed(Index::from(position)),
        };
        let serde = attr::serde::Attrs::parse(ctxt, &original.attrs);
        let field = Field {
            original,
            member,
            ty: &original.ty,
            serde_bounds: serde.bounds(ctxt),
            serde,
            wire_type: attrs.parsed(ctxt, &symbol::AS),
        };
        match (attrs.id(), attrs.span(&symbol::RETRY)) {
            (None, None) => Self::Data(field),
            (None, Some(span)) => Self::Retry(field, span),
            (Some((span, json)), retry) => {
                super::report_contradiction(ctxt, "id", retry, "retry");
                Self::Id(Id { field, json }, span)
            }
        }
    }
}

impl Field<'_> {
    /// Its `#[serde(..)]` attributes.
    pub(crate) fn serde_attrs(&self) -> impl Iterator<Item = &Attribute> {
        self.original.attrs.iter().filter(|attr| attr.path().is_ident("serde"))
    }

    /// Its JSON name when it is sent. `None` for a flattened or skipped field, and for an unnamed one.
    pub(crate) fn json_name(&self, case: &FieldCase) -> Option<String> {
        if ["flatten", "skip", "skip_serializing"].iter().any(|name| self.serde.has(name)) {
            return None;
        }
        self.name_in_json(case, true)
    }

    /// Its declared name.
    pub(crate) fn written_name(&self) -> Option<String> {
        let Member::Named(ident) = &self.member else { return None };
        Some(ident.unraw().to_string())
    }

    /// Its JSON name when it is sent, or when it is received.
    pub(crate) fn name_in_json(&self, case: &FieldCase, sent: bool) -> Option<String> {
        let name = self.written_name()?;
        let (serialize, deserialize) = self.serde.two_texts("rename");
        let (rename, rule) = if sent { (serialize, case.serialize) } else { (deserialize, case.deserialize) };
        Some(match rename {
            Some(rename) => rename.value(),
            None => rule.map_or_else(|| name.clone(), |rule| rule.apply_to_field(&name)),
        })
    }

    /// The `T` of an `Option<T>`. Recognized by the name of the type.
    pub(crate) fn optional(&self) -> Option<&Type> {
        let Type::Path(path) = ungrouped(self.ty) else { return None };
        let last = path.path.segments.last()?;
        match &last.arguments {
            syn::PathArguments::AngleBracketed(arguments) if last.ident == "Option" && arguments.args.len() == 1 => {
                match arguments.args.first() {
                    Some(syn::GenericArgument::Type(inner)) => Some(inner),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The span of its type, for type errors in generated code. Names resolve at the call site.
    pub(crate) fn type_span(&self) -> Span {
        let first = self.ty.to_token_stream().into_iter().next();
        first.map_or_else(Span::call_site, |token| token.span()).resolved_at(Span::call_site())
    }

    /// The field's declaration in a generated type: with its serde attributes, and private.
    pub(crate) fn declaration(&self) -> TokenStream {
        let attrs = self.serde_attrs();
        let ty = self.ty;
        match &self.member {
            Member::Named(ident) => quote::quote!(#(#attrs)* #ident: #ty),
            Member::Unnamed(_) => quote::quote!(#(#attrs)* #ty),
        }
    }
}

/// Removes the invisible groups around a type from a `macro_rules` metavariable.
pub(crate) fn ungrouped(mut ty: &Type) -> &Type {
    while let Type::Group(group) = ty {
        ty = &group.elem;
    }
    ty
}
