//! Impls for a type with errors, so that code that uses the type causes no further errors.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{DeriveInput, Path, Type, WherePredicate, parse_quote};

use crate::{
    Sides, bound,
    check::mentions,
    expand::{in_const, nested_types},
    model::default_crate,
};

/// Impls that never run, because the derive also reports errors.
pub(crate) fn expand(input: &DeriveInput, sides: Sides) -> TokenStream {
    let krate: Path = krate(input);
    let private = quote!(#krate::__private);
    let ident = &input.ident;
    let generics = bound::without_defaults(&input.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let mut items = quote! {
        #[automatically_derived]
        impl #impl_generics #private::EventKind for #ident #ty_generics #where_clause {
            fn event_type(&self) -> &#private::str {
                #private::unreachable!()
            }
        }
    };
    let mut describable = generics.clone();
    describable.params.push(parse_quote!(__Describer: #private::describe::Describer + ?#private::Sized));
    let describable_impl = describable.split_for_impl().0;
    items.extend(quote! {
        #[automatically_derived]
        impl #describable_impl #private::describe::DescribeEvent<__Describer> for #ident #ty_generics #where_clause {
            fn describe(
                _: &mut __Describer,
                _: #private::describe::Side,
            ) -> #private::Option<#private::describe::Events<__Describer::Type>> {
                #private::unreachable!()
            }
        }
    });
    if sides.encode {
        items.extend(quote! {
            #[automatically_derived]
            impl #impl_generics #private::EncodeEvent for #ident #ty_generics #where_clause {
                fn encode(&self, _: &mut #private::EventWriter<'_>) -> #private::Result<(), #private::EncodeError> {
                    #private::unreachable!()
                }
            }

            #[automatically_derived]
            impl #impl_generics #private::HubEvent for #ident #ty_generics #where_clause {}

            #[automatically_derived]
            impl #impl_generics #private::GapEvent for #ident #ty_generics #where_clause {
                fn from_gap(_: #private::Gap) -> Self {
                    #private::unreachable!()
                }
            }
        });
    }
    if sides.encode {
        for ty in nested_types(nested(input)) {
            let predicate: WherePredicate = parse_quote!(for<'__sse> #ty: #private::EncodeEvent);
            let generics = bound::with_predicates(&input.generics, &[predicate]);
            let where_clause = &generics.where_clause;
            items.extend(quote! {
                #[automatically_derived]
                impl #impl_generics #private::Nests<#ty> for #ident #ty_generics #where_clause {}
            });
        }
    }
    if sides.decode {
        items.extend(quote! {
            #[automatically_derived]
            impl #impl_generics #private::DecodeEvent for #ident #ty_generics #where_clause {
                const EVENT_TYPES: &'static [&'static #private::str] = &[];

                fn decode(
                    _: #private::RawEventRef<'_>,
                ) -> #private::Result<#private::Decoded<Self>, #private::DecodeError> {
                    #private::unreachable!()
                }
            }
        });
    }
    in_const(input, &items)
}

/// The payloads of variants that seem to be `nested`.
fn nested(input: &DeriveInput) -> impl Iterator<Item = &Type> {
    let variants = match &input.data {
        syn::Data::Enum(body) => body.variants.iter().collect(),
        _ => Vec::new(),
    };
    let is_nested = |variant: &&syn::Variant| {
        let mut lists = variant
            .attrs
            .iter()
            .filter(|attr| attr.path().is_ident("sse"))
            .filter_map(|attr| attr.meta.require_list().ok());
        lists.any(|list| {
            list.tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(word) if word == "nested"))
        })
    };
    variants
        .into_iter()
        .filter(is_nested)
        .flat_map(|variant| variant.fields.iter().take(1))
        .map(|field| &field.ty)
        .filter(|ty| {
            // A type nested in itself, or one that depends on a type parameter, is one of the errors.
            !mentions(ty, &input.ident) && !bound::mentions_param(&input.generics, ty)
        })
}

/// The path of the crate, if its attribute can be parsed.
fn krate(input: &DeriveInput) -> Path {
    let mut krate = None;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("sse")) {
        // Errors of the attributes were reported before.
        let _ = attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("crate") {
                krate = meta.value()?.parse::<syn::LitStr>()?.parse().ok();
            } else if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            } else if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        });
    }
    krate.unwrap_or_else(default_crate)
}
