//! Every error of the derives: its message and its token.

mod attributes;
mod data;
mod names;
mod run_ends;
mod serde;

use super::BOTH;

#[test]
fn all_errors_are_reported_at_once() {
    let errors = crate::tests::errors(
        "#[sse(renam_all = \"x\")] enum E { #[sse(rename = \"\")] A(u8, u8), #[sse(other)] B, C { #[sse(idd)] c: u8 }, Error, error }",
        BOTH,
    );
    assert_eq!(errors.len(), 6, "{}", errors.join("\n"));
}

#[test]
fn a_context_dropped_without_a_check_panics() {
    let dropped = std::panic::catch_unwind(|| drop(crate::ctxt::Ctxt::new()));
    assert!(dropped.is_err());
}

#[test]
fn with_an_error_the_impls_are_still_generated() {
    let tokens = crate::expand(syn::parse_str("#[sse(nonsense, crate = \"my::sse\")] enum E { A }").unwrap(), BOTH);
    let file = prettyplease::unparse(&syn::parse2(tokens).unwrap());
    for implemented in ["EventKind", "EncodeEvent", "HubEvent", "GapEvent", "DecodeEvent"] {
        assert!(file.contains(&format!("impl my::sse::__private::{implemented} for E")), "{file}");
    }
}

#[test]
fn with_an_error_the_impls_for_nested_types_are_still_generated() {
    let input = "#[sse(nonsense)] enum E<T> { #[sse(nested)] A(Box<A>), #[sse(nested)] Own(Box<E<T>>), #[sse(nested)] Any(T), B(B) }";
    let tokens = crate::expand(syn::parse_str(input).unwrap(), BOTH).to_string();
    let nested_types: Vec<_> =
        tokens.split("Nests < ").skip(1).filter_map(|rest| rest.split(" > for E").next()).collect();
    assert_eq!(nested_types, ["Box < A >", "A"], "{tokens}");
}
