use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER},
};

/// The interval of keep-alive in seconds: a client that knows it can tell silence from a dead connection.
pub(super) const SSE_KEEP_ALIVE: HeaderName = HeaderName::from_static("sse-keep-alive");
/// Keeps nginx, and who understands its header, from gathering the stream in a buffer.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The headers of every event stream, each only if absent, and if the map has room for it. Never `connection`: over HTTP/2
/// it makes the response malformed.
pub(super) fn describe(headers: &mut HeaderMap) {
    for (name, value) in [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache"), (X_ACCEL_BUFFERING, "no")] {
        if !headers.contains_key(&name) {
            let _ = headers.try_insert(name, HeaderValue::from_static(value));
        }
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

/// Takes back what describes a stream, and says when to come back.
pub(super) fn refuse(headers: &mut HeaderMap, retry_after: u64) {
    for name in [CONTENT_TYPE, X_ACCEL_BUFFERING, SSE_KEEP_ALIVE] {
        headers.remove(name);
    }
    let _ = headers.try_insert(RETRY_AFTER, retry_after.into());
}
