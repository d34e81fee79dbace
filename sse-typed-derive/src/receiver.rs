//! Replaces `Self` in the fields and bounds of a type by the type's name. Copied into a generated type, `Self` would mean that
//! type instead.

use proc_macro2::{Group, Spacing, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Data, DeriveInput, Fields, GenericParam,
    parse::{Parse, Parser as _},
};

/// The input, with `Self` replaced by the type's name.
pub(crate) fn without_self(mut input: DeriveInput) -> DeriveInput {
    let ident = &input.ident;
    let generics = input.generics.split_for_impl().1;
    let receiver = quote!(#ident #generics);

    for param in &mut input.generics.params {
        if let GenericParam::Type(param) = param {
            param.bounds.iter_mut().for_each(|bound| replace(bound, &receiver));
        }
    }
    for predicate in input.generics.where_clause.iter_mut().flat_map(|clause| &mut clause.predicates) {
        replace(predicate, &receiver);
    }
    let in_fields = |fields: &mut Fields| fields.iter_mut().for_each(|field| replace(&mut field.ty, &receiver));
    match &mut input.data {
        Data::Enum(body) => body.variants.iter_mut().for_each(|variant| in_fields(&mut variant.fields)),
        Data::Struct(body) => in_fields(&mut body.fields),
        Data::Union(_) => {}
    }
    input
}

/// Replaces `Self` in one node, if the node contains it.
fn replace<T: Parse + ToTokens>(node: &mut T, receiver: &TokenStream) {
    let tokens = node.to_token_stream();
    if mentions_self(tokens.clone())
        && let Ok(replaced) = T::parse.parse2(replaced(tokens, receiver))
    {
        *node = replaced;
    }
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

fn replaced(tokens: TokenStream, receiver: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                // Before `::` it is part of a path. A single colon is followed by a bound.
                let is_path = matches!(tokens.peek(), Some(TokenTree::Punct(punct))
                    if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
                replaced.extend(if is_path { quote!(<#receiver>) } else { receiver.clone() });
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), self::replaced(group.stream(), receiver));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
