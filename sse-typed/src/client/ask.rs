//! What a source asks, attempt by attempt.

use std::{fmt, future::Future, pin::Pin};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName},
};

use super::{
    Error,
    debug::{HeaderNames, Size},
    error::BoxError,
    trace::{self, Scope},
    url::Shown,
};
use crate::event::LastEventId;

pub(super) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// Servers refuse a longer head as a whole, and would refuse it at every attempt.
const LONGEST_ID: usize = 8 << 10;

/// An attempt to connect, for which [`request`](super::RequestBuilder::request) makes the request.
pub struct Attempt {
    number: u64,
    last_event_id: LastEventId,
    previous_status: Option<StatusCode>,
    request: http::Request<Bytes>,
}

impl Attempt {
    /// The first is 1. Every attempt counts, whatever becomes of it.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Where the source is to be resumed.
    #[must_use]
    pub const fn last_event_id(&self) -> &LastEventId {
        &self.last_event_id
    }

    /// The status that the attempt before this one was refused with. `None` for the first attempt, and when the one before
    /// brought an event stream or no response.
    ///
    /// [`retry_status`](super::ReconnectPolicy::retry_status) has an example: a fresh token after a 401.
    #[must_use]
    pub const fn previous_status(&self) -> Option<StatusCode> {
        self.previous_status
    }

    /// The request as it would be made without a word: to be changed, or to be left alone for one of one's own.
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
            .field("url", &format_args!("{}", Shown(self.request.uri())))
            .field("headers", &HeaderNames(self.request.headers()))
            .field("body", &Size(self.request.body().len()))
            .finish_non_exhaustive()
    }
}

/// How a request of another method than GET is repeated when its stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resume {
    /// The same request again, body and all, with the last event ID: for requests that may be made twice.
    Same,
    /// A GET of the same URL, with the last event ID and without the body, as MCP has it. Only a stream that has brought an
    /// id is resumed, and the request itself is made once.
    Get,
}

type MadeRequest = Pin<Box<dyn Future<Output = Result<http::Request<Bytes>, BoxError>> + Send>>;
type MakeRequest = Box<dyn FnMut(Attempt) -> MadeRequest + Send>;

pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) make: Option<MakeRequest>,
    pub(super) resume: Option<Resume>,
    attempts: u64,
    /// Of the attempt that was made last, if it was refused with one.
    pub(super) refused_with: Option<StatusCode>,
    /// A response was an event stream.
    pub(super) answered: bool,
}

impl Ask {
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            make: None,
            resume: None,
            attempts: 0,
            refused_with: None,
            answered: false,
        }
    }

    /// Takes a last event ID that was set as a header, the last one if there are several.
    ///
    /// # Errors
    ///
    /// When it is not UTF-8.
    pub(super) fn take_last_event_id(&mut self) -> Result<Option<String>, Error> {
        let id = self.headers.get_all(LAST_EVENT_ID).into_iter().next_back().cloned();
        self.headers.remove(LAST_EVENT_ID);
        let text = id.map(|id| String::from_utf8(id.as_bytes().to_vec()));
        text.transpose().map_err(|_| Error::request("the header `last-event-id` is not UTF-8"))
    }

    /// How many attempts were made.
    pub(super) const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// What is traced under it.
    pub(super) fn scope(&self) -> Scope {
        Scope::of(&self.method, &self.uri)
    }

    /// Whether it may be asked more than once at all.
    pub(super) fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.make.is_some() || self.resume.is_some()
    }

    /// Whether it may be asked again now.
    pub(super) fn may_repeat(&self, last_event_id: &str) -> bool {
        self.may_resume() && !(self.resumes_by_get() && last_event_id.is_empty())
    }

    /// Whether it may be asked again once there is a last event ID.
    pub(super) fn may_resume(&self) -> bool {
        if self.resumes_by_get() { self.answered } else { self.is_repeatable() }
    }

    /// A GET is repeated as it is, its body included.
    fn resumes_by_get(&self) -> bool {
        self.resume == Some(Resume::Get) && self.method != Method::GET
    }

    /// The method of the next attempt, unless [`make`](Self::make) takes another.
    pub(super) fn method(&self) -> Method {
        if self.resumes_by_get() && self.answered { Method::GET } else { self.method.clone() }
    }

    /// The request of the next attempt.
    pub(super) fn next(
        &mut self,
        last_event_id: &str,
    ) -> impl Future<Output = Result<http::Request<Bytes>, Error>> + Send + 'static {
        self.attempts += 1;
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method();
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().clone_from(&self.headers);
        if self.resumes_by_get() && self.answered {
            *request.body_mut() = Bytes::new();
            request.headers_mut().remove(CONTENT_TYPE);
            request.headers_mut().remove(CONTENT_ENCODING);
        }
        let id = header_of(last_event_id);
        let completed = complete(request.headers_mut(), id.clone());
        let (number, previous_status) = (self.attempts, self.refused_with.take());
        let made = match &mut self.make {
            None => Ok(request),
            Some(make) => {
                let last_event_id = LastEventId::received(last_event_id);
                Err(make(Attempt { number, last_event_id, previous_status, request }))
            }
        };
        async move {
            completed?;
            match made {
                Ok(request) => Ok(request),
                Err(made) => {
                    let mut request = made.await.map_err(Error::made)?;
                    complete(request.headers_mut(), id)?;
                    Ok(request)
                }
            }
        }
    }
}

/// Sets what an event stream is asked for with, as far as it is not there.
///
/// # Errors
///
/// When the headers are so many that no other can be added.
pub(super) fn complete(headers: &mut HeaderMap, last_event_id: Option<HeaderValue>) -> Result<(), Error> {
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

/// The [`Last-Event-ID`](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-last-event-id-header) header:
/// the id in UTF-8, if there is one.
fn header_of(last_event_id: &str) -> Option<HeaderValue> {
    if last_event_id.is_empty() {
        return None;
    }
    let sendable = last_event_id.len() <= LONGEST_ID;
    let header = sendable.then(|| HeaderValue::from_bytes(last_event_id.as_bytes()).ok()).flatten();
    if header.is_none() {
        // Too long, or a control character. The id counts nonetheless: the one before is not sent in its place.
        trace::unsendable_id(last_event_id);
    }
    header
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("method", &self.method)
            .field("url", &format_args!("{}", Shown(&self.uri)))
            .field("headers", &HeaderNames(&self.headers))
            .field("body", &Size(self.body.len()))
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(ask: &mut Ask, id: &str) -> http::Request<Bytes> {
        tokio_test::block_on(ask.next(id)).unwrap()
    }

    #[test]
    fn c12_an_id_that_cannot_be_a_header_is_left_out() {
        let mut ask = Ask::new(Method::GET, Uri::from_static("/"));
        for id in ["", "a\u{7f}", "\u{1}", &"9".repeat((8 << 10) + 1)] {
            assert!(!request(&mut ask, id).headers().contains_key(LAST_EVENT_ID), "{id:?}");
        }
    }

    #[test]
    fn c9_c11_every_other_id_is_sent_as_it_is() {
        let mut ask = Ask::new(Method::GET, Uri::from_static("/"));
        let long = "9".repeat(8 << 10);
        for id in ["a", "é…", "a\tb", "\u{2028}", &long] {
            let request = request(&mut ask, id);
            let values: Vec<_> = request.headers().get_all(LAST_EVENT_ID).iter().collect();
            assert_eq!(values, [id.as_bytes()], "{id:?}");
        }
    }

    #[test]
    fn a_get_is_repeated_as_it_is_whatever_is_said_of_other_methods() {
        let mut ask = Ask::new(Method::GET, Uri::from_static("/"));
        (ask.body, ask.resume) = (Bytes::from_static(b"{}"), Some(Resume::Get));
        for answered in [false, true] {
            ask.answered = answered;
            assert!(ask.may_repeat(""));
            assert_eq!(request(&mut ask, "").body(), "{}");
        }
    }

    #[test]
    fn a_post_is_resumed_by_get_once_it_was_answered_and_has_an_id() {
        let mut ask = Ask::new(Method::POST, Uri::from_static("/mcp"));
        ask.body = Bytes::from_static(b"{}");
        ask.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        assert!(!ask.is_repeatable());
        ask.resume = Some(Resume::Get);
        assert!(ask.is_repeatable() && !ask.may_repeat("7"));
        assert_eq!(request(&mut ask, "").method(), Method::POST);
        ask.answered = true;
        assert!(!ask.may_repeat("") && ask.may_repeat("7"));
        let request = request(&mut ask, "7");
        assert_eq!((request.method(), request.body().len()), (&Method::GET, 0));
        assert!(!request.headers().contains_key(CONTENT_TYPE));
        assert_eq!(request.headers()[LAST_EVENT_ID], "7");
    }
}
