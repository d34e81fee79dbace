use http::{
    HeaderMap, HeaderValue,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
        CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, RETRY_AFTER,
    },
};

/// The keep-alive interval in seconds. A client that knows it can tell silence from a dead connection.
pub(super) const SSE_KEEP_ALIVE: HeaderName = HeaderName::from_static("sse-keep-alive");
/// Keeps nginx, and proxies that know its header, from buffering the stream.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// A cache must not answer with a stored response without asking the server.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// Inserts the headers of an event stream, each if it is absent and the map is not full. `connection` is never set: it makes
/// an HTTP/2 response malformed.
pub(super) fn insert_stream_headers(headers: &mut HeaderMap) {
    insert_if_absent(headers, CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    insert_if_absent(headers, X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    forbid_caching(headers);
}

/// Inserts the header that keeps caches from storing a response without a stream, such as a 204, which they [may] store
/// by default.
///
/// [may]: https://www.rfc-editor.org/rfc/rfc9110.html#section-15.1
pub(super) fn forbid_caching(headers: &mut HeaderMap) {
    insert_if_absent(headers, CACHE_CONTROL, NO_CACHE);
}

fn insert_if_absent(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        let _ = headers.try_insert(name, value);
    }
}

/// Sets or removes the `sse-keep-alive` header, and returns the value that was written. `written` is the value that we
/// wrote before. A value that we did not write is kept.
pub(super) fn update_keep_alive_header(
    headers: &mut HeaderMap,
    written: Option<u64>,
    seconds: Option<u64>,
) -> Option<u64> {
    if headers.get(SSE_KEEP_ALIVE) != written.map(HeaderValue::from).as_ref() {
        return None;
    }
    match seconds {
        Some(seconds) => drop(headers.try_insert(SSE_KEEP_ALIVE, seconds.into())),
        None => drop(headers.remove(SSE_KEEP_ALIVE)),
    }
    seconds
}

/// The headers that describe the content of a response. A refusal has no content.
const CONTENT_HEADERS: [HeaderName; 15] = [
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

/// Removes the headers that describe a stream, and inserts `Retry-After`. The handler's `cache-control` is about its stream,
/// so it is replaced.
pub(super) fn set_refusal_headers(headers: &mut HeaderMap, retry_after: u64) {
    for name in CONTENT_HEADERS {
        headers.remove(name);
    }
    let _ = headers.try_insert(CACHE_CONTROL, NO_CACHE);
    let _ = headers.try_insert(RETRY_AFTER, retry_after.into());
}
