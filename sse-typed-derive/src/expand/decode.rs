//! `DecodeEvent`: a match on the event type, whose arms decode the payload.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{LitStr, Member};

use super::{Expansion, encode::module_span, mirror};
use crate::{
    expand::mirror::DecodeTarget,
    model::{Data, Id, Selector, Variant},
};

pub(super) fn expand(expansion: &Expansion<'_, '_>) -> TokenStream {
    let private = &expansion.private;
    let mut items = TokenStream::new();
    let mut sentinels = Vec::new();
    let mut keyed = Vec::new();
    let mut plain = Vec::new();
    let readable = expansion.input.variants.iter().filter(|variant| !variant.skip_decode && variant.is_named());
    for (position, variant) in readable.enumerate() {
        let (target, declaration) = mirror::decode(expansion, variant, position);
        items.extend(declaration);
        let names = variant.names().map(|name| &name.text);
        let body = body(expansion, variant, &target);
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
    let unmatched = unmatched(expansion);
    let ignored = (!expansion.input.ignore.is_empty()).then(|| {
        let ignored = &expansion.input.ignore;
        quote!(#(#ignored)|* => #private::Ok(#private::Decoded::Ignored),)
    });
    let nested = expansion.input.variants.iter().filter_map(|variant| nested(expansion, variant));
    let unknown = unknown(expansion);
    let find_type = expansion.input.tag.as_ref().map(|tag| {
        quote! {
            let __received = __event;
            let __event_type = #private::tagged_event_type(__received, #tag);
            let __event = #private::with_event_type(__received, &__event_type);
        }
    });
    let find_key = find_key(expansion);
    let event_types = event_types(expansion);
    items.extend(expansion.implement(
        "DecodeEvent",
        &expansion.decode_predicates,
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

/// Code that decodes one variant.
fn body(expansion: &Expansion<'_, '_>, variant: &Variant<'_>, target: &DecodeTarget) -> TokenStream {
    let private = &expansion.private;
    let path = expansion.path(variant);
    let id_and_retry: Vec<_> = id_and_retry(expansion, variant);
    let tag = super::encode::tag(expansion);
    let ty_generics = expansion.input.original.generics.split_for_impl().1;
    match (&variant.data, target) {
        (Data::Newtype(_), DecodeTarget::Transparent(target)) => quote! {
            #private::read_json(__event, #tag, |__fields: #target #ty_generics| #private::Ok(#path { 0: __fields.data }))
        },
        (Data::Newtype(field), _) => {
            let (private, ty) = (expansion.private_at(field), field.ty);
            quote_spanned! {field.type_span()=>
                #private::read_json(__event, #tag, |__data: #ty| #private::Ok(#path { 0: __data }))
            }
        }
        (Data::Object(_), DecodeTarget::Whole(target)) => {
            let (mutable, set) = match &id_and_retry[..] {
                [] => (None, Vec::new()),
                id_and_retry => {
                    let set = id_and_retry.iter().map(|(member, read)| quote!(__fields.#member = #read;)).collect();
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
        (Data::Object(fields), DecodeTarget::Fields(target)) => {
            let members = fields.iter().map(|field| {
                let member = &field.member;
                quote!(#member: __fields.#member)
            });
            let members = members.chain(id_and_retry.iter().map(|(member, read)| quote!(#member: #read)));
            // Without fields, the JSON is still checked.
            let fields = if fields.is_empty() { quote!(_) } else { quote!(__fields) };
            quote! {
                #private::read_json(__event, #tag, |#fields: #target #ty_generics| #private::Ok(#path { #(#members),* }))
            }
        }
        (Data::Text(field), _) => {
            let (private, ty, member) = (expansion.private_at(field), field.ty, &field.member);
            let id_and_retry = id_and_retry.iter().map(|(member, read)| quote!(#member: #read,));
            quote_spanned! {field.type_span()=>
                #private::read_text(__event, |__data: #ty| #private::Ok(#path { #(#id_and_retry)* #member: __data }))
            }
        }
        (Data::With(module, _), _) => {
            let decode = quote_spanned!(module_span(module)=> #module::decode);
            quote!(#private::read_with(__event, #decode(#private::RawEventRef::data(&__event)), |__data| #path { 0: __data }))
        }
        _ => quote!(#private::Ok(#private::Decoded::Event(#path {}))),
    }
}

/// Code that decodes id and reconnection time.
fn id_and_retry<'v>(expansion: &Expansion<'_, '_>, variant: &'v Variant<'_>) -> Vec<(&'v Member, TokenStream)> {
    let id = variant.id.as_ref().map(|Id { field, json }| {
        let (private, optional) = (expansion.private_at(field), field.optional());
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
        let (private, span) = (expansion.private_at(field), field.type_span());
        let read = if field.optional().is_some() {
            quote_spanned!(span=> #private::RawEventRef::retry(&__event))
        } else {
            quote_spanned!(span=> #private::read_retry(__event)?)
        };
        (&field.member, read)
    });
    id.into_iter().chain(retry).collect()
}

/// Code that finds the key that selects the variant, for event types whose variants have keys.
fn find_key(expansion: &Expansion<'_, '_>) -> Option<TokenStream> {
    let private = &expansion.private;
    let mut types_by_keys: Vec<(Vec<&LitStr>, Vec<String>)> = Vec::new();
    for name in expansion.event_types() {
        let keys = variants_of(expansion, &name).into_iter().filter_map(|variant| match &variant.selector {
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

/// The variants that an event type is decoded as.
fn variants_of<'o, 'a>(expansion: &'o Expansion<'_, 'a>, name: &str) -> Vec<&'o Variant<'a>> {
    let readable = expansion.input.variants.iter().filter(|variant| !variant.skip_decode && variant.is_named());
    readable.filter(|variant| variant.names().any(|own| own.text == name)).collect()
}

/// Match arms for event types whose variants all have `data` or `key`. Other data is an error, unless it is empty and one of the
/// variants is JSON.
fn unmatched(expansion: &Expansion<'_, '_>) -> Vec<TokenStream> {
    let private = &expansion.private;
    let types = expansion.event_types().into_iter().filter_map(|name| {
        let variants = variants_of(expansion, &name);
        let expected = variants.iter().map(|variant| match &variant.selector {
            Some(Selector::Sentinel(text)) => Some(format!("`{}`", text.value())),
            Some(Selector::Key(key)) => Some(format!("an object with the key `{}`", key.value())),
            None => None,
        });
        let expected: Vec<_> = expected.collect::<Option<_>>()?;
        let expected = expected.join(" or ");
        let json = variants.iter().any(|variant| matches!(variant.selector, Some(Selector::Key(_))));
        Some(quote!(#name => #private::unmatched_data(__event, #expected, #json),))
    });
    types.collect()
}

/// The match arm for the event types of a nested payload.
fn nested(expansion: &Expansion<'_, '_>, variant: &Variant<'_>) -> Option<TokenStream> {
    let Data::Nested(field) = &variant.data else { return None };
    if variant.skip_decode {
        return None;
    }
    let (private, ty, path) = (expansion.private_at(field), field.ty, expansion.path(variant));
    Some(quote_spanned! {field.type_span()=>
        __name if #private::contains(<#ty as #private::DecodeEvent>::EVENT_TYPES, __name) => {
            #private::read_nested(__event, |__data: #ty| #path { 0: __data })
        }
    })
}

/// Code for event types that no variant has.
fn unknown(expansion: &Expansion<'_, '_>) -> TokenStream {
    let private = &expansion.private;
    let tagged = expansion.input.tag.is_some();
    let received = if tagged { quote!(__received) } else { quote!(__event) };
    match expansion.input.catch_all() {
        None => {
            let nested =
                expansion.input.variants.iter().filter_map(|variant| nested_catch_all(expansion, variant, &received));
            let nothing =
                if tagged { quote!(#private::undeclared(__received)) } else { quote!(#private::Decoded::Unknown) };
            quote! {{
                #(#nested)*
                #private::Ok(#nothing)
            }}
        }
        Some(variant) => {
            let path = expansion.path(variant);
            match &variant.data {
                Data::Other(field) => quote_spanned! {field.type_span()=>
                    #private::Ok(#private::Decoded::Event(#path { 0: #private::RawEventRef::to_raw_event(&#received) }))
                },
                _ => quote!(#private::Ok(#private::Decoded::Event(#path {}))),
            }
        }
    }
}

/// Code that offers a nested payload an event type that is not its own. The payload may ignore it, take it by a catch-all, or
/// recognize it by a tag.
fn nested_catch_all(
    expansion: &Expansion<'_, '_>,
    variant: &Variant<'_>,
    received: &TokenStream,
) -> Option<TokenStream> {
    let Data::Nested(field) = &variant.data else { return None };
    if variant.skip_decode {
        return None;
    }
    let (private, ty, path) = (expansion.private_at(field), field.ty, expansion.path(variant));
    Some(quote_spanned! {field.type_span()=>
        match #private::read_nested(#received, |__data: #ty| #path { 0: __data })? {
            #private::Decoded::Unknown => {}
            __decoded => return #private::Ok(__decoded),
        }
    })
}

/// The value of `EVENT_TYPES`, with assertions that no event type is declared twice by nested payloads.
fn event_types(expansion: &Expansion<'_, '_>) -> TokenStream {
    let private = &expansion.private;
    let own = expansion.event_types();
    let variants: Vec<_> = expansion.input.variants.iter().filter(|variant| !variant.skip_decode).collect();
    let nested: Vec<_> = variants.iter().filter_map(|variant| Some((variant.ident, variant.nested()?))).collect();
    if nested.is_empty() {
        return quote!(&[#(#own),*]);
    }
    let declared = expansion.declared();
    let types = nested.iter().map(|(_, field)| field.ty);
    let disjoint = nested.iter().enumerate().map(|(position, (ident, field))| {
        let private = expansion.private_at(field);
        let why = format!("of `{ident}` is already declared in `{}`: rename one", expansion.ident);
        let earlier = nested[..position].iter().enumerate().map(|(earlier, (other, _))| {
            let why = format!("of `{ident}` is also an event type of `{other}`: rename one");
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
