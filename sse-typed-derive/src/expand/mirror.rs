//! Types that exist for serde's derives alone.
//!
//! Values are written through a mirror of the user's type, with the same variants and the same owned field types, and
//! serde's `remote`: serde then matches on the user's value itself and hands every attribute the `&T` that it expects. A
//! struct of references would break generic `with` modules, which would be given a `&&T`. Values are read into one struct
//! per variant and moved from there.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Fields, GenericParam, Ident, parse_quote};

use super::{Output, without_spaces};
use crate::{
    bound,
    model::{Data, Field, Variant},
};

/// The mirror, and `__Json`, which lends a value to serde through it. Nothing when no variant needs them.
pub(super) fn encode(output: &Output<'_, '_>) -> TokenStream {
    let input = output.input;
    let tagged = input.tag.is_some();
    if !input.variants.iter().any(|variant| !variant.skip_encode && variant.needs_mirror(tagged)) {
        return TokenStream::new();
    }
    let private = &output.private;
    let ident = output.ident;
    let generics = bound::without_defaults(&input.original.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();

    let serde = output.serde();
    // serde adds the mirror's own parameters.
    let remote = ident.to_string();
    let bounds = bound::serde_bound(&generics, "serialize", &output.encode_predicates);
    let body = if input.is_enum {
        let form = input.tag.as_ref().map_or_else(|| quote!(untagged), |tag| quote!(tag = #tag));
        let variants = input.variants.iter().map(|variant| mirrored(variant, tagged));
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

    let lifetime = output.lifetime();
    let mut borrowing = bound::with_predicates(&generics, &output.encode_predicates);
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
fn mirrored(variant: &Variant<'_>, tagged: bool) -> TokenStream {
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

/// The fields of a mirror. What travels beside the data is skipped.
fn fields(variant: &Variant<'_>) -> TokenStream {
    let beside = variant.id.iter().map(|id| &id.field).chain(&variant.retry).map(|field| {
        let (member, ty) = (&field.member, field.ty);
        quote!(#[serde(skip)] #member: #ty)
    });
    match &variant.data {
        Data::Object(fields) => {
            let fields = fields.iter().map(Field::declaration).chain(beside);
            quote!({ #(#fields),* })
        }
        Data::Newtype(field) => {
            let field = field.declaration();
            quote!((#field))
        }
        _ => TokenStream::new(),
    }
}

/// Where the fields of a variant are read into.
pub(super) enum Target {
    /// The variant's type itself.
    Direct,
    /// A generated struct, whose fields have the same names.
    Fields(Ident),
    /// A generated struct whose only field is `data`.
    Transparent(Ident),
    /// A generated struct that holds the user's.
    Whole(Ident),
}

/// The struct that a variant is read into, and its name.
pub(super) fn decode(output: &Output<'_, '_>, variant: &Variant<'_>, position: usize) -> (Target, TokenStream) {
    let input = output.input;
    let private = &output.private;
    let target = format_ident!("__Data{position}");
    let generics = bound::without_defaults(&input.original.generics);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let serde = output.serde();
    let bounds = bound::serde_bound(&generics, "deserialize", &output.decode_predicates);
    let ident = output.ident;
    let marker = generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_))).then(|| {
        // A type parameter that stands in other variants only must be used all the same.
        quote!(#[serde(skip)] __marker: #private::PhantomData<#ident #ty_generics>,)
    });
    match &variant.data {
        Data::Object(_) if !input.default.is_empty() => {
            let remote = ident.to_string();
            let case = variant.field_case.attribute();
            // serde asks for the default of the struct that derives; a path may give that of the user's.
            let of_user = without_spaces(&quote!(#private::Default::default));
            let default = input.default.iter().map(|default| match default.to_string().as_str() {
                "default" => quote!(default = #of_user),
                _ => default.clone(),
            });
            let deny = &input.deny_unknown_fields;
            let fields = fields(variant);
            let turbofish = ty_generics.as_turbofish();
            let mut reading = bound::with_predicates(&generics, &output.decode_predicates);
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
            (Target::Whole(target), items)
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
            (Target::Fields(target), items)
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
            (Target::Transparent(target), items)
        }
        _ => (Target::Direct, TokenStream::new()),
    }
}
