//! `#[serde(..)]`, as far as it says what stands on the wire. What is forwarded to serde's own derives is not judged here.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token, punctuated::Punctuated};

use super::{Bounds, predicates};
use crate::ctxt::Ctxt;

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

    /// What the attribute gives the serialising side: its text, or `serialize = ".."` in its list.
    pub(crate) fn serialized(&self, name: &str) -> Option<LitStr> {
        match self.find(name)? {
            Meta::List(_) => self.sides(name).0,
            meta => text(meta),
        }
    }

    /// The predicates of `bound`.
    pub(crate) fn bounds(&self, ctxt: &Ctxt) -> Option<Bounds> {
        let (serialize, deserialize) = match self.find("bound")? {
            Meta::List(_) => self.sides("bound"),
            meta => (text(meta), text(meta)),
        };
        Some(Bounds {
            serialize: serialize.and_then(|text| predicates(ctxt, &text)),
            deserialize: deserialize.and_then(|text| predicates(ctxt, &text)),
        })
    }

    /// `(serialize = "..", deserialize = "..")` behind the attribute.
    fn sides(&self, name: &str) -> (Option<LitStr>, Option<LitStr>) {
        let Some(Meta::List(list)) = self.find(name) else { return (None, None) };
        let Ok(sides) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else {
            return (None, None);
        };
        let side = |name| sides.iter().find(|meta| meta.path().is_ident(name)).and_then(text);
        (side("serialize"), side("deserialize"))
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
