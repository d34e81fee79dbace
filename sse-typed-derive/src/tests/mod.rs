mod errors;
mod expansion;

use syn::DeriveInput;

use crate::Sides;

const BOTH: Sides = Sides { encode: true, decode: true };
const ENCODE: Sides = Sides { encode: true, decode: false };
const DECODE: Sides = Sides { encode: false, decode: true };

/// The errors of a derive, each as `line:column token: message`. Lines and columns start at one, as in rustc.
fn errors(input: &str, sides: Sides) -> Vec<String> {
    let input: DeriveInput = syn::parse_str(input).unwrap();
    let Err(errors) = crate::derive(&input, sides) else { return Vec::new() };
    let shown = errors.into_iter().map(|error| {
        let span = error.span();
        let start = span.start();
        let token = span.source_text().unwrap_or_default();
        format!("{}:{} {token}: {error}", start.line, start.column + 1)
    });
    shown.collect()
}

/// Asserts that the derive reports exactly these errors, at these tokens.
#[track_caller]
fn refused(input: &str, sides: Sides, expected: &[&str]) {
    let errors = errors(input, sides);
    assert_eq!(errors, expected, "\n{}\n", errors.join("\n"));
}

/// Asserts that the derive reports no errors.
#[track_caller]
fn accepted(input: &str, sides: Sides) {
    refused(input, sides, &[]);
}
