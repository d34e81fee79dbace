//! Finds the lints that the user allows.

use syn::{Attribute, DeriveInput, Meta, Path, Token, parse_quote, punctuated::Punctuated, visit::Visit};

/// The lints to allow in generated code: those that are allowed on the type or on a part of it. An expected lint is allowed, too,
/// because the generated code may not cause it. If a part is deprecated, the generated code may use it.
pub(super) fn allowed(input: &DeriveInput) -> Vec<Path> {
    let mut allowed = Allowed(Vec::new());
    allowed.visit_derive_input(input);
    allowed.0
}

struct Allowed(Vec<Path>);

impl Allowed {
    fn add(&mut self, lint: Path) {
        // Code in which dead code is allowed counts as used, and so would the user's type.
        let keeps_alive = lint.is_ident("dead_code") || lint.is_ident("unused");
        if !keeps_alive && !self.0.contains(&lint) {
            self.0.push(lint);
        }
    }
}

impl Visit<'_> for Allowed {
    fn visit_attribute(&mut self, attr: &Attribute) {
        if attr.path().is_ident("deprecated") {
            self.add(parse_quote!(deprecated));
        } else if (attr.path().is_ident("allow") || attr.path().is_ident("expect"))
            && let Ok(lints) = attr.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        {
            // A `reason` has a value, so only paths are lints.
            let lints = lints.into_iter().filter_map(|meta| meta.require_path_only().cloned().ok());
            lints.for_each(|lint| self.add(lint));
        }
    }
}
