//! `EncodeEvent` and `GapEvent`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ExprPath, Fields, Member, spanned::Spanned as _};

use super::{Expansion, binding, hub_event, kind::match_self, mirror, nests};
use crate::{
    check::has_field,
    model::{Data, Field, Selector, Variant},
};

pub(super) fn expand(expansion: &Expansion<'_, '_>) -> TokenStream {
    let private = &expansion.private;
    let variants = &expansion.input.variants;
    let arms = variants.iter().map(|variant| arm(expansion, variant));
    let body = match_self(variants.is_empty(), arms);
    let mut items = mirror::encode(expansion);
    items.extend(expansion.implement(
        "EncodeEvent",
        &expansion.encode_predicates,
        &quote! {
            fn encode(&self, __event: &mut #private::EventWriter<'_>) -> #private::Result<(), #private::EncodeError> {
                #body
            }
        },
    ));
    items.extend(hub_event::expand(expansion));
    items.extend(nests::expand(expansion));
    items.extend(variants.iter().find(|variant| variant.gap.is_some()).map(|variant| gap_event(expansion, variant)));
    items
}

/// The match arm that writes one variant.
fn arm(expansion: &Expansion<'_, '_>, variant: &Variant<'_>) -> TokenStream {
    let private = &expansion.private;
    let path = expansion.path(variant);
    if variant.skip_encode {
        return quote!(#path { .. } => #private::Ok(()),);
    }
    let mut members = Vec::new();
    let mut bind = |field: &Field<'_>| {
        let (member, bound) = (&field.member, binding(field));
        members.push(quote!(#member: #bound,));
        bound
    };
    let id_and_retry = id_and_retry(expansion, variant, &mut bind);
    let name = match variant.name.text.as_str() {
        // Clients read an event without an event type as this one.
        "message" => TokenStream::new(),
        name => quote!(#private::write_event_type(__event, #name);),
    };
    let data = match &variant.data {
        _ if variant.needs_mirror(expansion.input.tag.is_some()) => match &expansion.input.tag {
            Some(tag) => quote!(#name #private::write_tagged(__event, #tag, &__Json(self))),
            None => quote!(#name #private::EventWriter::json(__event, &__Json(self))),
        },
        Data::Newtype(field) => {
            let (private, bound) = (expansion.private_at(field), bind(field));
            let json = quote_spanned!(field.type_span()=> #private::EventWriter::json(__event, #bound));
            quote!(#name #json)
        }
        Data::Text(field) => {
            let (private, bound) = (expansion.private_at(field), bind(field));
            let text = quote_spanned!(field.type_span()=> #private::EventWriter::text(__event, #bound));
            quote!(#name #text)
        }
        Data::With(module, field) => {
            let bound = bind(field);
            let encode = quote_spanned!(module_span(module)=> #module::encode);
            quote!(#name #private::write_with(__event, #encode(#bound)))
        }
        Data::Sentinel(text) => quote!(#name #private::EventWriter::text(__event, #text)),
        Data::Other(field) => {
            let (private, bound) = (expansion.private_at(field), bind(field));
            let declared = expansion.declared();
            // The event types of nested payloads are only known if the type is also received.
            let nested = expansion.input.nested_fields().filter(|_| expansion.input.sides.decode).map(|field| field.ty);
            let tag = tag(expansion);
            quote_spanned! {field.type_span()=>
                #private::check_other(
                    #bound,
                    #tag,
                    &[&[#(#declared),*], #(<#nested as #private::DecodeEvent>::EVENT_TYPES),*],
                )?;
                #private::EncodeEvent::encode(#bound, __event)
            }
        }
        Data::Nested(field) if expansion.input.sides.decode => {
            let (private, bound) = (expansion.private_at(field), bind(field));
            let misread = nested_check_arguments(expansion, field);
            quote_spanned!(field.type_span()=> #private::write_nested(__event, #bound, #misread))
        }
        Data::Nested(field) => {
            let (private, bound) = (expansion.private_at(field), bind(field));
            quote_spanned!(field.type_span()=> #private::EncodeEvent::encode(#bound, __event))
        }
        Data::Unit | Data::Object(_) | Data::None => quote!(#name #private::EventWriter::json(__event, &())),
    };
    let data = match key_arguments(expansion, variant) {
        Some(keys) => quote!(#private::write_keyed(__event, #keys, |__event| { #data })),
        None => data,
    };
    quote! {
        #path { #(#members)* .. } => {
            #id_and_retry
            #data
        }
    }
}

/// The arguments of `write_nested` after the payload: everything that may decode the payload's event as something else.
pub(super) fn nested_check_arguments(expansion: &Expansion<'_, '_>, field: &Field<'_>) -> TokenStream {
    let private = expansion.private_at(field);
    let declared = expansion.declared();
    let siblings =
        expansion.input.nested_fields().filter(|sibling| !std::ptr::eq(*sibling, field)).map(|field| field.ty);
    let has_catch_all = expansion.input.catch_all().is_some();
    let tag = tag(expansion);
    let before = expansion.input.nested_fields().take_while(|earlier| !std::ptr::eq(*earlier, field));
    let before = before.map(|field| field.ty);
    quote_spanned! {field.type_span()=>
        #tag,
        &[&[#(#declared),*], #(<#siblings as #private::DecodeEvent>::EVENT_TYPES),*],
        #has_catch_all,
        &[#(#private::decodes::<#before>),*],
    }
}

/// The arguments of `write_keyed`: the variant's own key, and the keys of its event type that its data may have. `None` if the
/// data needs no check at run time. A payload or flattened fields may have any key.
fn key_arguments(expansion: &Expansion<'_, '_>, variant: &Variant<'_>) -> Option<TokenStream> {
    let any = match &variant.data {
        Data::Newtype(_) => true,
        Data::Object(fields) => fields.iter().any(|field| field.serde.has("flatten")),
        _ => return None,
    };
    let own = match &variant.selector {
        Some(Selector::Key(key)) => Some(key),
        _ => None,
    };
    let sharing = expansion.input.variants.iter().filter(|other| {
        let is_read = !other.skip_decode && other.is_named();
        std::ptr::eq(*other, variant) || (is_read && other.names().any(|name| name.text == variant.name.text))
    });
    let keys: Vec<_> = sharing
        .filter_map(|other| match &other.selector {
            Some(Selector::Key(key)) if any || has_field(variant, &key.value()) => Some(key),
            _ => None,
        })
        .collect();
    // If its own key is the only one and always written, even as `null`, it always selects this variant.
    let skips = || variant.json_fields().iter().any(|field| field.serde.has("skip_serializing_if"));
    let needs_no_check = if own.is_some() { keys.len() == 1 && !any && !skips() } else { keys.is_empty() };
    if needs_no_check {
        return None;
    }
    let private = &expansion.private;
    let own = own.map_or_else(|| quote!(#private::None), |own| quote!(#private::Some(#own)));
    Some(quote!(#own, &[#(#keys),*]))
}

/// Code that writes id and reconnection time.
fn id_and_retry(
    expansion: &Expansion<'_, '_>,
    variant: &Variant<'_>,
    bind: &mut impl FnMut(&Field<'_>) -> syn::Ident,
) -> TokenStream {
    let id = variant.id.as_ref().map(|id| {
        let (private, bound) = (expansion.private_at(&id.field), bind(&id.field));
        let span = id.field.type_span();
        let write = if id.json {
            quote_spanned!(span=> #private::write_json_id(__event, #bound)?;)
        } else {
            quote_spanned!(span=> #private::EventWriter::id(__event, #bound)?;)
        };
        if_some(expansion, &id.field, &write)
    });
    let retry = variant.retry.as_ref().map(|retry| {
        let (private, bound) = (expansion.private_at(retry), bind(retry));
        let write = quote_spanned!(retry.type_span()=> #private::EventWriter::retry(__event, *#bound););
        if_some(expansion, retry, &write)
    });
    quote!(#id #retry)
}

/// The span of a `with` module.
pub(super) fn module_span(module: &ExprPath) -> Span {
    module.span().resolved_at(Span::call_site())
}

/// Code that writes a field, or an `Option` field only if it is `Some`.
fn if_some(expansion: &Expansion<'_, '_>, field: &Field<'_>, write: &TokenStream) -> TokenStream {
    if field.optional().is_none() {
        return write.clone();
    }
    let (private, bound) = (&expansion.private, binding(field));
    quote! {
        if let #private::Some(#bound) = #bound {
            #write
        }
    }
}

/// The tag as an `Option<&str>`.
pub(super) fn tag(expansion: &Expansion<'_, '_>) -> TokenStream {
    let private = &expansion.private;
    match &expansion.input.tag {
        Some(tag) => quote!(#private::Some(#tag)),
        None => quote!(#private::None),
    }
}

/// Converts a part of a gap into the field's type, which must be the same type. `GapField` provides the compile error.
fn gap_field(private: &TokenStream, field: &Field<'_>, part: &TokenStream, value: &TokenStream) -> TokenStream {
    let ty = field.ty;
    quote_spanned!(field.type_span()=> <#ty as #private::GapField<#part>>::from_part(#value))
}

/// `GapEvent`, for a type with a `gap` variant.
fn gap_event(expansion: &Expansion<'_, '_>, variant: &Variant<'_>) -> TokenStream {
    let private = &expansion.private;
    let path = expansion.path(variant);
    let (gap, value) = match (&variant.data, variant.fields) {
        (Data::Newtype(field), Fields::Unnamed(_)) => {
            let data = gap_field(private, field, &quote!(#private::Gap), &quote!(__gap));
            (quote!(__gap), quote!(#path { 0: #data }))
        }
        (Data::Object(fields), _) => {
            let fields = fields.iter().map(|field| {
                let member = &field.member;
                let part = match member {
                    Member::Named(ident) if ident == "reason" => quote!(#private::GapReason),
                    Member::Named(ident) if ident == "part" => quote!(#private::Option<#private::PartName>),
                    _ => quote!(#private::Option<#private::u64>),
                };
                let data = gap_field(private, field, &part, &quote!(__gap.#member));
                quote!(#member: #data)
            });
            (quote!(__gap), quote!(#path { #(#fields),* }))
        }
        _ => (quote!(_), quote!(#path {})),
    };
    expansion.implement(
        "GapEvent",
        &[],
        &quote! {
            fn from_gap(#gap: #private::Gap) -> Self {
                #value
            }
        },
    )
}
