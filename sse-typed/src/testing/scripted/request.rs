use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use tokio::time::Instant;

/// A request as a [`ScriptedServer`](super::ScriptedServer) received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// When it arrived, on tokio's clock.
    pub at: Instant,
    /// The method.
    pub method: Method,
    /// The URI as it was sent. Over a socket most clients send path and query only.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl RecordedRequest {
    /// The last event ID. Empty when there is none.
    ///
    /// # Panics
    ///
    /// When there are several, or it is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn last_event_id(&self) -> &str {
        self.header("last-event-id").unwrap_or_default()
    }

    /// The value of a header.
    ///
    /// # Panics
    ///
    /// When it has several, or one that is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.header_all(name);
        assert!(values.len() <= 1, "{name} has several values: {values:?}");
        values.first().copied()
    }

    /// All values of a header.
    ///
    /// # Panics
    ///
    /// When one is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn header_all(&self, name: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for value in self.headers.get_all(name) {
            match std::str::from_utf8(value.as_bytes()) {
                Ok(value) => values.push(value),
                Err(_) => panic!("a value of {name} is not UTF-8: {value:?}"),
            }
        }
        values
    }
}
