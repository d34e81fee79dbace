//! The model of a derive input. It borrows the syntax tree, so that every error has the span of its token.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data as Body, DeriveInput, Fields, LitStr, Meta, Path, parse_quote};

pub(crate) use self::{
    field::{Field, Id, ungrouped},
    run_end::RunEnd,
    variant::{Data, Name, Selector, Variant},
};
use crate::{
    Sides,
    attr::{self, Bounds},
    case::RenameRule,
    ctxt::Ctxt,
    doc,
    symbol::{self, AttrTarget},
};

mod field;
mod run_end;
mod variant;

/// A type that derives.
pub(crate) struct Input<'a> {
    pub(crate) original: &'a DeriveInput,
    pub(crate) sides: Sides,
    pub(crate) is_enum: bool,
    /// The path of the `sse_typed` crate.
    pub(crate) krate: Path,
    pub(crate) bounds: Bounds,
    /// The JSON key that repeats the event type.
    pub(crate) tag: Option<LitStr>,
    pub(crate) ignore: Vec<LitStr>,
    pub(crate) allow_reserved: bool,
    /// `#[serde(deny_unknown_fields)]`, for the generated types.
    pub(crate) deny_unknown_fields: Vec<TokenStream>,
    /// `#[serde(default)]` on a struct: missing fields are taken from the default value of the struct.
    pub(crate) default: Vec<TokenStream>,
    /// The variants. A struct has one, which is the struct itself.
    pub(crate) variants: Vec<Variant<'a>>,
}

/// Attributes of the type that apply to its variants.
struct Inherited {
    target: AttrTarget,
    rule: Option<RenameRule>,
    prefix: Option<LitStr>,
    field_case: FieldCase,
}

/// The case of field names in JSON.
#[derive(Clone, Default)]
pub(crate) struct FieldCase {
    /// `rename_all = ".."` in the syntax of serde's derives.
    pub(crate) tokens: TokenStream,
    /// The parsed case for serializing, if it is valid.
    pub(crate) serialize: Option<RenameRule>,
    /// The parsed case for deserializing, if it is valid.
    pub(crate) deserialize: Option<RenameRule>,
}

impl FieldCase {
    /// The attribute `#[serde(rename_all = "..")]`, if there is one.
    pub(crate) fn attribute(&self) -> Option<TokenStream> {
        let tokens = &self.tokens;
        (!tokens.is_empty()).then(|| quote!(#[serde(#tokens)]))
    }
}

impl<'a> Input<'a> {
    /// Builds the model of a derive input. `None` for a union, which was reported.
    pub(crate) fn new(ctxt: &Ctxt, original: &'a DeriveInput, sides: Sides) -> Option<Self> {
        let target = match &original.data {
            Body::Enum(_) => AttrTarget::Enum,
            Body::Struct(_) => AttrTarget::Struct,
            Body::Union(body) => {
                ctxt.error(
                    body.union_token.span,
                    "a union cannot be an event, because its active field is not known: use an enum or a struct",
                );
                return None;
            }
        };
        let attrs = attr::Attrs::parse(ctxt, &original.attrs, target);
        let serde = attr::serde::Attrs::parse(ctxt, &original.attrs);
        serde.check(ctxt, target);
        check_receive_only(ctxt, &attrs, sides);

        let inherited = Inherited {
            target,
            rule: rename_rule(ctxt, &attrs, &serde, target),
            prefix: attrs.text(&symbol::PREFIX).cloned(),
            field_case: field_case(ctxt, &attrs, &serde, target),
        };
        let variants = match &original.data {
            Body::Enum(body) => body
                .variants
                .iter()
                .map(|variant| {
                    let attrs = attr::Attrs::parse(ctxt, &variant.attrs, AttrTarget::Variant);
                    let serde = attr::serde::Attrs::parse(ctxt, &variant.attrs);
                    serde.check(ctxt, AttrTarget::Variant);
                    check_receive_only(ctxt, &attrs, sides);
                    let doc = doc::text(&variant.attrs);
                    Variant::new(ctxt, &inherited, &variant.ident, &variant.fields, doc, &attrs, &serde)
                })
                .collect(),
            Body::Struct(body) => {
                let doc = doc::text(&original.attrs);
                vec![Variant::new(ctxt, &inherited, &original.ident, &body.fields, doc, &attrs, &serde)]
            }
            Body::Union(_) => Vec::new(),
        };
        let tag = attrs.text(&symbol::TAG).cloned().or_else(|| serde.text("tag"));
        if let Body::Struct(body) = &original.data {
            let named = matches!(body.fields, Fields::Named(_));
            if let (Some(tag), false) = (&tag, named) {
                ctxt.error(tag.span(), "`tag` on a struct needs named fields, because the tag becomes one of them");
            }
            let newtype = matches!(body.fields, Fields::Unnamed(_));
            if let (Some(span), false) = (serde.span("transparent"), newtype) {
                ctxt.error(
                    span,
                    "`transparent` needs a struct with a single unnamed field: write `struct Name(Payload);`",
                );
            }
        }
        Some(Self {
            original,
            sides,
            is_enum: target == AttrTarget::Enum,
            krate: attrs.parsed(ctxt, &symbol::CRATE).unwrap_or_else(default_crate),
            bounds: attrs.bounds().cloned().or_else(|| serde.bounds(ctxt)).unwrap_or_default(),
            tag,
            ignore: attrs.texts(&symbol::IGNORE).to_vec(),
            allow_reserved: attrs.span(&symbol::ALLOW_RESERVED).is_some(),
            deny_unknown_fields: serde.forward(&["deny_unknown_fields"]),
            default: if target == AttrTarget::Struct { serde.forward(&["default"]) } else { Vec::new() },
            variants,
        })
    }

    /// Whether a variant that is sent has an `id` field.
    pub(crate) fn has_id(&self) -> bool {
        self.variants.iter().any(|variant| variant.id.is_some() && !variant.skip_encode)
    }

    /// The catch-all variant: `#[sse(other)]` or `#[serde(other)]`.
    pub(crate) fn catch_all(&self) -> Option<&Variant<'a>> {
        self.variants.iter().find(|variant| variant.takes_unknown.is_some() && !variant.skip_decode)
    }

    /// The payloads of `nested` variants that are received.
    pub(crate) fn nested_fields(&self) -> impl Iterator<Item = &Field<'a>> {
        self.variants.iter().filter_map(|variant| match &variant.data {
            Data::Nested(field) if !variant.skip_decode => Some(field),
            _ => None,
        })
    }
}

/// Reports attributes for received events on a type that is only sent. Attributes of serde are not reported, because a serde
/// derive may use them.
fn check_receive_only(ctxt: &Ctxt, attrs: &attr::Attrs, sides: Sides) {
    for symbol in [symbol::ALIAS, symbol::IGNORE] {
        if let (Some(span), false) = (attrs.span(&symbol), sides.decode) {
            ctxt.error(
                span,
                format_args!(
                    "`{}` is for received events, and `EncodeEvent` is only for sending: remove it, or derive `SseEvent`",
                    symbol.name
                ),
            );
        }
    }
}

/// The default path of the `sse_typed` crate.
pub(crate) fn default_crate() -> Path {
    parse_quote!(::sse_typed)
}

/// The case of the event types that are not renamed one by one.
fn rename_rule(ctxt: &Ctxt, attrs: &attr::Attrs, serde: &attr::serde::Attrs, target: AttrTarget) -> Option<RenameRule> {
    let text = match attrs.text(&symbol::RENAME_ALL) {
        Some(text) => text.clone(),
        // On a struct, serde's `rename_all` applies to the fields.
        None if target == AttrTarget::Struct => return None,
        None => {
            if let Some(meta) = serde.two_sided("rename_all") {
                ctxt.error_spanned(
                    meta,
                    "an event type is the same for sending and receiving: set one case with `#[sse(rename_all = \"..\")]`",
                );
            }
            serde.text("rename_all")?
        }
    };
    RenameRule::parse(&text.value()).map_err(|message| ctxt.error(text.span(), message)).ok()
}

/// The case of field names, for all variants or for the struct.
fn field_case(ctxt: &Ctxt, attrs: &attr::Attrs, serde: &attr::serde::Attrs, target: AttrTarget) -> FieldCase {
    if let Some(text) = attrs.text(&symbol::RENAME_ALL_FIELDS) {
        let rule = RenameRule::parse(&text.value()).map_err(|message| ctxt.error(text.span(), message)).ok();
        return FieldCase { tokens: quote!(rename_all = #text), serialize: rule, deserialize: rule };
    }
    serde_field_case(ctxt, serde, if target == AttrTarget::Struct { "rename_all" } else { "rename_all_fields" })
}

/// The case of field names in serde's attribute `name`.
fn serde_field_case(ctxt: &Ctxt, serde: &attr::serde::Attrs, name: &str) -> FieldCase {
    let tokens = match serde.find(name) {
        None | Some(Meta::Path(_)) => return FieldCase::default(),
        Some(Meta::List(list)) => {
            let sides = &list.tokens;
            quote!(rename_all(#sides))
        }
        Some(Meta::NameValue(pair)) => {
            let value = &pair.value;
            quote!(rename_all = #value)
        }
    };
    let (serialize, deserialize) = serde.two_texts(name);
    let rule = |text: LitStr| RenameRule::parse(&text.value()).map_err(|message| ctxt.error(text.span(), message)).ok();
    if serialize == deserialize {
        // Parsed once, so that an error is reported once.
        let both = serialize.and_then(rule);
        return FieldCase { tokens, serialize: both, deserialize: both };
    }
    let deserialize = deserialize.and_then(rule);
    FieldCase { tokens, serialize: serialize.and_then(rule), deserialize }
}

/// Reports the second of two contradictory attributes, if it is given. Returns whether it is.
fn report_contradiction(ctxt: &Ctxt, first: &str, second: Option<Span>, name: &str) -> bool {
    if let Some(span) = second {
        ctxt.error(span, format_args!("`{name}` and `{first}` contradict each other: remove one"));
    }
    second.is_some()
}
