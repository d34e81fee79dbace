//! Parses `#[serde(..)]` attributes that affect the wire format. Attributes that are only forwarded to serde's derives are not
//! checked here.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token, punctuated::Punctuated};

use super::{Bounds, predicates};
use crate::{ctxt::Ctxt, symbol::AttrTarget};

/// All `#[serde(..)]` attributes of one item.
pub(crate) struct Attrs {
    metas: Vec<Meta>,
}

impl Attrs {
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute]) -> Self {
        let mut metas = Vec::new();
        for attr in attrs {
            if attr.path().is_ident("serde") {
                match attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) {
                    Ok(found) => metas.extend(found),
                    Err(error) => ctxt.syn_error(error),
                }
            }
        }
        Self { metas }
    }

    /// Reports attributes that serde does not know, and those that would change an event's data.
    pub(crate) fn check(&self, ctxt: &Ctxt, target: AttrTarget) {
        let (known, conflicting, more) = match target {
            AttrTarget::Variant => (VARIANT, NOT_ON_VARIANTS, &[][..]),
            AttrTarget::Enum => (TYPE, NOT_ON_TYPES, NOT_ON_ENUMS),
            _ => (TYPE, NOT_ON_TYPES, &[][..]),
        };
        for meta in &self.metas {
            if let Some((name, instead)) = conflicting.iter().chain(more).find(|(name, _)| meta.path().is_ident(name)) {
                let message = format_args!("`#[serde({name})]` cannot be used on an event: {instead}");
                ctxt.error_spanned(meta.path(), message);
            } else if !known.iter().any(|name| meta.path().is_ident(name)) {
                let name = meta.path().to_token_stream();
                ctxt.error_spanned(
                    meta.path(),
                    format_args!("unknown serde attribute `{name}`: {target} takes {}", list(known)),
                );
            }
        }
    }

    /// Reports attributes on a field that is not in the JSON, except `skip`.
    pub(crate) fn check_outside_json(&self, ctxt: &Ctxt) {
        for meta in self.metas.iter().filter(|meta| !meta.path().is_ident("skip")) {
            let name = meta.path().to_token_stream();
            ctxt.error_spanned(
                meta.path(),
                format_args!("this field is not in the JSON, so `#[serde({name})]` has no effect: remove it"),
            );
        }
    }

    /// The attribute of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Meta> {
        self.metas.iter().find(|meta| meta.path().is_ident(name))
    }

    /// Whether the attribute is given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The span of the attribute, if it is given.
    pub(crate) fn span(&self, name: &str) -> Option<Span> {
        let segment = self.find(name)?.path().segments.first()?;
        Some(segment.ident.span())
    }

    /// The string of the attribute. `None` for its list form, too.
    pub(crate) fn text(&self, name: &str) -> Option<LitStr> {
        text(self.find(name)?)
    }

    /// The strings of all attributes of that name.
    pub(crate) fn texts(&self, name: &str) -> Vec<LitStr> {
        self.metas.iter().filter(|meta| meta.path().is_ident(name)).filter_map(text).collect()
    }

    /// The attribute, if it has the list form `rename(serialize = "..", deserialize = "..")`.
    pub(crate) fn two_sided(&self, name: &str) -> Option<&Meta> {
        self.find(name).filter(|meta| matches!(meta, Meta::List(_)))
    }

    /// The strings for serializing and deserializing: both the attribute's string, or `serialize = ".."` and
    /// `deserialize = ".."` of its list form.
    pub(crate) fn two_texts(&self, name: &str) -> (Option<LitStr>, Option<LitStr>) {
        match self.find(name) {
            Some(Meta::List(list)) => {
                let Ok(sides) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
                    return (None, None);
                };
                let side = |name| sides.iter().find(|meta| meta.path().is_ident(name)).and_then(text);
                (side("serialize"), side("deserialize"))
            }
            Some(meta) => (text(meta), text(meta)),
            None => (None, None),
        }
    }

    /// The predicates of `bound`.
    pub(crate) fn bounds(&self, ctxt: &Ctxt) -> Option<Bounds> {
        self.find("bound")?;
        let (serialize, deserialize) = self.two_texts("bound");
        Some(Bounds {
            serialize: serialize.and_then(|text| predicates(ctxt, &text)),
            deserialize: deserialize.and_then(|text| predicates(ctxt, &text)),
        })
    }

    /// The attributes of those names, for generated code.
    pub(crate) fn forward(&self, names: &[&str]) -> Vec<proc_macro2::TokenStream> {
        let wanted = self.metas.iter().filter(|meta| names.iter().any(|name| meta.path().is_ident(name)));
        wanted.map(Meta::to_token_stream).collect()
    }
}

fn text(meta: &Meta) -> Option<LitStr> {
    let Meta::NameValue(pair) = meta else { return None };
    let mut value = &pair.value;
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.clone()),
        _ => None,
    }
}

fn list(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The serde attributes that are allowed on an event type. The name of a Rust type is not on the wire, so `rename` has no effect.
const TYPE: &[&str] = &[
    "rename",
    "rename_all",
    "rename_all_fields",
    "alias",
    "tag",
    "default",
    "deny_unknown_fields",
    "bound",
    "crate",
    "expecting",
    "transparent",
];

const VARIANT: &[&str] =
    &["rename", "alias", "rename_all", "skip", "skip_serializing", "skip_deserializing", "other", "bound", "borrow"];

/// The attributes that would change the data on the wire, and what to write instead.
const NOT_ON_TYPES: &[(&str, &str)] = &[
    (
        "content",
        "the data of an event is not put under a key: remove it; `#[sse(tag = \"..\")]` repeats the event type in the data",
    ),
    (
        "untagged",
        "the event type tells variants apart, and the data has no tag without `#[sse(tag = \"..\")]`: remove it; for variants with \
         the same event type, use `#[sse(key = \"..\")]`",
    ),
    (
        "from",
        "events are decoded into the type itself: to convert from another type, use `#[sse(with = \"module\")]` on a variant",
    ),
    (
        "try_from",
        "events are decoded into the type itself: to convert from another type, use `#[sse(with = \"module\")]` on a variant",
    ),
    (
        "into",
        "events are encoded from the type itself: to convert into another type, use `#[sse(with = \"module\")]` on a variant",
    ),
    (
        "remote",
        "an event type is your own type: to send a type of another crate, use `#[sse(with = \"module\")]` on a variant",
    ),
    (
        "variant_identifier",
        "it is for enums that only name fields or variants: remove it; `#[sse(rename = \"..\")]` sets an event type",
    ),
    (
        "field_identifier",
        "it is for enums that only name fields or variants: remove it; `#[sse(rename = \"..\")]` sets an event type",
    ),
];

const NOT_ON_ENUMS: &[(&str, &str)] = &[
    ("default", "an enum has no fields that could be missing: write `#[serde(default)]` on a field"),
    ("transparent", "the data of `Variant(Payload)` is that of the payload already: remove it"),
];

const NOT_ON_VARIANTS: &[(&str, &str)] = &[
    ("with", "for a codec on a variant, use `#[sse(with = \"module\")]`"),
    ("serialize_with", "for a codec on a variant, use `#[sse(with = \"module\")]`"),
    ("deserialize_with", "for a codec on a variant, use `#[sse(with = \"module\")]`"),
    (
        "untagged",
        "the event type tells variants apart: use `#[sse(other)]` for unknown event types, and `#[sse(key = \"..\")]` for variants \
         with the same event type",
    ),
];
