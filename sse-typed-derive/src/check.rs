//! What only shows when all variants are seen together.

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
    model::{Data, Input, Name, Selector, Variant, ungrouped},
};

/// Reports what is wrong between the parts of the model.
pub(crate) fn check(ctxt: &Ctxt, input: &Input<'_>) {
    for variant in on_wire(input) {
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
    check_once(ctxt, input, "gap", "lost history is told by one event", |variant| variant.gap);
    check_once(ctxt, input, "other", "unknown event types go to one variant", |variant| variant.takes_unknown);
    check_lifetimes(ctxt, input);
    check_nested(ctxt, input);
    if let Some(tag) = input.tag.as_ref().filter(|tag| tag.value().is_empty()) {
        ctxt.error(tag.span(), "an empty tag is almost surely a slip: name the key that says the event type");
    }
}

/// The variants that have an event type of their own.
fn on_wire<'i, 'a>(input: &'i Input<'a>) -> impl Iterator<Item = &'i Variant<'a>> {
    input.variants.iter().filter(|variant| variant.is_named() && !(variant.skip_encode && variant.skip_decode))
}

/// A name must come back from an `event:` line as it went in, whatever reads it.
fn check_name(ctxt: &Ctxt, name: &Name) {
    let text = &name.text;
    if text.is_empty() {
        ctxt.error(
            name.span,
            "an empty event type is no event type: clients read it as `message`; `#[sse(message)]` sends an event without one",
        );
    } else if text.starts_with(' ') {
        ctxt.error(
            name.span,
            format_args!("the event type `{text}` begins with a space, which is almost surely a slip: remove it"),
        );
    }
    for (letter, problem) in [
        ('\r', "a carriage return, which cannot stand in an `event:` line"),
        ('\n', "a line feed, which cannot stand in an `event:` line"),
        ('\0', "a NUL, which the standard permits, but where many programs end a text"),
    ] {
        if text.contains(letter) {
            ctxt.error(name.span, format_args!("the event type `{}` has {problem}: remove it", text.escape_debug()));
        }
    }
}

/// A browser fires events of its own under two names, and a page cannot tell them from ours.
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
        ctxt.error(
            text.span(),
            "a carriage return arrives as a line feed, so this data would never be matched: use `\\n`",
        );
    }
}

/// A variant that is chosen by a key must have it.
fn check_key(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>) {
    let Some(Selector::Key(key)) = &variant.selector else { return };
    if key.value().is_empty() {
        ctxt.error(key.span(), "an empty key is almost surely a slip: name the one that this variant's data has");
        return;
    }
    if input.tag.as_ref().is_some_and(|tag| tag.value() == key.value()) {
        ctxt.error(key.span(), "the tag is in the data of every variant, so this key tells none apart: choose another");
        return;
    }
    let Data::Object(fields) = &variant.data else { return };
    if !has_field(variant, &key.value()) && !fields.iter().any(|field| field.serde.has("flatten")) {
        ctxt.error(
            key.span(),
            format_args!("no field of `{}` is `{}` in JSON: name the key after one", variant.ident, key.value()),
        );
    }
}

/// Whether a field has that name in JSON.
pub(crate) fn has_field(variant: &Variant<'_>, name: &str) -> bool {
    variant.json_fields().iter().any(|field| field.json_name(&variant.field_case).is_some_and(|own| own == name))
}

/// The tag stands among the fields: none of them may have its name.
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
                "data without an event type is searched for the tag `{}`, and this may look as if it had one: give `{}` an event \
                 type, or remove the tag",
                tag.value(),
                variant.ident
            ),
        );
    }
    // On a struct the tag itself is refused.
    let sent = input.is_enum && input.sides.encode && !variant.skip_encode;
    if let (Data::Newtype(field), true) = (&variant.data, sent)
        && !field.serde.has("with")
        && !field.serde.has("serialize_with")
        && is_no_object(field.ty)
    {
        ctxt.error_spanned(
            field.ty,
            format_args!(
                "the tag `{}` stands in a JSON object, and this type is never one: name the field, `{} {{ .. }}`, or hold a struct",
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
                    "this field is `{}` in JSON, as is the tag: rename it with `#[serde(rename = \"..\")]`, or choose another tag",
                    tag.value()
                ),
            );
        }
    }
}

/// Text that is JSON already is copied as it is: a tag can neither be put into it nor be taken out of it.
fn check_raw_value(ctxt: &Ctxt, input: &Input<'_>, variant: &Variant<'_>, tag: &str) {
    let Data::Newtype(field) = &variant.data else { return };
    let own = |attribute| field.serde.has("with") || field.serde.has(attribute);
    let sent = input.is_enum && input.sides.encode && !variant.skip_encode && !own("serialize_with");
    let received = input.is_enum && input.sides.decode && !variant.skip_decode && !own("deserialize_with");
    if (sent || received) && is_raw_value(field.ty) {
        ctxt.error_spanned(
            field.ty,
            format_args!(
                "the tag `{tag}` stands in the JSON object, and a `RawValue` is text that nothing is put into or taken out of: hold a \
                 `HashMap<String, Box<RawValue>>`, or name the field, `{} {{ .. }}`",
                variant.ident
            ),
        );
    }
}

/// Whether a type is visibly none that serde writes as an object with a tag. `Option` is none either: its `None` has no keys.
fn is_no_object(ty: &Type) -> bool {
    match ungrouped(ty) {
        Type::Array(_) | Type::Slice(_) => return true,
        Type::Tuple(tuple) => return !tuple.elems.is_empty(),
        _ => {}
    }
    let names = [
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
        "usize", "str", "String", "Vec", "Option",
    ];
    is_named_or_points_to(ty, &|ident| names.iter().any(|name| ident == name), is_no_object)
}

fn is_raw_value(ty: &Type) -> bool {
    is_named_or_points_to(ty, &|ident| ident == "RawValue", is_raw_value)
}

/// Whether `is_named` holds of the name of a type, or `pointee` of what it points to.
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

/// Variants of one event type must be told apart.
fn check_event_types(ctxt: &Ctxt, input: &Input<'_>) {
    let mut seen: HashMap<&str, Vec<(&Name, &Variant<'_>)>> = HashMap::new();
    for variant in on_wire(input) {
        for name in variant.names() {
            let earlier = seen.entry(&name.text).or_default();
            if earlier.iter().any(|(_, other)| std::ptr::eq(*other, variant)) {
                ctxt.error(
                    name.span,
                    format_args!(
                        "`{}` has the event type `{}` already: remove the alias",
                        variant.ident,
                        name.text.escape_debug()
                    ),
                );
                continue;
            }
            for (first, other) in &*earlier {
                if let Some(problem) = clash(input, name, variant, other) {
                    ctxt.error(name.span, problem);
                    ctxt.error(
                        first.span,
                        format_args!("`{}` is first the event type of this one", name.text.escape_debug()),
                    );
                    break;
                }
            }
            earlier.push((name, variant));
        }
    }
}

/// Why two variants of one event type cannot be told apart, if they cannot.
fn clash(input: &Input<'_>, name: &Name, variant: &Variant<'_>, earlier: &Variant<'_>) -> Option<String> {
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
                "`{}` and `{}` both have the event type `{text}` and are told apart by the same text: change one",
                earlier.ident, variant.ident
            ))
        }
        (Some(Selector::Sentinel(sentinel)), _) if could_be_data(input, &sentinel.value(), earlier) => {
            Some(not_only_a_sentinel(sentinel, variant, earlier))
        }
        (_, Some(Selector::Sentinel(sentinel))) if could_be_data(input, &sentinel.value(), variant) => {
            Some(not_only_a_sentinel(sentinel, earlier, variant))
        }
        (Some(Selector::Key(key)), None) if has_field(earlier, &key.value()) => {
            Some(not_only_by_key(key, variant, earlier))
        }
        (None, Some(Selector::Key(key))) if has_field(variant, &key.value()) => {
            Some(not_only_by_key(key, earlier, variant))
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
                "`{}` takes any text under the event type `{text}`, so no `{selector}` can be told from it: `{form}` needs an event \
                 type of its own",
                plain.ident
            ))
        }
        _ => None,
    }
}

fn not_only_a_sentinel(text: &LitStr, sentinel: &Variant<'_>, other: &Variant<'_>) -> String {
    format!(
        "`{}` could have the data `{}` too, so it does not tell `{}` apart: choose data that is no JSON",
        other.ident,
        text.value().escape_debug(),
        sentinel.ident
    )
}

fn not_only_by_key(key: &LitStr, keyed: &Variant<'_>, other: &Variant<'_>) -> String {
    format!(
        "`{}` has a field `{}` too, so that key does not tell `{}` apart: choose one that `{}` has not",
        other.ident,
        key.value().escape_debug(),
        keyed.ident,
        other.ident
    )
}

/// Whether a variant that is written as JSON could have this text as its data.
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

/// An ignored event type is no variant's, and is named once.
fn check_ignored(ctxt: &Ctxt, input: &Input<'_>) {
    for (position, ignored) in input.ignore.iter().enumerate() {
        let text = ignored.value();
        if input.ignore[..position].iter().any(|earlier| earlier.value() == text) {
            ctxt.error(ignored.span(), format_args!("`{text}` is ignored already: remove it"));
        }
        let declared = on_wire(input).find(|variant| variant.names().any(|name| name.text == text));
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
        ctxt.error(span, format_args!("{why}, and `{}` is it already: only one variant can be `{name}`", first.ident));
    }
}

/// What is received is owned: it outlives the chunk that it lay in.
fn check_lifetimes(ctxt: &Ctxt, input: &Input<'_>) {
    if !input.sides.decode {
        return;
    }
    if let Some(param) = input.original.generics.lifetimes().next() {
        let advice = if input.sides.encode {
            "derive `EncodeEvent` if the type is only sent, or own the data"
        } else {
            "own the data, or derive `EncodeEvent` on a type that is only sent"
        };
        ctxt.error_spanned(&param.lifetime, format_args!("a received event cannot borrow its data: {advice}"));
    }
}

/// Whether a type mentions the one that derives, which stands here without a path.
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

/// The event types of a nested payload are checked where the derive stands, so they must be known there.
fn check_nested(ctxt: &Ctxt, input: &Input<'_>) {
    for variant in &input.variants {
        let Data::Nested(field) = &variant.data else { continue };
        if mentions(field.ty, &input.original.ident) {
            ctxt.error_spanned(
                field.ty,
                format_args!(
                    "the event types of `{}` cannot be among themselves: `nested` holds another event type",
                    input.original.ident
                ),
            );
        } else if bound::mentions_param(&input.original.generics, field.ty) {
            ctxt.error_spanned(
                field.ty,
                "the event types of a type parameter are not known here: `nested` needs a type without parameters of its own",
            );
        }
    }
}
