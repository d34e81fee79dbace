//! The lints that the user has allowed.

use syn::{Attribute, DeriveInput, Meta, Path, Token, parse_quote, punctuated::Punctuated, visit::Visit};

/// What is allowed in generated code: what is allowed on the type, or on a part of it. An expected lint is allowed too, as
/// it need not be found a second time; and what is deprecated may be named by the code that is derived for it.
pub(super) fn allowed(input: &DeriveInput) -> Vec<Path> {
    let mut allowed = Allowed(Vec::new());
    allowed.visit_derive_input(input);
    allowed.0
}

struct Allowed(Vec<Path>);

impl Allowed {
    fn add(&mut self, lint: Path) {
        // Where dead code is allowed, it keeps alive what it names: the user's type would be used.
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
            // The reason, too, is behind a name, with a value.
            let lints = lints.into_iter().filter_map(|meta| meta.require_path_only().cloned().ok());
            lints.for_each(|lint| self.add(lint));
        }
    }
}
