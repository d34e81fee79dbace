//! What a derive input means. The model borrows the syntax tree, so that every error finds its token.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data as Body, DeriveInput, Fields, LitStr, Meta, Path, parse_quote};

pub(crate) use self::{
    field::{Field, Id, ungrouped},
    variant::{Data, Name, Selector, Variant},
};
use crate::{
    Sides,
    attr::{self, Bounds},
    case::RenameRule,
    ctxt::Ctxt,
    doc,
    symbol::{self, Place},
};

mod field;
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
    /// `#[serde(default)]` on a struct: missing fields are taken from a whole default value.
    pub(crate) default: Vec<TokenStream>,
    /// The variants; a struct is its own only one.
    pub(crate) variants: Vec<Variant<'a>>,
}

/// What variants take from the type they belong to.
struct Inherited {
    place: Place,
    rule: Option<RenameRule>,
    prefix: Option<LitStr>,
    field_case: FieldCase,
}

/// The case of field names in JSON.
#[derive(Clone, Default)]
pub(crate) struct FieldCase {
    /// `rename_all = ".."`, for serde's derives.
    pub(crate) tokens: TokenStream,
    /// The same for each side, where it is known.
    pub(crate) serialize: Option<RenameRule>,
    pub(crate) deserialize: Option<RenameRule>,
}

impl FieldCase {
    /// `#[serde(rename_all = "..")]`, where there is one.
    pub(crate) fn attribute(&self) -> Option<TokenStream> {
        let tokens = &self.tokens;
        (!tokens.is_empty()).then(|| quote!(#[serde(#tokens)]))
    }
}

impl<'a> Input<'a> {
    /// Reads a derive input. `None` for a union, which was reported.
    pub(crate) fn new(ctxt: &Ctxt, original: &'a DeriveInput, sides: Sides) -> Option<Self> {
        let place = match &original.data {
            Body::Enum(_) => Place::Enum,
            Body::Struct(_) => Place::Struct,
            Body::Union(body) => {
                ctxt.error(
                    body.union_token.span,
                    "a union cannot be an event: its bytes do not say what it holds; derive on an enum or a struct",
                );
                return None;
            }
        };
        let attrs = attr::Attrs::parse(ctxt, &original.attrs, place);
        let serde = attr::serde::Attrs::parse(ctxt, &original.attrs);
        serde.check(ctxt, place);
        check_sides(ctxt, &attrs, sides);

        let inherited = Inherited {
            place,
            rule: rename_rule(ctxt, &attrs, &serde, place),
            prefix: attrs.text(&symbol::PREFIX).cloned(),
            field_case: field_case(ctxt, &attrs, &serde, place),
        };
        let variants = match &original.data {
            Body::Enum(body) => body
                .variants
                .iter()
                .map(|variant| {
                    let attrs = attr::Attrs::parse(ctxt, &variant.attrs, Place::Variant);
                    let serde = attr::serde::Attrs::parse(ctxt, &variant.attrs);
                    serde.check(ctxt, Place::Variant);
                    check_sides(ctxt, &attrs, sides);
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
                ctxt.error(tag.span(), "`tag` on a struct needs named fields, beside which the tag can stand");
            }
            let newtype = matches!(body.fields, Fields::Unnamed(_));
            if let (Some(span), false) = (serde.span("transparent"), newtype) {
                ctxt.error(
                    span,
                    "a struct that is its only field on the wire is a newtype: write `struct Name(Payload);`",
                );
            }
        }
        Some(Self {
            original,
            sides,
            is_enum: place == Place::Enum,
            krate: attrs.parsed(ctxt, &symbol::CRATE).unwrap_or_else(default_crate),
            bounds: attrs.bounds().cloned().or_else(|| serde.bounds(ctxt)).unwrap_or_default(),
            tag,
            ignore: attrs.texts(&symbol::IGNORE).to_vec(),
            allow_reserved: attrs.span(&symbol::ALLOW_RESERVED).is_some(),
            deny_unknown_fields: serde.forward(&["deny_unknown_fields"]),
            default: if place == Place::Struct { serde.forward(&["default"]) } else { Vec::new() },
            variants,
        })
    }

    /// Whether values that are sent bring an id of their own.
    pub(crate) fn has_id(&self) -> bool {
        self.variants.iter().any(|variant| variant.id.is_some() && !variant.skip_encode)
    }

    /// The catch-all variant: `other`, or serde's of that name.
    pub(crate) fn catch_all(&self) -> Option<&Variant<'a>> {
        self.variants.iter().find(|variant| variant.takes_unknown.is_some() && !variant.skip_decode)
    }

    /// The payloads of `nested` variants that are read.
    pub(crate) fn nested_fields(&self) -> impl Iterator<Item = &Field<'a>> {
        self.variants.iter().filter_map(|variant| match &variant.data {
            Data::Nested(field) if !variant.skip_decode => Some(field),
            _ => None,
        })
    }
}

/// Reports what is only read, on a type that is only sent. What serde's attributes say may be for a derive of serde's.
fn check_sides(ctxt: &Ctxt, attrs: &attr::Attrs, sides: Sides) {
    for symbol in [symbol::ALIAS, symbol::IGNORE] {
        if let (Some(span), false) = (attrs.span(&symbol), sides.decode) {
            ctxt.error(
                span,
                format_args!(
                    "`{}` is for events that are read, and `EncodeEvent` only sends: remove it, or derive `SseEvent`",
                    symbol.name
                ),
            );
        }
    }
}

/// The path of the `sse_typed` crate where none is given.
pub(crate) fn default_crate() -> Path {
    parse_quote!(::sse_typed)
}

/// The case of the event types that are not renamed one by one.
fn rename_rule(ctxt: &Ctxt, attrs: &attr::Attrs, serde: &attr::serde::Attrs, place: Place) -> Option<RenameRule> {
    let text = match attrs.text(&symbol::RENAME_ALL) {
        Some(text) => text.clone(),
        // On a struct serde's word is for the fields.
        None if place == Place::Struct => return None,
        None => {
            if let Some(meta) = serde.two_sided("rename_all") {
                ctxt.error_spanned(
                    meta,
                    "an event type is the same on both sides: say which one with `#[sse(rename_all = \"..\")]`",
                );
            }
            serde.text("rename_all")?
        }
    };
    RenameRule::parse(&text.value()).map_err(|message| ctxt.error(text.span(), message)).ok()
}

/// The case of the fields' names, for all variants or for the struct.
fn field_case(ctxt: &Ctxt, attrs: &attr::Attrs, serde: &attr::serde::Attrs, place: Place) -> FieldCase {
    if let Some(text) = attrs.text(&symbol::RENAME_ALL_FIELDS) {
        let rule = RenameRule::parse(&text.value()).map_err(|message| ctxt.error(text.span(), message)).ok();
        return FieldCase { tokens: quote!(rename_all = #text), serialize: rule, deserialize: rule };
    }
    serde_field_case(ctxt, serde, if place == Place::Struct { "rename_all" } else { "rename_all_fields" })
}

/// The case of field names that serde's attribute of the given name says.
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
        // What is wrong with it is said once.
        let both = serialize.and_then(rule);
        return FieldCase { tokens, serialize: both, deserialize: both };
    }
    let deserialize = deserialize.and_then(rule);
    FieldCase { tokens, serialize: serialize.and_then(rule), deserialize }
}

/// Reports the second of two attributes that contradict each other.
fn contradict(ctxt: &Ctxt, first: &str, second: Option<Span>, name: &str) -> bool {
    if let Some(span) = second {
        ctxt.error(span, format_args!("`{name}` cannot stand beside `{first}`: remove one"));
    }
    second.is_some()
}
