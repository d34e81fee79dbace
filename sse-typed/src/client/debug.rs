//! `Debug` output of requests and responses. It shows what traces show, and only the names of headers: header
//! values, queries, users, bodies and event IDs may be secrets.

use std::fmt;

use http::{HeaderMap, HeaderName, response};

/// The header names, without the values.
pub(super) struct HeaderNames<'a>(pub(super) &'a HeaderMap);

impl fmt::Debug for HeaderNames<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

/// The length, in bytes, of data that is not shown.
pub(super) struct ByteLen(pub(super) usize);

impl fmt::Debug for ByteLen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// The status and the header names of a response.
pub(super) struct ResponseHead<'a>(pub(super) &'a response::Parts);

impl fmt::Debug for ResponseHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(head) = self;
        f.debug_struct("Head").field("status", &head.status).field("headers", &HeaderNames(&head.headers)).finish()
    }
}
