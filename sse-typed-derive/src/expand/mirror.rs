//! Generated types that derive serde's traits.
//!
//! Values are written by a mirror of the user's type, which has the same variants and the same owned field types, and serde's
//! `remote`. So serde matches on the user's value itself and passes each attribute the `&T` that it expects. A struct of
//! references would break generic `with` modules, which would get a `&&T`. Values are deserialized into one struct per variant,
//! and the fields are moved out of it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Fields, GenericParam, Ident, parse_quote};

use super::{Expansion, without_spaces};
use crate::{
    bound,
    model::{Data, Field, Variant},
};

/// The mirror, and `__Json`, which serializes a borrowed value by it. Empty if no variant needs them.
pub(super) fn encode(expansion: &Expansion<'_, '_>) -> TokenStream {
    let input = expansion.input;
    let tagged = input.tag.is_some();
    if !input.variants.iter().any(|variant| !variant.skip_encode && variant.needs_mirror(tagged)) {
        return TokenStream::new();
    }
    let private = &expansion.private;
    let ident = expansion.ident;
    let generics = bound::without_defaults(&input.original.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    let serde = expansion.serde();
    // serde adds the mirror's own parameters.
    let remote = ident.to_string();
    let bounds = bound::serde_bound(&generics, "serialize", &expansion.encode_predicates);
    let body = if input.is_enum {
        let form = input.tag.as_ref().map_or_else(|| quote!(untagged), |tag| quote!(tag = #tag));
        let variants = input.variants.iter().map(|variant| mirror_variant(variant, tagged));
        quote! {
            #[serde(crate = #serde, remote = #remote, #form, #bounds)]
            enum __Mirror #impl_generics #where_clause {
                #(#variants,)*
            }
        }
    } else {
        let form = input.tag.as_ref().map(|tag| quote!(tag = #tag,));
        let variants = input.variants.iter().map(|variant| {
            let name = &variant.name.text;
            let case = variant.field_case.attribute();
            let fields = fields(variant);
            let declaration = match &variant.fields {
                Fields::Named(_) => quote!(struct __Mirror #impl_generics #where_clause #fields),
                Fields::Unnamed(_) | Fields::Unit => quote!(struct __Mirror #impl_generics #fields #where_clause;),
            };
            quote! {
                #[serde(crate = #serde, remote = #remote, rename = #name, #form #bounds)]
                #case
                #declaration
            }
        });
        quote!(#(#variants)*)
    };

    let lifetime = expansion.lifetime();
    let mut borrowing = bound::with_predicates(&generics, &expansion.encode_predicates);
    borrowing.params.insert(0, parse_quote!(#lifetime));
    let mut declared = generics.clone();
    declared.params.insert(0, parse_quote!(#lifetime));
    let (json_impl, json_type, json_where) = borrowing.split_for_impl();
    let declared_impl = declared.split_for_impl().0;
    let turbofish = ty_generics.as_turbofish();
    quote! {
        #[derive(#private::serde::Serialize)]
        #body

        struct __Json #declared_impl (&#lifetime #ident #ty_generics) #where_clause;

        #[automatically_derived]
        impl #json_impl #private::serde::Serialize for __Json #json_type #json_where {
            fn serialize<__S: #private::serde::Serializer>(
                &self,
                __serializer: __S,
            ) -> #private::Result<__S::Ok, __S::Error> {
                __Mirror #turbofish::serialize(self.0, __serializer)
            }
        }
    }
}

/// A variant of the mirror. One that serde does not write is there for its pattern alone.
fn mirror_variant(variant: &Variant<'_>, tagged: bool) -> TokenStream {
    let ident = variant.ident;
    if variant.skip_encode || !variant.needs_mirror(tagged) {
        let fields = match &variant.fields {
            // serde refuses tuples in tagged enums, even where they are skipped.
            Fields::Unnamed(fields) if fields.unnamed.len() != 1 => {
                let types = fields.unnamed.iter().map(|field| &field.ty);
                quote!(((#(#types,)*)))
            }
            Fields::Unnamed(fields) => {
                let types = fields.unnamed.iter().map(|field| &field.ty);
                quote!((#(#types),*))
            }
            Fields::Named(fields) => {
                let fields = fields.named.iter().map(|field| {
                    let (ident, ty) = (&field.ident, &field.ty);
                    quote!(#ident: #ty)
                });
                quote!({ #(#fields),* })
            }
            Fields::Unit => TokenStream::new(),
        };
        return quote!(#[serde(skip)] #ident #fields);
    }
    let name = &variant.name.text;
    let case = variant.field_case.attribute();
    let fields = fields(variant);
    quote! {
        #[serde(rename = #name)]
        #case
        #ident #fields
    }
}

/// The fields of a mirror. Id and reconnection time are skipped.
fn fields(variant: &Variant<'_>) -> TokenStream {
    let id_and_retry = variant.id.iter().map(|id| &id.field).chain(&variant.retry).map(|field| {
        let (member, ty) = (&field.member, field.ty);
        quote!(#[serde(skip)] #member: #ty)
    });
    match &variant.data {
        Data::Object(fields) => {
            let fields = fields.iter().map(Field::declaration).chain(id_and_retry);
            quote!({ #(#fields),* })
        }
        Data::Newtype(field) => {
            let field = field.declaration();
            quote!((#field))
        }
        _ => TokenStream::new(),
    }
}

/// The type that a variant's data is deserialized into.
pub(super) enum DecodeTarget {
    /// The payload's own type.
    Direct,
    /// A generated struct whose fields have the same names.
    Fields(Ident),
    /// A generated struct whose only field is `data`.
    Transparent(Ident),
    /// A generated struct that contains the user's struct.
    Whole(Ident),
}

/// The type that a variant's data is deserialized into, and its declaration if it is generated.
pub(super) fn decode(
    expansion: &Expansion<'_, '_>,
    variant: &Variant<'_>,
    position: usize,
) -> (DecodeTarget, TokenStream) {
    let input = expansion.input;
    let private = &expansion.private;
    let target = format_ident!("__Data{position}");
    let generics = bound::without_defaults(&input.original.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let serde = expansion.serde();
    let bounds = bound::serde_bound(&generics, "deserialize", &expansion.decode_predicates);
    let ident = expansion.ident;
    let marker = generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_))).then(|| {
        // A type parameter that only other variants use must still be used.
        quote!(#[serde(skip)] __marker: #private::PhantomData<#ident #ty_generics>,)
    });
    match &variant.data {
        Data::Object(_) if !input.default.is_empty() => {
            let remote = ident.to_string();
            let case = variant.field_case.attribute();
            // serde would use the default of the deriving struct. A path makes it use that of the user's struct.
            let of_user = without_spaces(&quote!(#private::Default::default));
            let default = input.default.iter().map(|default| match default.to_string().as_str() {
                "default" => quote!(default = #of_user),
                _ => default.clone(),
            });
            let deny = &input.deny_unknown_fields;
            let fields = fields(variant);
            let turbofish = ty_generics.as_turbofish();
            let mut reading = bound::with_predicates(&generics, &expansion.decode_predicates);
            reading.params.insert(0, parse_quote!('de));
            let (reading_impl, _, reading_where) = reading.split_for_impl();
            let items = quote! {
                #[derive(#private::serde::Deserialize)]
                #[serde(crate = #serde, remote = #remote, #bounds)]
                #case
                #(#[serde(#default)])*
                #(#[serde(#deny)])*
                struct __Remote #impl_generics #where_clause #fields

                struct #target #impl_generics (#ident #ty_generics) #where_clause;

                #[automatically_derived]
                impl #reading_impl #private::serde::Deserialize<'de> for #target #ty_generics #reading_where {
                    fn deserialize<__D: #private::serde::Deserializer<'de>>(
                        __deserializer: __D,
                    ) -> #private::Result<Self, __D::Error> {
                        #private::Result::map(__Remote #turbofish::deserialize(__deserializer), Self)
                    }
                }
            };
            (DecodeTarget::Whole(target), items)
        }
        Data::Object(fields) => {
            let name = if input.is_enum { format!("{ident}::{}", variant.ident) } else { ident.to_string() };
            let case = variant.field_case.attribute();
            let deny = &input.deny_unknown_fields;
            let fields = fields.iter().map(Field::declaration);
            let items = quote! {
                #[derive(#private::serde::Deserialize)]
                #[serde(crate = #serde, rename = #name, #bounds)]
                #case
                #(#[serde(#deny)])*
                struct #target #impl_generics #where_clause {
                    #(#fields,)*
                    #marker
                }
            };
            (DecodeTarget::Fields(target), items)
        }
        Data::Newtype(field) if field.serde_attrs().next().is_some() => {
            let attrs = field.serde_attrs();
            let ty = field.ty;
            let items = quote! {
                #[derive(#private::serde::Deserialize)]
                #[serde(crate = #serde, transparent, #bounds)]
                struct #target #impl_generics #where_clause {
                    #(#attrs)* data: #ty,
                    #marker
                }
            };
            (DecodeTarget::Transparent(target), items)
        }
        _ => (DecodeTarget::Direct, TokenStream::new()),
    }
}
