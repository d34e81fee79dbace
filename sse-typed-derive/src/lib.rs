//! The derive macros of [`sse-typed`](https://docs.rs/sse-typed). Use them through that crate, whose docs explain them: the
//! code they generate names nothing else.
//!
//! # How the code is made
//!
//! A derive input goes through four rooms, in this order: `attr` parses the attributes, `model` joins them with the syntax
//! tree (which it borrows, for the spans), `check` looks at what only shows across variants, and `expand` writes the
//! impls. The first three report into one `Ctxt`, so that all errors are shown at once; with an error, `fallback`
//! writes impls that let the rest of the user's crate compile as if there were none.

use proc_macro2::TokenStream;
use syn::DeriveInput;

use crate::{ctxt::Ctxt, model::Input};

mod attr;
mod bound;
mod case;
mod check;
mod ctxt;
mod doc;
mod expand;
mod fallback;
mod json;
mod model;
mod receiver;
mod symbol;
#[cfg(test)]
mod tests;

/// Derives `EncodeEvent` and `DecodeEvent`: the type can be sent and received.
#[proc_macro_derive(SseEvent, attributes(sse, serde))]
pub fn derive_sse_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into(), Sides { encode: true, decode: true }).into()
}

/// Derives `EncodeEvent`: the type can be sent, and may borrow its data. Not beside `SseEvent` or `DecodeEvent`: a type that
/// is sent and received derives `SseEvent` alone.
#[proc_macro_derive(EncodeEvent, attributes(sse, serde))]
pub fn derive_encode_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into(), Sides { encode: true, decode: false }).into()
}

/// Derives `DecodeEvent`: the type can be received. Not beside `SseEvent` or `EncodeEvent`: a type that is sent and received
/// derives `SseEvent` alone.
#[proc_macro_derive(DecodeEvent, attributes(sse, serde))]
pub fn derive_decode_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into(), Sides { encode: false, decode: true }).into()
}

/// Which ways the events of a type travel.
#[derive(Clone, Copy)]
struct Sides {
    encode: bool,
    decode: bool,
}

fn expand(input: TokenStream, sides: Sides) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => receiver::without_self(input),
        Err(error) => return error.into_compile_error(),
    };
    derive(&input, sides).unwrap_or_else(|errors| {
        let mut tokens = errors.into_compile_error();
        tokens.extend(fallback::expand(&input, sides));
        tokens
    })
}

/// The impls, or all that is wrong.
fn derive(input: &DeriveInput, sides: Sides) -> syn::Result<TokenStream> {
    let ctxt = Ctxt::new();
    let model = Input::new(&ctxt, input, sides);
    if let Some(model) = &model {
        check::check(&ctxt, model);
    }
    ctxt.check()?;
    Ok(model.as_ref().map(expand::expand).unwrap_or_default())
}
