use std::borrow::Cow;

use http::{Extensions, HeaderMap, HeaderName, Request, Uri};

use super::trace;
use crate::event::{LastEventId, MAX_ID_LEN};

/// [The request header](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header).
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The query parameter for the first request of a page, which cannot set headers.
const QUERY_PARAMETER: &str = "last_event_id";

impl LastEventId {
    /// Reads the last event ID of a request from the `Last-Event-ID` header, or else from the query parameter
    /// `last_event_id`.
    ///
    /// The header wins because it is newer: a browser that reconnects sends it together with the URL of its first request.
    /// An id that is longer than 1 KiB, is not UTF-8, or contains CR, LF or NUL cannot have been sent by this crate. It counts
    /// as absent and causes a warning in `tracing` (with the feature of that name).
    ///
    /// [`SseLayer`](super::SseLayer) inserts the last event ID into the extensions of the request. If it is found there, the
    /// header and the query are not read.
    ///
    /// ```
    /// use sse_typed::LastEventId;
    ///
    /// let request = http::Request::get("/events?last_event_id=a%2F7").body(()).unwrap();
    /// assert_eq!(LastEventId::of(&request).as_str(), Some("a/7"));
    ///
    /// let request = http::Request::get("/events?last_event_id=a%2F7").header("last-event-id", "a/9").body(()).unwrap();
    /// assert_eq!(LastEventId::of(&request).as_str(), Some("a/9"));
    /// ```
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Self {
        Self::of_head(request.uri(), request.headers(), request.extensions())
    }

    pub(super) fn of_head(uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> Self {
        if let Some(id) = extensions.get::<Self>() {
            return id.clone();
        }
        headers
            .get(LAST_EVENT_ID)
            .and_then(|id| valid_id(id.as_bytes()).map(Self::received))
            .or_else(|| query_parameter(uri.query()?).and_then(|id| valid_id(&id).map(Self::received)))
            .unwrap_or_else(Self::none)
    }
}

/// The id as text if it is valid.
fn valid_id(id: &[u8]) -> Option<&str> {
    // A hub appends one character to the id of a terminal event.
    let max_len = MAX_ID_LEN + usize::from(id.ends_with(b"!"));
    let reason = if id.len() > max_len {
        "over 1 KiB"
    } else if memchr::memchr3(b'\r', b'\n', 0, id).is_some() {
        "has a line end or NUL"
    } else {
        match std::str::from_utf8(id) {
            Ok(id) => return Some(id),
            Err(_) => "not UTF-8",
        }
    };
    trace::last_event_id_ignored(reason, id.len());
    None
}

/// The value of the query parameter, decoded from `application/x-www-form-urlencoded`, the encoding of `URLSearchParams`.
fn query_parameter(query: &str) -> Option<Cow<'_, [u8]>> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(QUERY_PARAMETER)?.strip_prefix('='))?;
    if !value.contains(['%', '+']) {
        return Some(Cow::Borrowed(value.as_bytes()));
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        decoded.push(match (byte, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    rest = tail;
                    high << 4 | low
                }
                // A `%` that begins no valid escape is kept.
                _ => b'%',
            },
            _ => *byte,
        });
    }
    Some(Cow::Owned(decoded))
}

fn hex_digit(digit: u8) -> Option<u8> {
    // A hexadecimal digit is less than 16.
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(uri: &str, header: Option<&[u8]>) -> LastEventId {
        let mut request = Request::get(uri);
        if let Some(header) = header {
            request = request.header(LAST_EVENT_ID, HeaderValue::from_bytes(header).unwrap());
        }
        LastEventId::of(&request.body(()).unwrap())
    }

    #[test]
    fn the_header_wins_over_the_query() {
        assert_eq!(of("/?last_event_id=old", Some(b"new")).as_str(), Some("new"));
        assert_eq!(of("/?last_event_id=old", None).as_str(), Some("old"));
        assert_eq!(of("/", None), LastEventId::none());
        // An empty header means that the client has no last event ID.
        assert_eq!(of("/?last_event_id=old", Some(b"")), LastEventId::none());
    }

    #[test]
    fn the_query_is_decoded_as_a_form_is() {
        for (query, id) in [
            ("a=1&last_event_id=x&last_event_id=y", Some("x")),
            ("last_event_id=%E2%80%A6", Some("…")),
            ("last_event_id=a+b%2Bc", Some("a b+c")),
            ("last_event_id=100%", Some("100%")),
            ("last_event_id=%4", Some("%4")),
            ("last_event_id=%zz%34", Some("%zz4")),
            ("last_event_id=", None),
            ("last_event_id", None),
            ("not_last_event_id=1", None),
            ("last_event_idx=1", None),
        ] {
            assert_eq!(of(&format!("/?{query}"), None).as_str(), id, "{query}");
        }
    }

    #[test]
    fn an_invalid_id_counts_as_absent() {
        assert!(of("/", Some(&[b'x'; MAX_ID_LEN + 1])).is_none());
        assert!(!of("/", Some(&[b'x'; MAX_ID_LEN])).is_none());
        let mut terminal = vec![b'x'; MAX_ID_LEN];
        terminal.push(b'!');
        assert!(!of("/", Some(&terminal)).is_none(), "a hub sends such an id");
        terminal.push(b'!');
        assert!(of("/", Some(&terminal)).is_none());
        assert!(of("/", Some(b"\xff")).is_none());
        assert_eq!(of("/", Some("é…".as_bytes())).as_str(), Some("é…"));
        for query in ["%FF", "a%0Adata:%20forged", "a%0D", "%00"] {
            assert!(of(&format!("/?last_event_id={query}"), None).is_none(), "{query}");
        }
        assert_eq!(of("/?last_event_id=7", Some(b"\xff")).as_str(), Some("7"));
    }

    #[test]
    fn an_id_in_the_extensions_wins_over_the_header_and_the_query() {
        let mut request = Request::get("/?last_event_id=1").body(()).unwrap();
        request.extensions_mut().insert(LastEventId::received("2"));
        assert_eq!(LastEventId::of(&request).as_str(), Some("2"));
    }
}
