//! The derive macros of [`sse-typed`](https://docs.rs/sse-typed). Use them through that crate, whose docs explain them. The
//! generated code refers to that crate only.
//!
//! # Implementation
//!
//! A derive input passes through four modules in this order:
//!
//! 1. `attr` parses the attributes.
//! 2. `model` combines them with the syntax tree, which it borrows for the spans of errors.
//! 3. `check` finds errors that concern several variants.
//! 4. `expand` generates the impls.
//!
//! The first three report errors to one `Ctxt`, so that the user sees all errors at once. If there are errors, `fallback`
//! generates impls that never run, so that the use of the type causes no further errors.

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
#[cfg(not(fuzzing))]
#[proc_macro_derive(SseEvent, attributes(sse, serde))]
pub fn derive_sse_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into(), Sides { encode: true, decode: true }).into()
}

/// Derives `EncodeEvent`: the type can be sent, and may borrow its data. For a type that is also received, derive `SseEvent`
/// instead of both.
#[cfg(not(fuzzing))]
#[proc_macro_derive(EncodeEvent, attributes(sse, serde))]
pub fn derive_encode_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into(), Sides { encode: true, decode: false }).into()
}

/// Derives `DecodeEvent`: the type can be received. For a type that is also sent, derive `SseEvent` instead of both.
#[cfg(not(fuzzing))]
#[proc_macro_derive(DecodeEvent, attributes(sse, serde))]
pub fn derive_decode_event(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand(input.into(), Sides { encode: false, decode: true }).into()
}

/// Whether the events of a type are sent (`encode`), received (`decode`), or both.
#[derive(Clone, Copy)]
struct Sides {
    encode: bool,
    decode: bool,
}

/// The output of the three derives. For the fuzz target, which links this crate as a library.
#[cfg(fuzzing)]
#[must_use]
pub fn outputs(input: &TokenStream) -> [TokenStream; 3] {
    [(true, true), (true, false), (false, true)].map(|(encode, decode)| expand(input.clone(), Sides { encode, decode }))
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

/// The impls, or all errors.
fn derive(input: &DeriveInput, sides: Sides) -> syn::Result<TokenStream> {
    let ctxt = Ctxt::new();
    let model = Input::new(&ctxt, input, sides);
    if let Some(model) = &model {
        check::check(&ctxt, model);
    }
    ctxt.check()?;
    Ok(model.as_ref().map(expand::expand).unwrap_or_default())
}
