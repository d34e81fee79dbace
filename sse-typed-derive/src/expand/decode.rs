//! `DecodeEvent`: a match on the event type, then straight into the payload.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{LitStr, Member};

use super::{Output, encode::own_codec, mirror};
use crate::{
    expand::mirror::Target,
    model::{Data, Id, Selector, Variant},
};

pub(super) fn expand(output: &Output<'_, '_>) -> TokenStream {
    let private = &output.private;
    let mut items = TokenStream::new();
    let mut sentinels = Vec::new();
    let mut keyed = Vec::new();
    let mut plain = Vec::new();
    let readable = output.input.variants.iter().filter(|variant| !variant.skip_decode && variant.is_named());
    for (position, variant) in readable.enumerate() {
        let (target, declaration) = mirror::decode(output, variant, position);
        items.extend(declaration);
        let names = variant.names().map(|name| &name.text);
        let body = body(output, variant, &target);
        match &variant.selector {
            Some(Selector::Sentinel(text)) => sentinels.push(quote! {
                #(#names)|* if #private::RawEventRef::data(&__event) == #text => #body,
            }),
            Some(Selector::Key(key)) => keyed.push(quote! {
                #(#names)|* if __key == #private::Some(#key) => #body,
            }),
            None => plain.push(quote!(#(#names)|* => #body,)),
        }
    }
    let unmatched = unmatched(output);
    let ignored = (!output.input.ignore.is_empty()).then(|| {
        let ignored = &output.input.ignore;
        quote!(#(#ignored)|* => #private::Ok(#private::Decoded::Ignored),)
    });
    let nested = output.input.variants.iter().filter_map(|variant| nested(output, variant));
    let unknown = unknown(output);
    let find_type = output.input.tag.as_ref().map(|tag| {
        quote! {
            let __received = __event;
            let __event_type = #private::event_type_of(__received, #tag);
            let __event = #private::renamed(__received, &__event_type);
        }
    });
    let find_key = find_key(output);
    let event_types = event_types(output);
    items.extend(output.implement(
        "DecodeEvent",
        &output.decode_predicates,
        &quote! {
            const EVENT_TYPES: &'static [&'static #private::str] = #event_types;

            fn decode(
                __event: #private::RawEventRef<'_>,
            ) -> #private::Result<#private::Decoded<Self>, #private::DecodeError> {
                #find_type
                #find_key
                match #private::RawEventRef::event_type(&__event) {
                    #(#sentinels)*
                    #(#keyed)*
                    #(#plain)*
                    #(#unmatched)*
                    #ignored
                    #(#nested)*
                    _ => #unknown,
                }
            }
        },
    ));
    items
}

/// Reads one variant.
fn body(output: &Output<'_, '_>, variant: &Variant<'_>, target: &Target) -> TokenStream {
    let private = &output.private;
    let path = output.path(variant);
    let beside: Vec<_> = beside(output, variant);
    let tag = super::encode::tag(output);
    let ty_generics = output.input.original.generics.split_for_impl().1;
    match (&variant.data, target) {
        (Data::Newtype(_), Target::Transparent(target)) => quote! {
            #private::read_json(__event, #tag, |__fields: #target #ty_generics| #private::Ok(#path { 0: __fields.data }))
        },
        (Data::Newtype(field), _) => {
            let (private, ty) = (output.private_at(field), field.ty);
            quote_spanned! {field.type_span()=>
                #private::read_json(__event, #tag, |__data: #ty| #private::Ok(#path { 0: __data }))
            }
        }
        (Data::Object(_), Target::Whole(target)) => {
            let (mutable, set) = match &beside[..] {
                [] => (None, Vec::new()),
                beside => {
                    let set = beside.iter().map(|(member, read)| quote!(__fields.#member = #read;)).collect();
                    (Some(quote!(mut)), set)
                }
            };
            quote! {
                #private::read_json(__event, #tag, |#target(#mutable __fields): #target #ty_generics| {
                    #(#set)*
                    #private::Ok(__fields)
                })
            }
        }
        (Data::Object(fields), Target::Fields(target)) => {
            let members = fields.iter().map(|field| {
                let member = &field.member;
                quote!(#member: __fields.#member)
            });
            let members = members.chain(beside.iter().map(|(member, read)| quote!(#member: #read)));
            // Without a field in the JSON it is still looked at.
            let fields = if fields.is_empty() { quote!(_) } else { quote!(__fields) };
            quote! {
                #private::read_json(__event, #tag, |#fields: #target #ty_generics| #private::Ok(#path { #(#members),* }))
            }
        }
        (Data::Text(field), _) => {
            let (private, ty, member) = (output.private_at(field), field.ty, &field.member);
            let beside = beside.iter().map(|(member, read)| quote!(#member: #read,));
            quote_spanned! {field.type_span()=>
                #private::read_text(__event, |__data: #ty| #private::Ok(#path { #(#beside)* #member: __data }))
            }
        }
        (Data::With(module, _), _) => {
            let decode = quote_spanned!(own_codec(module)=> #module::decode);
            quote!(#private::read_own(__event, #decode(#private::RawEventRef::data(&__event)), |__data| #path { 0: __data }))
        }
        _ => quote!(#private::Ok(#private::Decoded::Event(#path {}))),
    }
}

/// Reads id and reconnection time.
fn beside<'v>(output: &Output<'_, '_>, variant: &'v Variant<'_>) -> Vec<(&'v Member, TokenStream)> {
    let id = variant.id.as_ref().map(|Id { field, json }| {
        let (private, optional) = (output.private_at(field), field.optional());
        let ty = optional.unwrap_or(field.ty);
        let read = match (json, optional.is_some()) {
            (false, false) => quote!(read_id),
            (false, true) => quote!(read_optional_id),
            (true, false) => quote!(read_json_id),
            (true, true) => quote!(read_optional_json_id),
        };
        (&field.member, quote_spanned!(field.type_span()=> #private::#read::<#ty>(__event)?))
    });
    let retry = variant.retry.as_ref().map(|field| {
        let (private, span) = (output.private_at(field), field.type_span());
        let read = if field.optional().is_some() {
            quote_spanned!(span=> #private::RawEventRef::retry(&__event))
        } else {
            quote_spanned!(span=> #private::read_retry(__event)?)
        };
        (&field.member, read)
    });
    id.into_iter().chain(retry).collect()
}

/// Looks for the key that selects the variant, where variants of an event type are known by keys.
fn find_key(output: &Output<'_, '_>) -> Option<TokenStream> {
    let private = &output.private;
    let mut types_by_keys: Vec<(Vec<&LitStr>, Vec<String>)> = Vec::new();
    for name in output.event_types() {
        let keys = variants_of(output, &name).into_iter().filter_map(|variant| match &variant.selector {
            Some(Selector::Key(key)) => Some(key),
            _ => None,
        });
        let keys: Vec<_> = keys.collect();
        match types_by_keys.iter_mut().find(|(other, _)| *other == keys) {
            _ if keys.is_empty() => {}
            Some((_, names)) => names.push(name),
            None => types_by_keys.push((keys, vec![name])),
        }
    }
    if types_by_keys.is_empty() {
        return None;
    }
    let arms = types_by_keys
        .iter()
        .map(|(keys, names)| quote!(#(#names)|* => #private::selecting_key(__event, &[#(#keys),*]),));
    Some(quote! {
        let __key = match #private::RawEventRef::event_type(&__event) {
            #(#arms)*
            _ => #private::None,
        };
    })
}

/// The variants that an event type is read as.
fn variants_of<'o, 'a>(output: &'o Output<'_, 'a>, name: &str) -> Vec<&'o Variant<'a>> {
    let readable = output.input.variants.iter().filter(|variant| !variant.skip_decode && variant.is_named());
    readable.filter(|variant| variant.names().any(|own| own.text == name)).collect()
}

/// Event types whose variants all ask for certain data: other data of that type is an error, unless it is none and JSON is
/// asked for.
fn unmatched(output: &Output<'_, '_>) -> Vec<TokenStream> {
    let private = &output.private;
    let types = output.event_types().into_iter().filter_map(|name| {
        let variants = variants_of(output, &name);
        let expected = variants.iter().map(|variant| match &variant.selector {
            Some(Selector::Sentinel(text)) => Some(format!("`{}`", text.value())),
            Some(Selector::Key(key)) => Some(format!("an object with the key `{}`", key.value())),
            None => None,
        });
        let expected: Vec<_> = expected.collect::<Option<_>>()?;
        let expected = expected.join(" or ");
        let json = variants.iter().any(|variant| matches!(variant.selector, Some(Selector::Key(_))));
        Some(quote!(#name => #private::unexpected(__event, #expected, #json),))
    });
    types.collect()
}

/// An arm for the event types of a nested payload.
fn nested(output: &Output<'_, '_>, variant: &Variant<'_>) -> Option<TokenStream> {
    let Data::Nested(field) = &variant.data else { return None };
    if variant.skip_decode {
        return None;
    }
    let (private, ty, path) = (output.private_at(field), field.ty, output.path(variant));
    Some(quote_spanned! {field.type_span()=>
        __name if #private::contains(<#ty as #private::DecodeEvent>::EVENT_TYPES, __name) => {
            #private::read_nested(__event, |__data: #ty| #path { 0: __data })
        }
    })
}

/// What becomes of the event types that no variant has.
fn unknown(output: &Output<'_, '_>) -> TokenStream {
    let private = &output.private;
    let tagged = output.input.tag.is_some();
    let received = if tagged { quote!(__received) } else { quote!(__event) };
    match output.input.catch_all() {
        None => {
            let nested =
                output.input.variants.iter().filter_map(|variant| nested_catch_all(output, variant, &received));
            let nothing =
                if tagged { quote!(#private::unknown(__received)) } else { quote!(#private::Decoded::Unknown) };
            quote! {{
                #(#nested)*
                #private::Ok(#nothing)
            }}
        }
        Some(variant) => {
            let path = output.path(variant);
            match &variant.data {
                Data::Other(field) => quote_spanned! {field.type_span()=>
                    #private::Ok(#private::Decoded::Event(#path { 0: #private::RawEventRef::to_raw_event(&#received) }))
                },
                _ => quote!(#private::Ok(#private::Decoded::Event(#path {}))),
            }
        }
    }
}

/// Offers a nested payload an event type that is not one of its own: it may ignore it, have a catch-all, or know it by a
/// tag.
fn nested_catch_all(output: &Output<'_, '_>, variant: &Variant<'_>, received: &TokenStream) -> Option<TokenStream> {
    let Data::Nested(field) = &variant.data else { return None };
    if variant.skip_decode {
        return None;
    }
    let (private, ty, path) = (output.private_at(field), field.ty, output.path(variant));
    Some(quote_spanned! {field.type_span()=>
        match #private::read_nested(#received, |__data: #ty| #path { 0: __data })? {
            #private::Decoded::Unknown => {}
            __decoded => return #private::Ok(__decoded),
        }
    })
}

/// The value of `EVENT_TYPES`, and the assertion that nested payloads have event types of their own.
fn event_types(output: &Output<'_, '_>) -> TokenStream {
    let private = &output.private;
    let own = output.event_types();
    let variants: Vec<_> = output.input.variants.iter().filter(|variant| !variant.skip_decode).collect();
    let nested: Vec<_> = variants.iter().filter_map(|variant| Some((variant.ident, variant.nested()?))).collect();
    if nested.is_empty() {
        return quote!(&[#(#own),*]);
    }
    let declared = output.declared();
    let types = nested.iter().map(|(_, field)| field.ty);
    let disjoint = nested.iter().enumerate().map(|(position, (ident, field))| {
        let private = output.private_at(field);
        let why = format!("of `{ident}` has another meaning in `{}` already: rename one", output.ident);
        let earlier = nested[..position].iter().enumerate().map(|(earlier, (other, _))| {
            let why = format!("of `{ident}` is also one of `{other}`: rename one");
            quote_spanned!(field.type_span()=> const _: () = #private::assert_disjoint(NESTED[#position], NESTED[#earlier], #why);)
        });
        quote_spanned! {field.type_span()=>
            const _: () = #private::assert_disjoint(NESTED[#position], &[#(#declared),*], #why);
            #(#earlier)*
        }
    });
    quote! {{
        const NESTED: &[&[&#private::str]] = &[#(<#types as #private::DecodeEvent>::EVENT_TYPES),*];
        const OWN: &[&#private::str] = &[#(#own),*];
        #(#disjoint)*
        const ALL: [&#private::str; #private::count(OWN, NESTED)] = #private::concat(OWN, NESTED);
        &ALL
    }}
}
