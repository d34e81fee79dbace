//! `EventKind`.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Expansion, binding};
use crate::model::{Data, Variant};

pub(super) fn expand(expansion: &Expansion<'_, '_>) -> TokenStream {
    let variants = &expansion.input.variants;
    let private = &expansion.private;
    let event_types = variants.iter().map(|variant| {
        let path = expansion.path(variant);
        match &variant.data {
            Data::Other(field) => {
                let (member, bound) = (&field.member, binding(field));
                quote!(#path { #member: #bound } => #private::RawEvent::event_type(#bound),)
            }
            Data::Nested(field) => {
                let (member, bound) = (&field.member, binding(field));
                quote!(#path { #member: #bound } => #private::EventKind::event_type(#bound),)
            }
            _ => {
                let name = &variant.name.text;
                quote!(#path { .. } => #name,)
            }
        }
    });
    let event_type = match_self(variants.is_empty(), event_types);
    let is_terminal = predicate(expansion, "is_terminal", |variant| variant.terminal);
    let is_error = predicate(expansion, "is_error", |variant| variant.error);
    let body = quote! {
        fn event_type(&self) -> &#private::str {
            #event_type
        }

        #is_terminal
        #is_error
    };
    expansion.implement("EventKind", &[], &body)
}

/// A method that returns true for some variants. Omitted if the trait's default is right for all variants.
fn predicate(expansion: &Expansion<'_, '_>, name: &str, holds: impl Fn(&Variant<'_>) -> bool) -> TokenStream {
    let variants = &expansion.input.variants;
    let private = &expansion.private;
    let name = quote::format_ident!("{name}");
    let needed = |variant: &Variant<'_>| holds(variant) || matches!(variant.data, Data::Nested(_));
    if !variants.iter().any(needed) {
        return TokenStream::new();
    }
    let arms = variants.iter().map(|variant| {
        let path = expansion.path(variant);
        match &variant.data {
            Data::Nested(field) => {
                let (member, bound) = (&field.member, binding(field));
                quote!(#path { #member: #bound } => #private::EventKind::#name(#bound),)
            }
            _ => {
                let holds = holds(variant);
                quote!(#path { .. } => #holds,)
            }
        }
    });
    quote! {
        fn #name(&self) -> #private::bool {
            match self {
                #(#arms)*
            }
        }
    }
}

/// A match on `self`. For an enum without variants it matches `*self`, which needs no arms.
pub(super) fn match_self(empty: bool, arms: impl Iterator<Item = TokenStream>) -> TokenStream {
    if empty {
        return quote!(match *self {});
    }
    quote! {
        match self {
            #(#arms)*
        }
    }
}
