//! The marks of the events that report how a run ended: `failed`, `stopped` and `lost`.

use proc_macro2::Span;
use syn::{Ident, Member};

use super::{Data, Field};
use crate::{
    attr,
    ctxt::Ctxt,
    symbol::{self, Symbol},
};

/// How a run ended that did not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    Failed,
    Stopped,
    Lost,
}

impl RunEnd {
    pub(crate) const ALL: [Self; 3] = [Self::Failed, Self::Stopped, Self::Lost];

    /// The attribute, and the name of the function that makes the event.
    pub(crate) const fn symbol(self) -> Symbol {
        match self {
            Self::Failed => symbol::FAILED,
            Self::Stopped => symbol::STOPPED,
            Self::Lost => symbol::LOST,
        }
    }

    /// The mark of a variant, with the span of the attribute.
    pub(super) fn of(attrs: &attr::Attrs) -> Option<(Self, Span)> {
        Self::ALL.into_iter().find_map(|end| attrs.span(&end.symbol()).map(|span| (end, span)))
    }

    /// Reports what prevents the library from making the event.
    pub(super) fn check(
        self,
        ctxt: &Ctxt,
        span: Span,
        ident: &Ident,
        attrs: &attr::Attrs,
        data: &Data<'_>,
        has_more: bool,
    ) {
        let name = self.symbol().name;
        if [&symbol::OTHER, &symbol::NESTED, &symbol::GAP, &symbol::SKIP]
            .iter()
            .any(|other| attrs.span(other).is_some())
        {
            // Already reported as a contradiction.
            return;
        }
        if attrs.span(&symbol::TERMINAL).is_none() {
            ctxt.error(
                span,
                format_args!(
                    "nothing follows the event that reports the end of a run: write `#[sse(terminal, {name})]`"
                ),
            );
        }
        if has_more {
            ctxt.error(
                span,
                "the event that reports the end of a run is made by the library, and a hub assigns its id: remove the `id` and \
                 `retry` fields",
            );
        }
        let shape = match self {
            Self::Failed => format!(
                "a `failed` variant has only the field `reason`, or nothing: write `{ident} {{ reason: String }}`"
            ),
            Self::Stopped | Self::Lost => format!("a `{name}` variant has no data: write `{ident}`"),
        };
        match data {
            Data::Unit | Data::Sentinel(_) | Data::None | Data::Other(_) | Data::Nested(_) => {}
            Data::Newtype(field) | Data::With(_, field) => ctxt.error_spanned(field.ty, shape),
            Data::Object(fields) => self.check_fields(ctxt, fields, &shape),
            Data::Text(field) => self.check_fields(ctxt, std::slice::from_ref(field), &shape),
        }
    }

    fn check_fields(self, ctxt: &Ctxt, fields: &[Field<'_>], shape: &str) {
        for field in fields {
            match &field.member {
                Member::Named(ident) if self == Self::Failed && ident == "reason" => {}
                Member::Named(ident) => ctxt.error(ident.span(), shape),
                Member::Unnamed(_) => ctxt.error_spanned(field.ty, shape),
            }
        }
    }
}
