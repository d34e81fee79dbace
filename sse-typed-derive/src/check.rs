//! Finds errors in the model, mostly those that concern several variants.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::{
    GenericArgument, Ident, LitStr, Member, Path, PathArguments, Type,
    visit::{self, Visit},
};

use crate::{
    bound,
    ctxt::Ctxt,
    json::is_json,
    model::{Data, Input, Name, RunEnd, Selector, Variant, ungrouped},
};

/// Reports the errors of a model.
pub(crate) fn check(ctxt: &Ctxt, input: &Input<'_>) {
    for variant in variants_with_event_type(input) {
        for name in variant.names() {
            check_name(ctxt, name);
        }
        check_reserved(ctxt, input, &variant.name, variant);
        check_sentinel(ctxt, variant);
        check_key(ctxt, input, variant);
        check_tag(ctxt, input, variant);
    }
    for ignored in &input.ignore {
        check_name(ctxt, &Name { text: ignored.value(), span: ignored.span() });
    }
    check_event_types(ctxt, input);
    check_ignored(ctxt, input);
    check_once(ctxt, input, "gap", "one event reports lost history", |variant| variant.gap);
    check_run_ends(ctxt, input);
    check_once(ctxt, input, "other", "one variant takes unknown event types", |variant| variant.takes_unknown);
    check_lifetimes(ctxt, input);
    check_nested(ctxt, input);
    if let Some(tag) = input.tag.as_ref().filter(|tag| tag.value().is_empty()) {
        ctxt.error(
            tag.span(),
            "the tag is empty, which is almost always a typo: write the key that repeats the event type",
        );
    }
}

/// The variants that are on the wire with an event type of their own.
fn variants_with_event_type<'i, 'a>(input: &'i Input<'a>) -> impl Iterator<Item = &'i Variant<'a>> {
    input.variants.iter().filter(|variant| variant.is_named() && !(variant.skip_encode && variant.skip_decode))
}

/// Reports an event type that would not arrive unchanged in an `event:` line.
fn check_name(ctxt: &Ctxt, name: &Name) {
    let text = &name.text;
    if text.is_empty() {
        ctxt.error(
            name.span,
            "an event type cannot be empty, because clients read it as `message`: to send an event without an event type, use `#[sse(message)]`",
        );
    } else if text.starts_with(' ') {
        ctxt.error(
            name.span,
            format_args!("the event type `{text}` begins with a space, which is almost always a typo: remove it"),
        );
    }
    for (letter, problem) in [
        ('\r', "a carriage return, which would end the `event:` line"),
        ('\n', "a line feed, which would end the `event:` line"),
        ('\0', "a NUL, at which many programs end a string although the standard permits it"),
    ] {
        if text.contains(letter) {
            ctxt.error(name.span, format_args!("the event type `{}` has {problem}: remove it", text.escape_debug()));
        }
    }
}

/// Reports the two event types that a browser uses for events of its own, which a page cannot tell from sent ones.
fn check_reserved(ctxt: &Ctxt, input: &Input<'_>, name: &Name, variant: &Variant<'_>) {
    let sent = input.sides.encode && !variant.skip_encode;
    if sent && !input.allow_reserved && (name.text == "error" || name.text == "open") {
        ctxt.error(
            name.span,
            format_args!(
                "a browser's `EventSource` fires events of its own under the name `{}`: choose another with \
                 `#[sse(rename = \"..\")]`, or permit it with `#[sse(allow_reserved)]` on the type if no browser reads it",
                name.text
            ),
        );
    }
}

fn check_sentinel(ctxt: &Ctxt, variant: &Variant<'_>) {
    let Data::Sentinel(text) = &variant.data else { return };
    if text.value().contains('\r') {
        ctxt.error(text.span(), "a carriage return arrives as a line feed, so this data would never match: use `\\n`");
    }
}

/// Reports a `key` that the variant's data does not have.
fn check_key(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>) {
    let Some(Selector::Key(key)) = &variant.selector else { return };
    if key.value().is_empty() {
        ctxt.error(key.span(), "the key is empty, which is almost always a typo: write a key of this variant's data");
        return;
    }
    if input.tag.as_ref().is_some_and(|tag| tag.value() == key.value()) {
        ctxt.error(
            key.span(),
            "the data of every variant has the tag, so this key does not tell variants apart: choose another key",
        );
        return;
    }
    let Data::Object(fields) = &variant.data else { return };
    if !has_field(variant, &key.value()) && !fields.iter().any(|field| field.serde.has("flatten")) {
        ctxt.error(
            key.span(),
            format_args!(
                "`{}` has no field that is `{}` in JSON: use the JSON name of one of its fields",
                variant.ident,
                key.value()
            ),
        );
    }
}

/// Whether a field has that JSON name.
pub(crate) fn has_field(variant: &Variant<'_>, name: &str) -> bool {
    variant.json_fields().iter().any(|field| field.json_name(&variant.field_case).is_some_and(|own| own == name))
}

/// Reports fields with the name of the tag, and data that cannot contain a tag.
fn check_tag(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>) {
    let Some(tag) = &input.tag else { return };
    let untagged = match &variant.data {
        Data::Text(_) | Data::With(..) => true,
        Data::Sentinel(text) => is_object(&text.value()),
        _ => false,
    };
    if let (true, Some(name)) = (untagged, variant.names().find(|name| name.text == "message")) {
        ctxt.error(
            name.span,
            format_args!(
                "if an event has no event type, its data is searched for the tag `{}`, and this data may seem to have one: give `{}` an \
                 event type, or remove the tag",
                tag.value(),
                variant.ident
            ),
        );
    }
    // On a struct, the tag itself is reported.
    let sent = input.is_enum && input.sides.encode && !variant.skip_encode;
    if let (Data::Newtype(field), true) = (&variant.data, sent)
        && !field.serde.has("with")
        && !field.serde.has("serialize_with")
        && is_not_object(field.ty)
    {
        ctxt.error_spanned(
            field.ty,
            format_args!(
                "the tag `{}` needs a JSON object, and this type is never one: name the field, `{} {{ .. }}`, or hold a struct",
                tag.value(),
                variant.ident
            ),
        );
    }
    check_raw_value(ctxt, input, variant, &tag.value());
    let Data::Object(fields) = &variant.data else { return };
    for field in fields {
        if field.json_name(&variant.field_case).is_some_and(|name| name == tag.value()) {
            let span = match &field.member {
                Member::Named(ident) => ident.span(),
                Member::Unnamed(_) => field.type_span(),
            };
            ctxt.error(
                span,
                format_args!(
                    "this field has the same JSON name as the tag, `{}`: rename it with `#[serde(rename = \"..\")]`, or choose another tag",
                    tag.value()
                ),
            );
        }
    }
}

/// Reports a `RawValue` payload with a tag. A `RawValue` is copied verbatim, so a tag can be neither added nor removed.
fn check_raw_value(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>, tag: &str) {
    let Data::Newtype(field) = &variant.data else { return };
    let own = |attribute| field.serde.has("with") || field.serde.has(attribute);
    let sent = input.is_enum && input.sides.encode && !variant.skip_encode && !own("serialize_with");
    let received = input.is_enum && input.sides.decode && !variant.skip_decode && !own("deserialize_with");
    if (sent || received) && is_raw_value(field.ty) {
        ctxt.error_spanned(
            field.ty,
            format_args!(
                "the tag `{tag}` is inside the JSON object, and a `RawValue` is copied without changes: hold a \
                 `HashMap<String, Box<RawValue>>`, or name the field, `{} {{ .. }}`",
                variant.ident
            ),
        );
    }
}

/// Whether serde certainly does not serialize a type as an object. That includes `Option`, because its `None` is not an object.
fn is_not_object(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Array(_) | Type::Slice(_) => return true,
        Type::Tuple(tuple) => return !tuple.elems.is_empty(),
        _ => {}
    }
    let names = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
        "usize", "str", "String", "Vec", "Option",
    ];
    is_named_or_points_to(ty, &|ident| names.iter().any(|name| ident == name), is_not_object)
}

fn is_raw_value(ty: &Type) -> bool {
    is_named_or_points_to(ty, &|ident| ident == "RawValue", is_raw_value)
}

/// Whether `is_named` is true for the name of a type, or `pointee` for the type that it points to.
fn is_named_or_points_to(ty: &Type, is_named: &dyn Fn(&Ident) -> bool, pointee: fn(&Type) -> bool) -> bool {
    let path = match ungrouped(ty) {
        Type::Paren(inner) => return pointee(&inner.elem),
        Type::Reference(inner) => return pointee(&inner.elem),
        Type::Path(path) => path,
        _ => return false,
    };
    let Some(last) = path.path.segments.last() else { return false };
    match (last.ident.to_string().as_str(), &last.arguments) {
        ("Arc" | "Box" | "Cow" | "Rc", PathArguments::AngleBracketed(arguments)) => {
            arguments.args.iter().any(|argument| matches!(argument, GenericArgument::Type(ty) if pointee(ty)))
        }
        _ => is_named(&last.ident),
    }
}

/// Reports variants with the same event type that nothing tells apart.
fn check_event_types(ctxt: &Ctxt, input: &Input<'_>) {
    let mut seen: HashMap<&str, Vec<(&Name, &Variant<'_>)>> = HashMap::new();
    for variant in variants_with_event_type(input) {
        for name in variant.names() {
            let earlier = seen.entry(&name.text).or_default();
            if earlier.iter().any(|(_, other)| std::ptr::eq(*other, variant)) {
                ctxt.error(
                    name.span,
                    format_args!(
                        "`{}` already has the event type `{}`: remove the alias",
                        variant.ident,
                        name.text.escape_debug()
                    ),
                );
                continue;
            }
            for (first, other) in &*earlier {
                if let Some(problem) = conflict(input, name, variant, other) {
                    ctxt.error(name.span, problem);
                    ctxt.error(
                        first.span,
                        format_args!("`{}` is already the event type of this variant", name.text.escape_debug()),
                    );
                    break;
                }
            }
            earlier.push((name, variant));
        }
    }
}

/// The error for two variants with the same event type, if nothing distinguishes them.
fn conflict(input: &Input<'_>, name: &Name, variant: &Variant<'_>, earlier: &Variant<'_>) -> Option<String> {
    let text = name.text.escape_debug();
    match (&variant.selector, &earlier.selector) {
        (None, None) => Some(format!(
            "`{}` and `{}` both have the event type `{text}`: rename one with `#[sse(rename = \"..\")]`, or tell them apart by \
             `#[sse(data = \"..\")]` or `#[sse(key = \"..\")]`",
            earlier.ident, variant.ident
        )),
        (Some(Selector::Sentinel(one)), Some(Selector::Sentinel(two)))
        | (Some(Selector::Key(one)), Some(Selector::Key(two)))
            if one.value() == two.value() =>
        {
            Some(format!(
                "`{}` and `{}` both have the event type `{text}` and the same `data` or `key`: change one",
                earlier.ident, variant.ident
            ))
        }
        (Some(Selector::Sentinel(sentinel)), _) if could_be_data(input, &sentinel.value(), earlier) => {
            Some(ambiguous_sentinel(sentinel, variant, earlier))
        }
        (_, Some(Selector::Sentinel(sentinel))) if could_be_data(input, &sentinel.value(), variant) => {
            Some(ambiguous_sentinel(sentinel, earlier, variant))
        }
        (Some(Selector::Key(key)), None) if has_field(earlier, &key.value()) => {
            Some(ambiguous_key(key, variant, earlier))
        }
        (None, Some(Selector::Key(key))) if has_field(variant, &key.value()) => {
            Some(ambiguous_key(key, earlier, variant))
        }
        (Some(selector), None) | (None, Some(selector)) => {
            let plain = if variant.selector.is_none() { variant } else { earlier };
            let form = match &plain.data {
                Data::Text(_) => "text",
                Data::With(..) => "with",
                _ => return None,
            };
            let selector = match selector {
                Selector::Sentinel(_) => "data",
                Selector::Key(_) => "key",
            };
            Some(format!(
                "`{}` accepts any text with the event type `{text}`, so `{selector}` cannot tell another variant from it: give the `{form}` \
                 variant an event type of its own",
                plain.ident
            ))
        }
        _ => None,
    }
}

fn ambiguous_sentinel(text: &LitStr, sentinel: &Variant<'_>, other: &Variant<'_>) -> String {
    format!(
        "the data `{1}` may also be data of `{0}`, so it does not identify `{2}`: choose data that is not JSON",
        other.ident,
        text.value().escape_debug(),
        sentinel.ident
    )
}

fn ambiguous_key(key: &LitStr, keyed: &Variant<'_>, other: &Variant<'_>) -> String {
    format!(
        "`{}` also has a field `{}`, so the key does not identify `{}`: choose a key that `{}` does not have",
        other.ident,
        key.value().escape_debug(),
        keyed.ident,
        other.ident
    )
}

/// Whether this text may be the JSON of the variant.
fn could_be_data(input: &Input<'_>, sentinel: &str, variant: &Variant<'_>) -> bool {
    match &variant.data {
        Data::Unit if input.tag.is_none() => sentinel == "null",
        Data::Newtype(_) if input.tag.is_none() => is_json(sentinel),
        Data::Unit | Data::Newtype(_) | Data::Object(_) => is_object(sentinel),
        _ => false,
    }
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{') && is_json(text)
}

/// Reports an ignored event type that a variant declares, or that is listed twice.
fn check_ignored(ctxt: &Ctxt, input: &Input<'_>) {
    for (position, ignored) in input.ignore.iter().enumerate() {
        let text = ignored.value();
        if input.ignore[..position].iter().any(|earlier| earlier.value() == text) {
            ctxt.error(ignored.span(), format_args!("`{text}` is already ignored: remove it"));
        }
        let declared = variants_with_event_type(input).find(|variant| variant.names().any(|name| name.text == text));
        if let Some(variant) = declared {
            ctxt.error(
                ignored.span(),
                format_args!("`{text}` is the event type of `{}`, so it is not ignored: remove it here", variant.ident),
            );
        }
    }
}

fn check_once(ctxt: &Ctxt, input: &Input<'_>, name: &str, why: &str, find: impl Fn(&Variant<'_>) -> Option<Span>) {
    let mut given = input.variants.iter().filter_map(|variant| find(variant).map(|span| (variant, span)));
    let Some((first, _)) = given.next() else { return };
    for (_, span) in given {
        ctxt.error(span, format_args!("{why}, and `{}` is already `{name}`: remove one", first.ident));
    }
}

/// Reports a second event for one end of a run, and a type that has these events but cannot be published on a hub.
fn check_run_ends(ctxt: &Ctxt, input: &Input<'_>) {
    for end in RunEnd::ALL {
        let name = end.symbol().name;
        let span_of = |variant: &Variant<'_>| variant.run_end.filter(|(own, _)| *own == end).map(|(_, span)| span);
        check_once(ctxt, input, name, "one event reports this end of a run", span_of);
    }
    let marked = input.variants.iter().find_map(|variant| variant.run_end);
    let with_id = input.variants.iter().find(|variant| variant.id.is_some() && !variant.skip_encode);
    if let (Some((end, span)), Some(with_id), true) = (marked, with_id, input.sides.encode)
        && with_id.run_end.is_none()
    {
        ctxt.error(
            span,
            format_args!(
                "the events of a run have the ids of its hub: remove `{}`, or the `id` field of `{}`",
                end.symbol().name,
                with_id.ident
            ),
        );
    }
}

/// Reports a lifetime on a received type. A received event outlives the chunk, so it must own its data.
fn check_lifetimes(ctxt: &Ctxt, input: &Input<'_>) {
    if !input.sides.decode {
        return;
    }
    if let Some(param) = input.original.generics.lifetimes().next() {
        let advice = if input.sides.encode {
            "use an owned type, or derive `EncodeEvent` alone if the type is only sent"
        } else {
            "use an owned type, or derive `EncodeEvent` instead if the type is only sent"
        };
        ctxt.error_spanned(&param.lifetime, format_args!("a received event must own its data: {advice}"));
    }
}

/// Whether a type contains the deriving type, by its name without a path.
pub(crate) fn mentions(ty: &Type, ident: &Ident) -> bool {
    struct Mentions<'a>(&'a Ident, bool);

    impl Visit<'_> for Mentions<'_> {
        fn visit_path(&mut self, path: &Path) {
            self.1 |= path.is_ident(self.0) || path.is_ident("Self");
            visit::visit_path(self, path);
        }
    }

    let mut mentions = Mentions(ident, false);
    mentions.visit_type(ty);
    mentions.1
}

/// Reports nested payloads whose event types are not known at the derive, where they are checked.
fn check_nested(ctxt: &Ctxt, input: &Input<'_>) {
    for variant in &input.variants {
        let Data::Nested(field) = &variant.data else { continue };
        if mentions(field.ty, &input.original.ident) {
            ctxt.error_spanned(
                field.ty,
                format_args!(
                    "`{}` cannot be nested in itself: use another event type as the payload",
                    input.original.ident
                ),
            );
        } else if bound::mentions_param(&input.original.generics, field.ty) {
            ctxt.error_spanned(
                field.ty,
                "the event types of a type parameter are not known at the derive: use a payload that does not depend on a type parameter",
            );
        }
    }
}
