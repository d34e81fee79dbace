//! `EncodeEvent`, and what belongs to the sending side: `HubEvent` and `GapEvent`.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ExprPath, Fields, Member, WherePredicate, parse_quote, spanned::Spanned as _};

use super::{Output, binding, kind::match_self, mirror, unites};
use crate::{
    check::has_field,
    model::{Data, Field, Selector, Variant},
};

pub(super) fn expand(output: &Output<'_, '_>) -> TokenStream {
    let private = &output.private;
    let variants = &output.input.variants;
    let arms = variants.iter().map(|variant| arm(output, variant));
    let body = match_self(variants.is_empty(), arms);
    let mut items = mirror::encode(output);
    items.extend(output.implement(
        "EncodeEvent",
        &output.encode_predicates,
        &quote! {
            fn encode(&self, __event: &mut #private::EventWriter<'_>) -> #private::Result<(), #private::EncodeError> {
                #body
            }
        },
    ));
    items.extend(hub_event(output));
    items.extend(unites::expand(output));
    items.extend(variants.iter().find(|variant| variant.gap.is_some()).map(|variant| gap_event(output, variant)));
    items
}

/// Writes one variant.
fn arm(output: &Output<'_, '_>, variant: &Variant<'_>) -> TokenStream {
    let private = &output.private;
    let path = output.path(variant);
    if variant.skip_encode {
        return quote!(#path { .. } => #private::Ok(()),);
    }
    let mut members = Vec::new();
    let mut bind = |field: &Field<'_>| {
        let (member, bound) = (&field.member, binding(field));
        members.push(quote!(#member: #bound,));
        bound
    };
    let beside = beside(output, variant, &mut bind);
    let name = match variant.name.text.as_str() {
        // Clients read an event without a name as this one.
        "message" => TokenStream::new(),
        name => quote!(#private::event_type(__event, #name);),
    };
    let data = match &variant.data {
        _ if variant.needs_mirror(output.input.tag.is_some()) => match &output.input.tag {
            Some(tag) => quote!(#name #private::write_tagged(__event, #tag, &__Json(self))),
            None => quote!(#name #private::EventWriter::json(__event, &__Json(self))),
        },
        Data::Newtype(field) => {
            let (private, bound) = (output.private_at(field), bind(field));
            let json = quote_spanned!(field.type_span()=> #private::EventWriter::json(__event, #bound));
            quote!(#name #json)
        }
        Data::Text(field) => {
            let (private, bound) = (output.private_at(field), bind(field));
            let text = quote_spanned!(field.type_span()=> #private::EventWriter::text(__event, #bound));
            quote!(#name #text)
        }
        Data::With(module, field) => {
            let bound = bind(field);
            let encode = quote_spanned!(own_codec(module)=> #module::encode);
            quote!(#name #private::write_own(__event, #encode(#bound)))
        }
        Data::Sentinel(text) => quote!(#name #private::EventWriter::text(__event, #text)),
        Data::Other(field) => {
            let (private, bound) = (output.private_at(field), bind(field));
            let declared = output.declared();
            // Only a type that is read as well can name the types of its nested payloads.
            let nested = output.input.nested_fields().filter(|_| output.input.sides.decode).map(|field| field.ty);
            let tag = tag(output);
            quote_spanned! {field.type_span()=>
                #private::refuse_declared(
                    #bound,
                    #tag,
                    &[&[#(#declared),*], #(<#nested as #private::DecodeEvent>::EVENT_TYPES),*],
                )?;
                #private::EncodeEvent::encode(#bound, __event)
            }
        }
        Data::Nested(field) if output.input.sides.decode => {
            let (private, bound) = (output.private_at(field), bind(field));
            let misread = misread_arguments(output, field);
            quote_spanned!(field.type_span()=> #private::write_nested(__event, #bound, #misread))
        }
        Data::Nested(field) => {
            let (private, bound) = (output.private_at(field), bind(field));
            quote_spanned!(field.type_span()=> #private::EncodeEvent::encode(#bound, __event))
        }
        Data::Unit | Data::Object(_) | Data::None => quote!(#name #private::EventWriter::json(__event, &())),
    };
    let data = match keys(output, variant) {
        Some(keys) => quote!(#private::write_keyed(__event, #keys, |__event| { #data })),
        None => data,
    };
    quote! {
        #path { #(#members)* .. } => {
            #beside
            #data
        }
    }
}

/// By what an event of a nested payload may be read as something else: the arguments of `write_nested` behind the payload.
pub(super) fn misread_arguments(output: &Output<'_, '_>, field: &Field<'_>) -> TokenStream {
    let private = output.private_at(field);
    let declared = output.declared();
    let siblings = output.input.nested_fields().filter(|sibling| !std::ptr::eq(*sibling, field)).map(|field| field.ty);
    let caught = output.input.catch_all().is_some();
    let tag = tag(output);
    let before = output.input.nested_fields().take_while(|earlier| !std::ptr::eq(*earlier, field));
    let before = before.map(|field| field.ty);
    quote_spanned! {field.type_span()=>
        #tag,
        &[&[#(#declared),*], #(<#siblings as #private::DecodeEvent>::EVENT_TYPES),*],
        #caught,
        &[#(#private::takes::<#before>),*],
    }
}

/// A variant's own key, and all by which variants of its event type are told apart, where only the data shows which of them
/// selects: a payload of its own, or flattened fields, may have any.
fn keys(output: &Output<'_, '_>, variant: &Variant<'_>) -> Option<TokenStream> {
    let any = match &variant.data {
        Data::Newtype(_) => true,
        Data::Object(fields) => fields.iter().any(|field| field.serde.has("flatten")),
        _ => return None,
    };
    let own = match &variant.selector {
        Some(Selector::Key(key)) => Some(key),
        _ => None,
    };
    let sharing = output.input.variants.iter().filter(|other| {
        let is_read = !other.skip_decode && other.is_named();
        std::ptr::eq(*other, variant) || (is_read && other.names().any(|name| name.text == variant.name.text))
    });
    let keys: Vec<_> = sharing
        .filter_map(|other| match &other.selector {
            Some(Selector::Key(key)) if any || has_field(variant, &key.value()) => Some(key),
            _ => None,
        })
        .collect();
    // Its own key alone selects it, be it a `null`, if the field is always written.
    let skips = || variant.json_fields().iter().any(|field| field.serde.has("skip_serializing_if"));
    let needs_no_check = if own.is_some() { keys.len() == 1 && !any && !skips() } else { keys.is_empty() };
    if needs_no_check {
        return None;
    }
    let private = &output.private;
    let own = own.map_or_else(|| quote!(#private::None), |own| quote!(#private::Some(#own)));
    Some(quote!(#own, &[#(#keys),*]))
}

/// Writes id and reconnection time.
fn beside(
    output: &Output<'_, '_>,
    variant: &Variant<'_>,
    bind: &mut impl FnMut(&Field<'_>) -> syn::Ident,
) -> TokenStream {
    let id = variant.id.as_ref().map(|id| {
        let (private, bound) = (output.private_at(&id.field), bind(&id.field));
        let span = id.field.type_span();
        let write = if id.json {
            quote_spanned!(span=> #private::write_json_id(__event, #bound)?;)
        } else {
            quote_spanned!(span=> #private::EventWriter::id(__event, #bound)?;)
        };
        if_given(output, &id.field, &write)
    });
    let retry = variant.retry.as_ref().map(|retry| {
        let (private, bound) = (output.private_at(retry), bind(retry));
        let write = quote_spanned!(retry.type_span()=> #private::EventWriter::retry(__event, *#bound););
        if_given(output, retry, &write)
    });
    quote!(#id #retry)
}

/// Where a variant's own codec is named.
pub(super) fn own_codec(module: &ExprPath) -> Span {
    module.span().resolved_at(Span::call_site())
}

/// What to do with a field, if it is there.
fn if_given(output: &Output<'_, '_>, field: &Field<'_>, write: &TokenStream) -> TokenStream {
    if field.optional().is_none() {
        return write.clone();
    }
    let (private, bound) = (&output.private, binding(field));
    quote! {
        if let #private::Some(#bound) = #bound {
            #write
        }
    }
}

/// The tag as an `Option<&str>`.
pub(super) fn tag(output: &Output<'_, '_>) -> TokenStream {
    let private = &output.private;
    match &output.input.tag {
        Some(tag) => quote!(#private::Some(#tag)),
        None => quote!(#private::None),
    }
}

/// A hub gives the ids, so a type without one of its own can be published.
fn hub_event(output: &Output<'_, '_>) -> TokenStream {
    if output.input.has_id() {
        return TokenStream::new();
    }
    let private = &output.private;
    let lifetime = output.lifetime();
    let mut predicates = output.encode_predicates.clone();
    predicates.extend(output.input.variants.iter().filter_map(|variant| match &variant.data {
        Data::Nested(field) if !variant.skip_encode => {
            let ty = field.ty;
            // With a lifetime the bound is looked at where the impl is used: without one, a payload that brings its own ids
            // would be an error here.
            let predicate: WherePredicate = parse_quote!(for<#lifetime> #ty: #private::HubEvent);
            Some(predicate)
        }
        _ => None,
    }));
    output.implement("HubEvent", &predicates, &TokenStream::new())
}

/// A part of a gap as the type of the field, which must be its own: a bound says so in words.
fn gap_field(private: &TokenStream, field: &Field<'_>, part: &TokenStream, value: &TokenStream) -> TokenStream {
    let ty = field.ty;
    quote_spanned!(field.type_span()=> <#ty as #private::GapField<#part>>::from_part(#value))
}

/// The event that tells of lost history.
fn gap_event(output: &Output<'_, '_>, variant: &Variant<'_>) -> TokenStream {
    let private = &output.private;
    let path = output.path(variant);
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
    output.implement(
        "GapEvent",
        &[],
        &quote! {
            fn from_gap(#gap: #private::Gap) -> Self {
                #value
            }
        },
    )
}
