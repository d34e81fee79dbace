//! `#[serde(..)]`, as far as it says what stands on the wire. What is forwarded to serde's own derives is not judged here.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token, punctuated::Punctuated};

use super::{Bounds, predicates};
use crate::{ctxt::Ctxt, symbol::Place};

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

    /// Reports what serde does not know, and what would change an event's data.
    pub(crate) fn check(&self, ctxt: &Ctxt, place: Place) {
        let (known, conflicting, more) = match place {
            Place::Variant => (VARIANT, NOT_ON_VARIANTS, &[][..]),
            Place::Enum => (TYPE, NOT_ON_TYPES, NOT_ON_ENUMS),
            _ => (TYPE, NOT_ON_TYPES, &[][..]),
        };
        for meta in &self.metas {
            if let Some((name, instead)) = conflicting.iter().chain(more).find(|(name, _)| meta.path().is_ident(name)) {
                let message = format_args!("`#[serde({name})]` cannot be kept on an event: {instead}");
                ctxt.error_spanned(meta.path(), message);
            } else if !known.iter().any(|name| meta.path().is_ident(name)) {
                let name = meta.path().to_token_stream();
                ctxt.error_spanned(
                    meta.path(),
                    format_args!("unknown serde attribute `{name}`: {place} takes {}", list(known)),
                );
            }
        }
    }

    /// Reports what is given to a field that is not in the JSON, unless it says just that.
    pub(crate) fn check_beside(&self, ctxt: &Ctxt) {
        for meta in self.metas.iter().filter(|meta| !meta.path().is_ident("skip")) {
            let name = meta.path().to_token_stream();
            ctxt.error_spanned(
                meta.path(),
                format_args!("this field is not in the JSON, and serde does not see it: remove `#[serde({name})]`"),
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

    /// Where the attribute stands, if it is given.
    pub(crate) fn span(&self, name: &str) -> Option<Span> {
        let segment = self.find(name)?.path().segments.first()?;
        Some(segment.ident.span())
    }

    /// The text behind the attribute. `None` also for its list form.
    pub(crate) fn text(&self, name: &str) -> Option<LitStr> {
        text(self.find(name)?)
    }

    /// The texts of all attributes of that name.
    pub(crate) fn texts(&self, name: &str) -> Vec<LitStr> {
        self.metas.iter().filter(|meta| meta.path().is_ident(name)).filter_map(text).collect()
    }

    /// The attribute, if it has the list form `rename(serialize = "..", deserialize = "..")`.
    pub(crate) fn two_sided(&self, name: &str) -> Option<&Meta> {
        self.find(name).filter(|meta| matches!(meta, Meta::List(_)))
    }

    /// What the attribute gives each side: its text, or `serialize = ".."` and `deserialize = ".."` in its list.
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

    /// The attributes of those names, to be written on generated code.
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

/// What serde knows on a type, and an event may have. Names of a Rust type are not on the wire: they change nothing.
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

/// What would change the data on the wire, and what to write instead.
const NOT_ON_TYPES: &[(&str, &str)] = &[
    (
        "content",
        "an event's data stands alone, not under a key: use `#[sse(tag = \"..\")]` to repeat the event type in it",
    ),
    (
        "untagged",
        "the event type tells variants apart, and data carries no tag unless `#[sse(tag = \"..\")]` asks for one: remove it; \
         variants of one event type are told apart by `#[sse(key = \"..\")]`",
    ),
    ("from", "events are read into the type itself: read another type in a variant with `#[sse(with = \"module\")]`"),
    (
        "try_from",
        "events are read into the type itself: read another type in a variant with `#[sse(with = \"module\")]`",
    ),
    (
        "into",
        "events are written from the type itself: write another type in a variant with `#[sse(with = \"module\")]`",
    ),
    ("remote", "an event is a type of your own: hold the other one in a variant with `#[sse(with = \"module\")]`"),
    ("variant_identifier", "an identifier carries no data: an event type is what `#[sse(rename = \"..\")]` says"),
    ("field_identifier", "an identifier carries no data: an event type is what `#[sse(rename = \"..\")]` says"),
];

const NOT_ON_ENUMS: &[(&str, &str)] = &[
    ("default", "a variant has no missing fields to take from it: write `#[serde(default)]` on a field"),
    ("transparent", "the data of `Variant(Payload)` is the payload's: remove it"),
];

const NOT_ON_VARIANTS: &[(&str, &str)] = &[
    ("with", "a variant's own codec is written as `#[sse(with = \"module\")]`"),
    ("serialize_with", "a variant's own codec is written as `#[sse(with = \"module\")]`"),
    ("deserialize_with", "a variant's own codec is written as `#[sse(with = \"module\")]`"),
    (
        "untagged",
        "the event type tells variants apart: `#[sse(other)]` takes unknown ones, and `#[sse(key = \"..\")]` tells variants of \
         one event type apart",
    ),
];
