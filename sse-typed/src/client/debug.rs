//! What `{:?}` shows of requests and responses: what traces show of them, and of headers the names alone. Values, queries,
//! users, bodies and event IDs may be secrets.

use std::fmt;

use http::{HeaderMap, HeaderName, response};

/// The names of headers.
pub(super) struct HeaderNames<'a>(pub(super) &'a HeaderMap);

impl fmt::Debug for HeaderNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

/// The size of what is not shown, in bytes.
pub(super) struct Size(pub(super) usize);

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// Status and headers of a response.
pub(super) struct Head<'a>(pub(super) &'a response::Parts);

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(head) = self;
        f.debug_struct("Head").field("status", &head.status).field("headers", &HeaderNames(&head.headers)).finish()
    }
}
