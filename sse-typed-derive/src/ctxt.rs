use std::{cell::RefCell, fmt::Display, thread};

use proc_macro2::Span;
use quote::ToTokens;

/// Collects the errors of one derive, so that the user sees them all at once.
///
/// [`check`](Self::check) must be called. A context that is dropped without it panics.
pub(crate) struct Ctxt {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::new(Some(Vec::new())) }
    }

    /// Reports an error at one token.
    pub(crate) fn error(&self, at: Span, message: impl Display) {
        self.syn_error(syn::Error::new(at, message));
    }

    /// Reports an error at all tokens of `at`.
    pub(crate) fn error_spanned(&self, at: impl ToTokens, message: impl Display) {
        self.syn_error(syn::Error::new_spanned(at, message));
    }

    /// Reports an error of the parser.
    pub(crate) fn syn_error(&self, error: syn::Error) {
        if let Some(errors) = &mut *self.errors.borrow_mut() {
            errors.push(error);
        }
    }

    /// The reported errors, combined into one.
    pub(crate) fn check(self) -> syn::Result<()> {
        let errors = self.errors.borrow_mut().take().unwrap_or_default();
        match errors.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        }) {
            Some(all) => Err(all),
            None => Ok(()),
        }
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        if !thread::panicking() && self.errors.borrow().is_some() {
            panic!("a context was dropped without a check for errors");
        }
    }
}
