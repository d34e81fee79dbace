use http::{
    HeaderMap, HeaderValue,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
        CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, RETRY_AFTER,
    },
};

/// The interval of keep-alive in seconds: a client that knows it can tell silence from a dead connection.
pub(super) const SSE_KEEP_ALIVE: HeaderName = HeaderName::from_static("sse-keep-alive");
/// Keeps nginx, and who understands its header, from gathering the stream in a buffer.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// No cache may answer with a stored response without asking the server.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The headers of every event stream, each only if absent, and if the map has room for it. Never `connection`: over HTTP/2
/// it makes the response malformed.
pub(super) fn describe(headers: &mut HeaderMap) {
    insert_if_absent(headers, CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    insert_if_absent(headers, X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    forbid_caching(headers);
}

/// The header of a response without a stream, such as a 204, which caches may [keep] if nobody forbids it.
///
/// [keep]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.1
pub(super) fn forbid_caching(headers: &mut HeaderMap) {
    insert_if_absent(headers, CACHE_CONTROL, NO_CACHE);
}

fn insert_if_absent(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        let _ = headers.try_insert(name, value);
    }
}

/// Brings `sse-keep-alive` from what we wrote before, if we did, to what is right now, and says what we have written.
/// A value that is not ours stays.
pub(super) fn announce_keep_alive(headers: &mut HeaderMap, written: Option<u64>, seconds: Option<u64>) -> Option<u64> {
    if headers.get(SSE_KEEP_ALIVE) != written.map(HeaderValue::from).as_ref() {
        return None;
    }
    match seconds {
        Some(seconds) => drop(headers.try_insert(SSE_KEEP_ALIVE, seconds.into())),
        None => drop(headers.remove(SSE_KEEP_ALIVE)),
    }
    seconds
}

/// What describes the content of a response, or the stream that it would have been. A refusal has no content.
const OF_CONTENT: [HeaderName; 15] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_RANGE,
    CONTENT_DISPOSITION,
    ACCEPT_RANGES,
    ETAG,
    LAST_MODIFIED,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    X_ACCEL_BUFFERING,
    SSE_KEEP_ALIVE,
];

/// Takes back what describes a stream, and says when to come back. What the handler says of caches is about its stream.
pub(super) fn refuse(headers: &mut HeaderMap, retry_after: u64) {
    for name in OF_CONTENT {
        headers.remove(name);
    }
    let _ = headers.try_insert(CACHE_CONTROL, NO_CACHE);
    let _ = headers.try_insert(RETRY_AFTER, retry_after.into());
}
