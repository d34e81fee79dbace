//! `Self` in a field's type means the user's type. In the generated types it would mean those.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Ident, Type, TypeGenerics};

/// The type, with `Self` replaced by the type it stands for.
pub(crate) fn without_self(ty: &Type, ident: &Ident, generics: &TypeGenerics<'_>) -> Type {
    let tokens = ty.to_token_stream();
    if !mentions_self(tokens.clone()) {
        return ty.clone();
    }
    let receiver = quote!(#ident #generics);
    syn::parse2(replace(tokens, &receiver)).unwrap_or_else(|_| ty.clone())
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        _ => false,
    })
}

fn replace(tokens: TokenStream, receiver: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let is_path = matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                replaced.extend(if is_path { quote!(<#receiver>) } else { receiver.clone() });
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace(group.stream(), receiver));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}
