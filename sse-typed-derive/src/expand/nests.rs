//! `Nests`, for each nested payload.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{GenericArgument, PathArguments, Type, WherePredicate, parse_quote};

use super::{Expansion, encode};
use crate::model::{Field, ungrouped};

/// An impl for each payload.
pub(super) fn expand(expansion: &Expansion<'_, '_>) -> TokenStream {
    let sent = expansion.input.variants.iter().filter(|variant| !variant.skip_encode);
    let nested: Vec<_> = sent.filter_map(|variant| variant.nested()).collect();
    let mut items = TokenStream::new();
    for ty in nested_types(nested.iter().map(|field| field.ty)) {
        let is_of = |field: &&&Field<'_>| {
            std::ptr::eq(field.ty, ty) || pointee(field.ty).is_some_and(|inner| std::ptr::eq(inner, ty))
        };
        if let Some(field) = nested.iter().find(is_of) {
            items.extend(implement(expansion, field, ty));
        }
    }
    items
}

/// The types of nested payloads, and for pointers also the types that they point to, because the event type of a hub is the payload
/// itself. Duplicates are removed, including types that differ only in lifetimes.
pub(crate) fn nested_types<'a>(nested: impl Iterator<Item = &'a Type>) -> Vec<&'a Type> {
    let mut seen = HashSet::new();
    let types = nested.flat_map(|ty| std::iter::once(ty).chain(pointee(ty)));
    types.filter(|ty| seen.insert(without_lifetimes(ty))).collect()
}

fn implement(expansion: &Expansion<'_, '_>, field: &Field<'_>, ty: &Type) -> TokenStream {
    let private = &expansion.private;
    let lifetime = expansion.lifetime();
    let mut predicates = expansion.encode_predicates.clone();
    // With a lifetime the bound is checked where the impl is used. A payload that is not an event type is an error elsewhere.
    let mut bound = |name: TokenStream| {
        let predicate: WherePredicate = parse_quote!(for<#lifetime> #ty: #private::#name);
        predicates.push(predicate);
    };
    bound(quote!(EncodeEvent));
    let body = expansion.input.sides.decode.then(|| {
        bound(quote!(DecodeEvent));
        let private_at = expansion.private_at(field);
        let misread = encode::nested_check_arguments(expansion, field);
        quote_spanned! {field.type_span()=>
            fn encode_part(
                __part: &#ty,
                __event: &mut #private_at::EventWriter<'_>,
            ) -> #private_at::Result<(), #private_at::EncodeError> {
                #private_at::write_nested(__event, __part, #misread)
            }

            fn check_part(
                __event_type: &#private_at::str,
                __fields: &#private_at::str,
            ) -> #private_at::Result<(), #private_at::EncodeError> {
                #private_at::check_nested::<#ty>(__event_type, __fields, #misread)
            }
        }
    });
    expansion.implement_of(&quote!(Nests<#ty>), &predicates, &body.unwrap_or_default())
}

/// The `T` of a `Box<T>`, an `Rc<T>` or an `Arc<T>`.
fn pointee(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let is_pointer = ["Box", "Rc", "Arc"].iter().any(|name| last.ident == name);
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) if is_pointer && arguments.args.len() == 1 => Some(inner),
        _ => None,
    }
}

fn without_lifetimes(ty: &Type) -> String {
    fn write(tokens: TokenStream, out: &mut String) {
        let mut tokens = tokens.into_iter();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                    tokens.next();
                }
                TokenTree::Group(group) => write(group.stream(), out),
                token => {
                    out.push_str(&token.to_string());
                    out.push(' ');
                }
            }
        }
    }

    let mut text = String::new();
    write(ungrouped(ty).to_token_stream(), &mut text);
    text
}
