//! `HubEvent`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{WherePredicate, parse_quote};

use super::Expansion;
use crate::{
    bound,
    model::{Data, Field, RunEnd, Variant},
};

/// `HubEvent`, for a type without an `id` field. The hub assigns the ids.
pub(super) fn expand(expansion: &Expansion<'_, '_>) -> TokenStream {
    if expansion.input.has_id() {
        return TokenStream::new();
    }
    let private = &expansion.private;
    let lifetime = expansion.lifetime();
    let mut predicates = expansion.encode_predicates.clone();
    predicates.extend(expansion.input.variants.iter().filter_map(|variant| match &variant.data {
        Data::Nested(field) if !variant.skip_encode => {
            let ty = field.ty;
            // With a lifetime the bound is checked where the impl is used. Without one, a payload with ids of its own would be an
            // error here.
            let predicate: WherePredicate = parse_quote!(for<#lifetime> #ty: #private::HubEvent);
            Some(predicate)
        }
        _ => None,
    }));
    let mut functions = TokenStream::new();
    for end in RunEnd::ALL {
        let marked = expansion.input.variants.iter().find(|variant| variant.run_end.is_some_and(|(own, _)| own == end));
        let Some(variant) = marked else { continue };
        if let Some(field) = reason(variant)
            && bound::mentions_param(&expansion.input.original.generics, field.ty)
        {
            let ty = field.ty;
            predicates.push(parse_quote!(#ty: #private::ReasonField));
        }
        functions.extend(function(expansion, end, variant));
    }
    expansion.implement("HubEvent", &predicates, &functions)
}

/// The field with the text of the error.
fn reason<'v, 'a>(variant: &'v Variant<'a>) -> Option<&'v Field<'a>> {
    match &variant.data {
        Data::Object(fields) => fields.first(),
        Data::Text(field) => Some(field),
        _ => None,
    }
}

/// The function that makes the event of one end.
fn function(expansion: &Expansion<'_, '_>, end: RunEnd, variant: &Variant<'_>) -> TokenStream {
    let private = &expansion.private;
    let path = expansion.path(variant);
    let (reason, value) = match reason(variant) {
        Some(field) => {
            let (member, ty) = (&field.member, field.ty);
            let value = quote_spanned!(field.type_span()=> <#ty as #private::ReasonField>::from_reason(__reason));
            (quote!(__reason), quote!(#path { #member: #value }))
        }
        None => (quote!(_), quote!(#path {})),
    };
    let (name, arguments) = match end {
        RunEnd::Failed => (quote!(failed), quote!(#reason: #private::String)),
        RunEnd::Stopped => (quote!(stopped), quote!()),
        RunEnd::Lost => (quote!(lost), quote!()),
    };
    quote! {
        fn #name(#arguments) -> #private::Option<Self> {
            #private::Some(#value)
        }
    }
}
