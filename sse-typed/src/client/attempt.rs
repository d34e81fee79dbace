//! The requests that a source sends, one per attempt.

use std::{fmt, future::Future, pin::Pin};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
};

use super::{
    Error,
    debug::{ByteLen, HeaderNames},
    error::BoxError,
    trace::{self, StreamSpan},
    url::RedactedUrl,
};
use crate::event::LastEventId;

pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// The longest last event ID that is sent. Servers reject a request with a longer header, and would reject every
/// retry too.
const MAX_ID_LEN: usize = 8 << 10;

/// One attempt to connect, passed to the closure of [`RequestBuilder::request`](super::RequestBuilder::request),
/// which builds its request.
pub struct Attempt {
    number: u64,
    last_event_id: LastEventId,
    previous_status: Option<StatusCode>,
    request: http::Request<Bytes>,
}

impl Attempt {
    /// The number of the attempt. The first is 1, and every attempt counts, whether it succeeds or fails.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// The last event ID from which the source resumes.
    #[must_use]
    pub const fn last_event_id(&self) -> &LastEventId {
        &self.last_event_id
    }

    /// The status with which the server rejected the previous attempt. `None` for the first attempt, and when the
    /// previous attempt received an event stream or no response.
    ///
    /// [`retry_status`](super::ReconnectPolicy::retry_status) has an example that gets a fresh token after a 401.
    #[must_use]
    pub const fn previous_status(&self) -> Option<StatusCode> {
        self.previous_status
    }

    /// Returns the request that would be sent without the closure. Change it, or ignore it and build another one.
    #[must_use]
    pub fn into_request(self) -> http::Request<Bytes> {
        self.request
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("number", &self.number)
            .field("previous_status", &self.previous_status)
            .field("method", self.request.method())
            .field("url", &format_args!("{}", RedactedUrl(self.request.uri())))
            .field("headers", &HeaderNames(self.request.headers()))
            .field("body", &ByteLen(self.request.body().len()))
            .finish_non_exhaustive()
    }
}

/// How a source reconnects if its request has a method other than GET, such as POST: the argument of
/// [`resume_with`](super::RequestBuilder::resume_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resume {
    /// Sends the same request again, including the body, with the last event ID. For requests that are safe to
    /// repeat.
    Same,
    /// Sends a GET of the same URL, with the last event ID and without the body, as MCP specifies. The original
    /// request is sent once, and a stream is resumed only if it has received an event ID.
    Get,
}

type RequestFuture = Pin<Box<dyn Future<Output = Result<http::Request<Bytes>, BoxError>> + Send>>;
type MakeRequest = Box<dyn FnMut(Attempt) -> RequestFuture + Send>;

/// The settings from which the request of each attempt is built.
pub(super) struct RequestTemplate {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) make: Option<MakeRequest>,
    pub(super) resume: Option<Resume>,
    attempts: u64,
    /// The status of the last attempt, if the server rejected it with one.
    pub(super) rejected_status: Option<StatusCode>,
    /// Whether any response was an event stream.
    pub(super) has_opened: bool,
}

impl RequestTemplate {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            make: None,
            resume: None,
            attempts: 0,
            rejected_status: None,
            has_opened: false,
        }
    }

    /// Removes the `last-event-id` header and returns its value, the last one if there are several.
    ///
    /// # Errors
    ///
    /// When the value is not UTF-8.
    pub(super) fn take_last_event_id(&mut self) -> Result<Option<String>, Error> {
        let id = self.headers.get_all(LAST_EVENT_ID).into_iter().next_back().cloned();
        self.headers.remove(LAST_EVENT_ID);
        let text = id.map(|id| String::from_utf8(id.as_bytes().to_vec()));
        text.transpose().map_err(|_| Error::request("the header `last-event-id` is not UTF-8"))
    }

    /// The number of attempts so far.
    pub(super) const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// The span of the source or stream.
    pub(super) fn span(&self) -> StreamSpan {
        StreamSpan::of(&self.method, &self.uri)
    }

    /// Whether the request may be sent more than once at all.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.make.is_some() || self.resume.is_some()
    }

    /// Whether the request may be sent again now.
    pub(super) fn may_send_again(&self, last_event_id: &str) -> bool {
        self.may_resume() && !(self.resumes_with_get() && last_event_id.is_empty())
    }

    /// Whether the request may be sent again, provided that there is a last event ID.
    pub(super) fn may_resume(&self) -> bool {
        if self.resumes_with_get() { self.has_opened } else { self.is_repeatable() }
    }

    /// A GET is sent again unchanged, including its body.
    fn resumes_with_get(&self) -> bool {
        self.resume == Some(Resume::Get) && self.method != Method::GET
    }

    /// The method of the next attempt, unless the closure in [`make`](Self::make) chooses another.
    pub(super) fn method(&self) -> Method {
        if self.resumes_with_get() && self.has_opened { Method::GET } else { self.method.clone() }
    }

    /// The request of the next attempt.
    pub(super) fn next_request(
        &mut self,
        last_event_id: &str,
    ) -> impl Future<Output = Result<http::Request<Bytes>, Error>> + Send + 'static {
        self.attempts += 1;
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method();
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        if self.resumes_with_get() && self.has_opened {
            *request.body_mut() = Bytes::new();
            request.headers_mut().remove(CONTENT_TYPE);
            request.headers_mut().remove(CONTENT_ENCODING);
        }
        let id = last_event_id_header(last_event_id);
        let headers_added = add_event_stream_headers(request.headers_mut(), id.clone());
        let (number, previous_status) = (self.attempts, self.rejected_status.take());
        let request = match &mut self.make {
            None => Ok(request),
            Some(make) => {
                let last_event_id = LastEventId::received(last_event_id);
                Err(make(Attempt { number, last_event_id, previous_status, request }))
            }
        };
        async move {
            headers_added?;
            match request {
                Ok(request) => Ok(request),
                Err(future) => {
                    let mut request = future.await.map_err(Error::make_request)?;
                    add_event_stream_headers(request.headers_mut(), id)?;
                    Ok(request)
                }
            }
        }
    }
}

/// Adds the headers of a request for an event stream that are not present yet.
///
/// # Errors
///
/// When the header map is full.
pub(super) fn add_event_stream_headers(
    headers: &mut HeaderMap,
    last_event_id: Option<HeaderValue>,
) -> Result<(), Error> {
    let wanted = [
        (ACCEPT, Some(HeaderValue::from_static(EVENT_STREAM))),
        (CACHE_CONTROL, Some(HeaderValue::from_static("no-cache"))),
        (LAST_EVENT_ID, last_event_id),
    ];
    for (name, value) in wanted {
        if let Some(value) = value
            && !headers.contains_key(&name)
        {
            headers.try_insert(name, value).map_err(Error::request)?;
        }
    }
    Ok(())
}

/// The [`Last-Event-ID`](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header)
/// header: the ID in UTF-8. `None` without an ID, and when the ID cannot be sent.
fn last_event_id_header(last_event_id: &str) -> Option<HeaderValue> {
    if last_event_id.is_empty() {
        return None;
    }
    let sendable = last_event_id.len() <= MAX_ID_LEN;
    let header = sendable.then(|| HeaderValue::from_bytes(last_event_id.as_bytes()).ok()).flatten();
    if header.is_none() {
        // The ID is too long or has a control character. It is still the last event ID: the previous one is not sent
        // in its place.
        trace::unsendable_id(last_event_id);
    }
    header
}

impl fmt::Debug for RequestTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestTemplate")
            .field("method", &self.method)
            .field("url", &format_args!("{}", RedactedUrl(&self.uri)))
            .field("headers", &HeaderNames(&self.headers))
            .field("body", &ByteLen(self.body.len()))
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(template: &mut RequestTemplate, id: &str) -> http::Request<Bytes> {
        tokio_test::block_on(template.next_request(id)).unwrap()
    }

    #[test]
    fn c12_an_id_that_is_not_a_valid_header_value_is_not_sent() {
        let mut template = RequestTemplate::new(Method::GET, Uri::from_static("/"));
        for id in ["", "a\u{7f}", "\u{1}", &"9".repeat((8 << 10) + 1)] {
            assert!(!request(&mut template, id).headers().contains_key(LAST_EVENT_ID), "{id:?}");
        }
    }

    #[test]
    fn c9_c11_every_other_id_is_sent_unchanged() {
        let mut template = RequestTemplate::new(Method::GET, Uri::from_static("/"));
        let long = "9".repeat(8 << 10);
        for id in ["a", "é…", "a\tb", "\u{2028}", &long] {
            let request = request(&mut template, id);
            let values: Vec<_> = request.headers().get_all(LAST_EVENT_ID).iter().collect();
            assert_eq!(values, [id.as_bytes()], "{id:?}");
        }
    }

    #[test]
    fn a_get_is_sent_again_unchanged_whatever_resume_says() {
        let mut template = RequestTemplate::new(Method::GET, Uri::from_static("/"));
        (template.body, template.resume) = (Bytes::from_static(b"{}"), Some(Resume::Get));
        for has_opened in [false, true] {
            template.has_opened = has_opened;
            assert!(template.may_send_again(""));
            assert_eq!(request(&mut template, "").body(), "{}");
        }
    }

    #[test]
    fn a_post_is_resumed_with_a_get_after_an_event_stream_with_an_id() {
        let mut template = RequestTemplate::new(Method::POST, Uri::from_static("/mcp"));
        template.body = Bytes::from_static(b"{}");
        template.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(!template.is_repeatable());
        template.resume = Some(Resume::Get);
        assert!(template.is_repeatable() && !template.may_send_again("7"));
        assert_eq!(request(&mut template, "").method(), Method::POST);
        template.has_opened = true;
        assert!(!template.may_send_again("") && template.may_send_again("7"));
        let request = request(&mut template, "7");
        assert_eq!((request.method(), request.body().len()), (&Method::GET, 0));
        assert!(!request.headers().contains_key(CONTENT_TYPE));
        assert_eq!(request.headers()[LAST_EVENT_ID], "7");
    }
}
