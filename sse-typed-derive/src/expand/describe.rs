//! `DescribeEvent`: the description of the type. The bounds are on the output that it is described to, so a payload needs only
//! the traits that the output requires.

use std::collections::HashSet;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{GenericParam, Generics, Type, WherePredicate, ext::IdentExt as _, parse_quote};

use super::Expansion;
use crate::{
    bound, doc,
    model::{Data, Field, RunEnd, Selector, Variant},
};

pub(super) fn expand(expansion: &Expansion<'_, '_>) -> TokenStream {
    let mut writer = DescriptionWriter {
        expansion,
        describer: describer(expansion),
        sent: true,
        bounds: Vec::new(),
        seen: HashSet::new(),
        uses_side: false,
    };
    let variants = writer.sides();
    let (private, ident) = (&expansion.private, expansion.ident);
    let sides = expansion.input.sides;
    let only = match (sides.encode, sides.decode) {
        (true, true) => None,
        (true, false) => Some(quote!(Written)),
        (false, _) => Some(quote!(Read)),
    };
    writer.uses_side |= only.is_some();
    let only = only.map(|own| quote!(#private::describe::only(__side, #private::describe::Side::#own)?;));
    let DescriptionWriter { describer, bounds, uses_side, .. } = writer;

    let ty_generics = expansion.input.original.generics.split_for_impl().1;
    let mut generics = bound::with_predicates(&expansion.input.original.generics, &bounds);
    if generics.lifetimes().next().is_some() {
        // Borrowed types are described with `'static` lifetimes.
        generics.type_params_mut().for_each(|param| param.bounds.push(parse_quote!('static)));
    }
    generics.params.push(parse_quote!(#describer: #private::describe::Describer + ?#private::Sized));
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let name = ident.unraw().to_string();
    let tag = expansion.input.tag.as_ref().map(|tag| quote!(.tag(#tag)));
    let ignore = &expansion.input.ignore;
    let ignored = (!ignore.is_empty()).then(|| quote!(.ignored(&[#(#ignore),*])));
    let deny = (!expansion.input.deny_unknown_fields.is_empty()).then(|| quote!(.deny_unknown_fields()));
    let doc =
        expansion.input.is_enum.then(|| doc::text(&expansion.input.original.attrs)).and_then(|doc| doc_call(&doc));
    // Named only if it is used, so that no lint reports it as unused.
    let argument = if bounds.is_empty() { quote!(_) } else { quote!(__describer) };
    let side = if uses_side { quote!(__side) } else { quote!(_) };
    quote! {
        #[automatically_derived]
        impl #impl_generics #private::describe::DescribeEvent<#describer> for #ident #ty_generics #where_clause {
            fn describe(
                #argument: &mut #describer,
                #side: #private::describe::Side,
            ) -> #private::Option<#private::describe::Events<#describer::Type>> {
                #only
                let __events = #private::describe::Events::new(#name)#doc #tag #ignored #deny;
                #private::Some(#variants)
            }
        }
    }
}

/// A name for the output's type parameter, which the type's own parameters do not have.
fn describer(expansion: &Expansion<'_, '_>) -> Ident {
    let mut name = "__Describer".to_owned();
    while expansion.input.original.generics.params.iter().any(|param| match param {
        GenericParam::Type(param) => param.ident == name,
        GenericParam::Const(param) => param.ident == name,
        GenericParam::Lifetime(_) => false,
    }) {
        name.push('_');
    }
    Ident::new(&name, Span::call_site())
}

fn doc_call(doc: &str) -> Option<TokenStream> {
    (!doc.is_empty()).then(|| quote!(.doc(#doc)))
}

struct DescriptionWriter<'o, 'i, 'a> {
    expansion: &'o Expansion<'i, 'a>,
    describer: Ident,
    /// Whether the type is described as it is sent, or as it is received.
    sent: bool,
    /// The bounds on the output, without duplicates.
    bounds: Vec<WherePredicate>,
    seen: HashSet<String>,
    /// Whether the description depends on the side.
    uses_side: bool,
}

impl DescriptionWriter<'_, '_, '_> {
    /// Code that adds the variants to `__events`. It matches on the side only where the sides differ.
    fn sides(&mut self) -> TokenStream {
        let input = self.expansion.input;
        let mut side = |sent: bool| {
            self.sent = sent;
            let on_wire = |variant: &&Variant<'_>| if sent { !variant.skip_encode } else { !variant.skip_decode };
            let variants = input.variants.iter().enumerate().filter(|(_, variant)| on_wire(variant));
            variants.map(|(position, variant)| (position, self.variant(variant))).collect::<Vec<_>>()
        };
        let written = if input.sides.encode { side(true) } else { Vec::new() };
        let read = if input.sides.decode { side(false) } else { Vec::new() };
        let private = &self.expansion.private;
        let events = |variants: &[(usize, TokenStream)]| {
            let variants = variants.iter().map(|(_, variant)| variant);
            quote!(__events #(.variant(#variants))*)
        };
        if !input.sides.encode || !input.sides.decode {
            return events(if input.sides.encode { &written } else { &read });
        }
        let by_side = |written: TokenStream, read: TokenStream| {
            quote! {
                match __side {
                    #private::describe::Side::Written => #written,
                    #private::describe::Side::Read => #read,
                }
            }
        };
        let positions = |variants: &[(usize, TokenStream)]| variants.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        if positions(&written) != positions(&read) {
            self.uses_side = true;
            return by_side(events(&written), events(&read));
        }
        let variants: Vec<_> = written
            .into_iter()
            .zip(read)
            .map(|((position, written), (_, read))| {
                if written.to_string() == read.to_string() {
                    return (position, written);
                }
                self.uses_side = true;
                (position, by_side(written, read))
            })
            .collect();
        events(&variants)
    }

    fn variant(&mut self, variant: &Variant<'_>) -> TokenStream {
        let private = &self.expansion.private;
        let data = self.data(variant);
        let (name, event_type) = (&variant.cased_name, &variant.name.text);
        let aliases: Vec<_> = variant.aliases.iter().map(|alias| &alias.text).collect();
        let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
        let doc = doc_call(&variant.doc);
        let key = match &variant.selector {
            Some(Selector::Key(key)) => Some(quote!(.key(#key))),
            _ => None,
        };
        let text_type = match &variant.data {
            Data::Text(field) => {
                let name = self.name_of(field.ty);
                Some(quote!(.text_type(#name)))
            }
            _ => None,
        };
        let id = variant.id.as_ref().and_then(|id| self.line("id", &id.field, id.json));
        let retry = variant.retry.as_ref().and_then(|retry| self.line("retry", retry, false));
        let terminal = variant.terminal.then(|| quote!(.terminal()));
        let error = variant.error.then(|| quote!(.error()));
        let gap = variant.gap.map(|_| quote!(.gap()));
        let run_end = variant.run_end.map(|(end, _)| {
            let end = match end {
                RunEnd::Failed => quote!(Failed),
                RunEnd::Stopped => quote!(Stopped),
                RunEnd::Lost => quote!(Lost),
            };
            quote!(.run_end(#private::describe::RunEnd::#end))
        });
        let other = variant.takes_unknown.map(|_| quote!(.other()));
        quote! {
            #private::describe::Variant::new(#name, #event_type, #data)
                #aliases #doc #key #text_type #id #retry #terminal #error #gap #run_end #other
        }
    }

    /// The call that sets the id or the reconnection time.
    fn line(&self, method: &str, field: &Field<'_>, json: bool) -> Option<TokenStream> {
        let private = &self.expansion.private;
        let method = quote::format_ident!("{method}");
        let name = field.written_name()?;
        let ty = self.name_of(field.optional().unwrap_or(field.ty));
        let json = json.then(|| quote!(.json()));
        let optional = field.optional().map(|_| quote!(.optional()));
        Some(quote!(.#method(#private::describe::Line::new(#name, #ty)#json #optional)))
    }

    /// The name of a type as text. It needs no bound.
    fn name_of(&self, ty: &Type) -> TokenStream {
        let (private, ty) = (&self.expansion.private, self.with_static_lifetimes(ty));
        quote!(#private::describe::name_of::<#ty>())
    }

    fn data(&mut self, variant: &Variant<'_>) -> TokenStream {
        let private = self.expansion.private.clone();
        let data = quote!(#private::describe::Data);
        // The type of `as`, on the variant or on its only field.
        let named = |field: Option<&Field<'_>>| {
            variant.wire_type.clone().or_else(|| field.and_then(|field| field.wire_type.clone()))
        };
        match &variant.data {
            Data::Unit | Data::None => quote!(#data::Unit),
            Data::Sentinel(text) => quote!(#data::Sentinel(#text)),
            Data::Other(_) => quote!(#data::Raw),
            Data::Newtype(field) => {
                let ty = match named(Some(field)) {
                    Some(ty) => self.ty(&ty, None),
                    None => self.ty_of(field),
                };
                quote!(#data::Json(#ty))
            }
            Data::Object(fields) => match named(None) {
                Some(ty) => {
                    let ty = self.ty(&ty, None);
                    quote!(#data::Json(#ty))
                }
                None => {
                    let fields: Vec<_> = fields.iter().filter_map(|field| self.field(variant, field)).collect();
                    quote!(#private::describe::object([#(#fields),*]))
                }
            },
            Data::Text(field) => {
                let ty = named(Some(field)).map_or_else(|| quote!(#private::None), |ty| self.ty(&ty, None));
                quote!(#data::Text(#ty))
            }
            // The data of a `with` module is text, unless `as` names a type.
            Data::With(_, field) => match named(Some(field)) {
                Some(ty) => {
                    let ty = self.ty(&ty, None);
                    quote!(#data::Json(#ty))
                }
                None => quote!(#data::Text(#private::None)),
            },
            Data::Nested(field) => {
                let (ty, describer) = (self.with_static_lifetimes(field.ty), &self.describer);
                let predicate = parse_quote!(#ty: #private::describe::DescribeEvent<#describer>);
                self.push(predicate);
                self.uses_side = true;
                let private = self.expansion.private_at(field);
                quote_spanned!(field.type_span()=> #private::describe::nested::<#ty, _>(__describer, __side))
            }
        }
    }

    /// A field of an object. `None` for one that is not in the JSON.
    fn field(&mut self, variant: &Variant<'_>, field: &Field<'_>) -> Option<TokenStream> {
        let (input, sent) = (self.expansion.input, self.sent);
        let skipped = if sent { "skip_serializing" } else { "skip_deserializing" };
        if field.serde.has("skip") || field.serde.has(skipped) {
            return None;
        }
        let name = field.name_in_json(&variant.field_case, sent)?;
        let flatten = field.serde.has("flatten");
        let mut optional = if sent {
            field.serde.has("skip_serializing_if")
        } else {
            let absent = field.optional().is_some() && !self.is_opaque(field);
            field.serde.has("default") || !input.default.is_empty() || absent
        };
        // An `Option` that is omitted if it is `None` is never `null`. A flattened one that is `None` has no keys.
        let left_out =
            field.serde.text("skip_serializing_if").is_some_and(|test| test.value().ends_with("Option::is_none"));
        let inner = field.optional().filter(|_| (sent && left_out) || flatten);
        optional |= flatten && inner.is_some();
        let ty = match (&field.wire_type, inner) {
            (Some(ty), _) => self.ty(&ty.clone(), None),
            (None, Some(inner)) if !self.is_opaque(field) => self.ty(inner, Some(field)),
            (None, _) => self.ty_of(field),
        };
        let private = &self.expansion.private;
        let doc = doc::text(&field.original.attrs);
        let aliases = field.serde.texts("alias");
        let aliases = (!aliases.is_empty()).then(|| quote!(.aliases(&[#(#aliases),*])));
        let optional = optional.then(|| quote!(.optional()));
        let flatten = flatten.then(|| quote!(.flatten()));
        Some(quote!(#private::describe::field(#name, #doc, #ty)#aliases #optional #flatten))
    }

    /// Whether a serde codec hides the type on the wire.
    fn is_opaque(&self, field: &Field<'_>) -> bool {
        let own = if self.sent { "serialize_with" } else { "deserialize_with" };
        field.serde.has("with") || field.serde.has(own)
    }

    /// The type of a field on the wire, or `None` if a codec hides it.
    fn ty_of(&mut self, field: &Field<'_>) -> TokenStream {
        if let Some(ty) = &field.wire_type {
            return self.ty(ty, Some(field));
        }
        if self.is_opaque(field) {
            let private = &self.expansion.private;
            return quote!(#private::None);
        }
        self.ty(field.ty, Some(field))
    }

    /// A type, with the bound that the output can describe it.
    fn ty(&mut self, ty: &Type, field: Option<&Field<'_>>) -> TokenStream {
        let private = self.expansion.private.clone();
        let ty = self.with_static_lifetimes(ty);
        let describer = &self.describer;
        self.push(parse_quote!(#describer: #private::describe::DescribeType<#ty>));
        match field {
            Some(field) => {
                let private = self.expansion.private_at(field);
                quote_spanned!(field.type_span()=> #private::describe::ty::<#ty, _>(__describer))
            }
            None => quote!(#private::describe::ty::<#ty, _>(__describer)),
        }
    }

    /// The type, with the lifetimes of the deriving type replaced by `'static`. Bounds that differ only in lifetimes would be
    /// ambiguous.
    fn with_static_lifetimes(&self, ty: &Type) -> TokenStream {
        with_static_lifetimes(ty.to_token_stream(), &self.expansion.input.original.generics)
    }

    fn push(&mut self, predicate: WherePredicate) {
        if self.seen.insert(predicate.to_token_stream().to_string()) {
            self.bounds.push(predicate);
        }
    }
}

fn with_static_lifetimes(tokens: TokenStream, generics: &Generics) -> TokenStream {
    let mut quoted = false;
    let replaced = tokens.into_iter().map(|token| {
        let after_quote = std::mem::replace(&mut quoted, false);
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                quoted = true;
                TokenTree::Punct(punct)
            }
            TokenTree::Ident(ident) if after_quote && generics.lifetimes().any(|own| own.lifetime.ident == ident) => {
                TokenTree::Ident(Ident::new("static", ident.span()))
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), with_static_lifetimes(group.stream(), generics));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        }
    });
    replaced.collect()
}
