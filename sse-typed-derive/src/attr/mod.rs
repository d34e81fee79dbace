//! Parses `#[sse(..)]`, using the table in [`symbol`](crate::symbol). The module [`serde`] parses `#[serde(..)]`.

use proc_macro2::{Span, TokenTree};
use syn::{
    Attribute, LitStr, Meta, Path, Token, WherePredicate,
    ext::IdentExt as _,
    meta::ParseNestedMeta,
    parse::{Parse, Parser as _},
    punctuated::Punctuated,
    token,
};

use crate::{
    ctxt::Ctxt,
    symbol::{self, AttrTarget, Shape, Symbol},
};

pub(crate) mod serde;

/// All `#[sse(..)]` attributes of one item.
pub(crate) struct Attrs {
    found: Vec<ParsedAttr>,
}

/// One attribute with its value.
struct ParsedAttr {
    name: &'static str,
    span: Span,
    value: Value,
}

enum Value {
    Word,
    Texts(Vec<LitStr>),
    Id { json: bool },
    Bound(Bounds),
}

/// The predicates of a `bound` for serializing and deserializing, if given.
#[derive(Clone, Default)]
pub(crate) struct Bounds {
    pub(crate) serialize: Option<Vec<WherePredicate>>,
    pub(crate) deserialize: Option<Vec<WherePredicate>>,
}

impl Attrs {
    /// Parses the attributes of an item, and reports those that are not allowed on it.
    pub(crate) fn parse(ctxt: &Ctxt, attrs: &[Attribute], target: AttrTarget) -> Self {
        let mut this = Self { found: Vec::new() };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("sse")) {
            let Meta::List(list) = &attr.meta else {
                let known = symbol::names_for(target);
                ctxt.error_spanned(&attr.meta, format_args!("expected `#[sse(..)]`: {target} takes {known}"));
                continue;
            };
            if let Some(TokenTree::Literal(text)) = list.tokens.clone().into_iter().next() {
                let known = symbol::names_for(target);
                ctxt.error(text.span(), format_args!("expected the name of an attribute: {target} takes {known}"));
                continue;
            }
            // Parsing continues after a wrong entry, so that each wrong entry is reported.
            if let Err(error) = attr.parse_nested_meta(|meta| this.entry(ctxt, target, &meta)) {
                ctxt.syn_error(error);
            }
        }
        this
    }

    fn entry(&mut self, ctxt: &Ctxt, target: AttrTarget, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let Some(symbol) = known(ctxt, target, meta) else {
            return skip_value(meta);
        };
        let span = span_of(&meta.path);
        let Some(value) = value(ctxt, symbol, span, meta)? else {
            return Ok(());
        };
        let repeatable = matches!(symbol.shape, Shape::Texts | Shape::List);
        match self.found.iter_mut().find(|found| found.name == symbol.name) {
            None => self.found.push(ParsedAttr { name: symbol.name, span, value }),
            Some(first) if repeatable => {
                if let (Value::Texts(all), Value::Texts(more)) = (&mut first.value, value) {
                    all.extend(more);
                }
            }
            Some(_) => ctxt.error(span, format_args!("`{}` is given twice: remove one", symbol.name)),
        }
        Ok(())
    }

    fn find(&self, symbol: &Symbol) -> Option<&ParsedAttr> {
        self.found.iter().find(|found| found.name == symbol.name)
    }

    /// The span of the attribute, if it is given.
    pub(crate) fn span(&self, symbol: &Symbol) -> Option<Span> {
        self.find(symbol).map(|found| found.span)
    }

    /// The string of the attribute.
    pub(crate) fn text(&self, symbol: &Symbol) -> Option<&LitStr> {
        self.texts(symbol).first()
    }

    /// All strings of the attribute.
    pub(crate) fn texts(&self, symbol: &Symbol) -> &[LitStr] {
        match self.find(symbol) {
            Some(ParsedAttr { value: Value::Texts(texts), .. }) => texts,
            _ => &[],
        }
    }

    /// The string of the attribute, parsed as Rust.
    pub(crate) fn parsed<T: Parse>(&self, ctxt: &Ctxt, symbol: &Symbol) -> Option<T> {
        let text = self.text(symbol)?;
        text.parse().map_err(|_| ctxt.error(text.span(), format_args!("expected `{}`", symbol.usage))).ok()
    }

    /// The bounds that replace the inferred ones.
    pub(crate) fn bounds(&self) -> Option<&Bounds> {
        match self.find(&symbol::BOUND) {
            Some(ParsedAttr { value: Value::Bound(bounds), .. }) => Some(bounds),
            _ => None,
        }
    }

    /// If the field is an id: the span of the attribute, and whether the id is JSON.
    pub(crate) fn id(&self) -> Option<(Span, bool)> {
        match self.find(&symbol::ID) {
            Some(ParsedAttr { value: Value::Id { json }, span, .. }) => Some((*span, *json)),
            _ => None,
        }
    }
}

/// The attribute of that name. Reports an error if it is not allowed here.
fn known(ctxt: &Ctxt, target: AttrTarget, meta: &ParseNestedMeta<'_>) -> Option<&'static Symbol> {
    let path = &meta.path;
    let name = path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect::<Vec<_>>().join("::");
    let symbol = symbol::ALL.iter().find(|symbol| symbol.name == name);
    match symbol {
        Some(symbol) if symbol.targets.contains(&target) => return Some(symbol),
        _ if symbol::is_serde_attribute(target, &name) => {
            let value = if meta.input.peek(Token![=]) { " = .." } else { "" };
            ctxt.error_spanned(
                path,
                format_args!("`{name}` on {target} is an attribute of serde: write `#[serde({name}{value})]`"),
            );
        }
        Some(symbol) => {
            let targets: Vec<_> = symbol.targets.iter().map(ToString::to_string).collect();
            let targets = targets.join(" or ");
            ctxt.error_spanned(path, format_args!("`{name}` belongs on {targets}, not on {target}"));
        }
        None => {
            let known = symbol::names_for(target);
            let meant = symbol::closest(target, &name).map(|name| format!(" (did you mean `{name}`?)"));
            let meant = meant.unwrap_or_default();
            ctxt.error_spanned(path, format_args!("unknown attribute `{name}`{meant}: {target} takes {known}"));
        }
    }
    None
}

/// Parses the value of an attribute. `None` if it is wrong, which was reported.
fn value(ctxt: &Ctxt, symbol: &Symbol, span: Span, meta: &ParseNestedMeta<'_>) -> syn::Result<Option<Value>> {
    let wrong = || {
        let (name, usage) = (symbol.name, symbol.usage);
        match symbol.shape {
            Shape::Word => ctxt.error(span, format_args!("`{name}` takes no value: write `{usage}` alone")),
            Shape::List => ctxt.error(span, format_args!("`{name}` takes a list of strings: write `{usage}`")),
            _ => ctxt.error(span, format_args!("expected `{usage}`")),
        }
        skip_value(meta)?;
        Ok(None)
    };
    let assigned = meta.input.peek(Token![=]);
    let listed = meta.input.peek(token::Paren);
    Ok(match symbol.shape {
        Shape::Word if !assigned && !listed => Some(Value::Word),
        Shape::Text | Shape::Texts if assigned => text(ctxt, symbol, meta)?.map(|text| Value::Texts(vec![text])),
        Shape::List if listed => {
            let content;
            syn::parenthesized!(content in meta.input);
            let tokens = content.parse()?;
            match Punctuated::<LitStr, Token![,]>::parse_terminated.parse2(tokens) {
                Ok(texts) => Some(Value::Texts(texts.into_iter().collect())),
                Err(_) => return wrong(),
            }
        }
        Shape::Id if !assigned => {
            if !listed {
                return Ok(Some(Value::Id { json: false }));
            }
            let content;
            syn::parenthesized!(content in meta.input);
            match content.parse::<proc_macro2::TokenStream>()?.to_string().as_str() {
                "json" => Some(Value::Id { json: true }),
                _ => return wrong(),
            }
        }
        Shape::Bound if assigned => text(ctxt, symbol, meta)?
            .and_then(|text| predicates(ctxt, &text))
            .map(|all| Value::Bound(Bounds { serialize: Some(all.clone()), deserialize: Some(all) })),
        Shape::Bound if listed => Some(Value::Bound(bounds(ctxt, meta)?)),
        _ => return wrong(),
    })
}

/// The string after `=`.
fn text(ctxt: &Ctxt, symbol: &Symbol, meta: &ParseNestedMeta<'_>) -> syn::Result<Option<LitStr>> {
    let value: syn::Expr = meta.value()?.parse()?;
    match ungrouped(&value) {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) if text.suffix().is_empty() => {
            Ok(Some(text.clone()))
        }
        _ => {
            ctxt.error_spanned(value, format_args!("expected a string: `{}`", symbol.usage));
            Ok(None)
        }
    }
}

/// Removes the invisible groups around the value of a `macro_rules` metavariable.
fn ungrouped(mut value: &syn::Expr) -> &syn::Expr {
    while let syn::Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

/// The list form of `bound`.
fn bounds(ctxt: &Ctxt, meta: &ParseNestedMeta<'_>) -> syn::Result<Bounds> {
    let mut bounds = Bounds::default();
    meta.parse_nested_meta(|side| {
        let predicates_of_side = if side.path.is_ident("serialize") {
            &mut bounds.serialize
        } else if side.path.is_ident("deserialize") {
            &mut bounds.deserialize
        } else {
            ctxt.error_spanned(&side.path, "expected `serialize = \"..\"` or `deserialize = \"..\"`");
            return skip_value(&side);
        };
        *predicates_of_side = text(ctxt, &symbol::BOUND, &side)?.and_then(|text| predicates(ctxt, &text));
        Ok(())
    })?;
    Ok(bounds)
}

/// Parses `T: Trait, U: Trait`.
pub(crate) fn predicates(ctxt: &Ctxt, text: &LitStr) -> Option<Vec<WherePredicate>> {
    match text.parse_with(Punctuated::<WherePredicate, Token![,]>::parse_terminated) {
        Ok(predicates) => Some(predicates.into_iter().collect()),
        Err(error) => {
            ctxt.error(text.span(), format_args!("expected a where clause such as `\"T: Trait\"`: {error}"));
            None
        }
    }
}

/// Skips the value of a wrong entry, so that the next entry is parsed.
fn skip_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}

/// The span of a path's first identifier. The path of an attribute has only one, and stable Rust cannot join spans.
fn span_of(path: &Path) -> Span {
    path.segments.first().map_or_else(Span::call_site, |segment| segment.ident.span())
}
