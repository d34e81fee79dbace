use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::Serialize;

use super::{
    Attempt, Ended, Error, EventSource, EventStream, HttpService, ReconnectPolicy, ResponseBody, Resume,
    attempt::{LAST_EVENT_ID, RequestTemplate},
    connection::Connection,
    debug::HeaderNames,
    error::BoxError,
    options::{ReadOptions, read_options},
    reader::Reader,
    reconnect::ReconnectState,
    response::{CheckedResponse, ResponseOptions, ResponseTimeout, rejection, send_request},
    trace::StreamSpan,
    url::RedactedUrl,
};
use crate::{
    codec::{DecodeEvent, Decoder},
    event::IntoEventId,
};

/// A request for an event stream, with the settings for reading its events.
///
/// [`Client::get`](super::Client::get), [`post`](super::Client::post) and [`request`](super::Client::request) create
/// it, and [`connect`](Self::connect) or [`send`](Self::send) sends it. An invalid URL, header or body is reported
/// there.
#[must_use = "a request does nothing until `connect` or `send`"]
pub struct RequestBuilder<S> {
    service: S,
    template: Result<RequestTemplate, Error>,
    decoder: Decoder,
    options: ReadOptions,
    reconnect: ReconnectPolicy,
    response_options: ResponseOptions,
}

impl<S> RequestBuilder<S> {
    pub(super) fn new<U>(service: S, method: Method, uri: U) -> Self
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        let written = uri.to_string();
        let template = match uri.try_into() {
            Ok(uri) => Ok(RequestTemplate::new(method, uri)),
            Err(error) => {
                let (url, why): (_, http::Error) = (RedactedUrl(written), error.into());
                Err(Error::request(format!("`{url}` is not a URL such as `http://host/path`: {why}")))
            }
        };
        Self {
            service,
            template,
            decoder: Decoder::new(),
            options: ReadOptions::default(),
            reconnect: ReconnectPolicy::new(),
            response_options: ResponseOptions::default(),
        }
    }

    /// Changes the request. The first error is kept.
    fn change(mut self, change: impl FnOnce(&mut RequestTemplate) -> Result<(), Error>) -> Self {
        if let Ok(template) = &mut self.template
            && let Err(error) = change(template)
        {
            self.template = Err(error);
        }
        self
    }

    /// Adds a header. `accept` and `cache-control` replace the defaults (`text/event-stream` and `no-cache`).
    /// `last-event-id` does the same as [`last_event_id`](Self::last_event_id), and must be UTF-8.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        K::Error: Into<http::Error>,
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        self.change(|template| {
            let name = name.try_into().map_err(|error| Error::request(error.into()))?;
            let value = value.try_into().map_err(|error| Error::request(error.into()))?;
            template.headers.try_append(name, value).map_err(Error::request)?;
            Ok(())
        })
    }

    /// Adds headers, replacing the existing headers of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.change(|template| {
            let mut name = None;
            for (next, value) in headers {
                // `HeaderMap` yields the name with the first of its values only.
                if let Some(next) = next {
                    template.headers.remove(&next);
                    name = Some(next);
                }
                if let Some(name) = &name {
                    template.headers.try_append(name.clone(), value).map_err(Error::request)?;
                }
            }
            Ok(())
        })
    }

    /// Sets `authorization: Bearer <token>`, and marks the value as sensitive.
    pub fn bearer_auth(self, token: &str) -> Self {
        self.change(|template| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(Error::request)?;
            value.set_sensitive(true);
            template.headers.try_insert(AUTHORIZATION, value).map_err(Error::request)?;
            Ok(())
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.change(|template| {
            template.body = body.into();
            Ok(())
        })
    }

    /// Serializes a value as the JSON body, and sets `content-type: application/json` unless the request has a
    /// content type.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|template| {
            template.body = serde_json::to_vec(value).map_err(Error::request)?.into();
            if !template.headers.contains_key(CONTENT_TYPE) {
                let json = HeaderValue::from_static("application/json");
                template.headers.try_insert(CONTENT_TYPE, json).map_err(Error::request)?;
            }
            Ok(())
        })
    }

    /// Sets the last event ID of the first attempt, to resume where an earlier run stopped.
    pub fn last_event_id(mut self, id: impl IntoEventId) -> Self {
        let id = id.into();
        self = self.change(|template| {
            template.headers.remove(LAST_EVENT_ID);
            Ok(())
        });
        self.decoder = self.decoder.with_last_event_id(id.as_str());
        self
    }

    fn change_decoder(&mut self, change: impl FnOnce(Decoder) -> Decoder) {
        self.decoder = change(std::mem::take(&mut self.decoder));
    }

    const fn options(&mut self) -> &mut ReadOptions {
        &mut self.options
    }

    read_options!();

    /// Sets a closure that builds the request of each attempt, for example to refresh a token or a cursor. `make`
    /// receives the request that would be sent without it, and returns the request to send. Missing `accept`,
    /// `cache-control` and `last-event-id` headers are added to it.
    ///
    /// An error of `make` is retried like a failed connection. With this closure, a request with a method other than
    /// GET is retried like a GET, since the closure builds a new one for each attempt. A response that rejects the
    /// request, such as a 401, ends the source unless [`retry_status`](ReconnectPolicy::retry_status) allows a
    /// retry.
    ///
    /// ```
    /// use http::{HeaderValue, header::AUTHORIZATION};
    /// use sse_typed::{Client, RawEvent};
    ///
    /// # async fn fresh_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # let client = Client::new(axum::Router::<()>::new());
    /// let source = client
    ///     .get("/events")
    ///     .request(|attempt| async move {
    ///         let token = fresh_token().await?;
    ///         let mut request = attempt.into_request();
    ///         request.headers_mut().insert(AUTHORIZATION, HeaderValue::try_from(token)?);
    ///         Ok(request)
    ///     })
    ///     .connect::<RawEvent>();
    /// # let _ = source;
    /// ```
    pub fn request<F, Fut>(self, mut make: F) -> Self
    where
        F: FnMut(Attempt) -> Fut + Send + 'static,
        Fut: Future<Output = Result<http::Request<Bytes>, BoxError>> + Send + 'static,
    {
        self.change(|template| {
            template.make = Some(Box::new(move |attempt| Box::pin(make(attempt))));
            Ok(())
        })
    }

    /// Sets how a request with a method other than GET reconnects. By default it is sent once.
    pub fn resume_with(self, resume: Resume) -> Self {
        self.change(|template| {
            template.resume = Some(resume);
            Ok(())
        })
    }

    /// Limits the time until the head of the response arrives. It includes the closure of
    /// [`request`](Self::request), which may hang as well, and the time to connect. `None` sets no limit.
    ///
    /// The default is 120 s for GET, and no limit for other methods. A dead network path looks the same as a
    /// server that sends the head only with its first event. When this default ends an attempt, a source therefore
    /// retries after the reconnection time without doubling it;
    /// [`max_attempts`](super::ReconnectPolicy::max_attempts) counts the attempt. Events that the server sends
    /// between two attempts are lost if it does not resume from the last event ID: set `None` for such a feed.
    ///
    /// An attempt that ends because of a limit set here is a failed attempt like any other, and doubles the delay.
    pub fn response_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.response_options.response_timeout = ResponseTimeout::Set(time.into());
        self
    }

    /// Sets when and how often [`connect`](Self::connect) reconnects.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Accepts a `200 OK` without a content type. A response with another content type is still an error. The
    /// default is `false`.
    pub fn accept_missing_content_type(mut self, yes: bool) -> Self {
        self.response_options.accepts_missing_content_type = yes;
        self
    }
}

impl<S> RequestBuilder<S> {
    /// Creates a source, which connects when it is first polled, and reconnects.
    ///
    /// If the request cannot be sent, the source yields that error as its only item. A request with a method other
    /// than GET is sent once, unless [`resume_with`](Self::resume_with) or [`request`](Self::request) is set.
    pub fn connect<E: DecodeEvent>(self) -> EventSource<E, S> {
        let (template, decoder) = take_last_event_id_header(self.template, self.decoder);
        let span = template.as_ref().map_or_else(|_| StreamSpan::none(), RequestTemplate::span);
        let reader = Reader::new(decoder, self.options, span);
        EventSource::new(self.service, template, self.response_options, reader, ReconnectState::new(self.reconnect))
    }
}

impl<S: HttpService> RequestBuilder<S> {
    /// Sends the request and returns the events of its response. The stream does not reconnect.
    ///
    /// A `204 No Content` response returns a stream that has already ended: servers send it when they have nothing
    /// more to send.
    ///
    /// # Errors
    ///
    /// When the request cannot be sent, when there is no response, and when the response is not an event stream.
    /// That last error contains the head and the beginning of the body.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request; the server may have received it.
    pub async fn send<E: DecodeEvent>(self) -> Result<EventStream<E>, Error> {
        match self.send_or_response().await? {
            Reply::Events(events) => Ok(events),
            Reply::Other(response) => {
                let (head, body) = response.into_parts();
                Err(rejection(head, body).await)
            }
        }
    }

    /// Sends the request and returns the events of its response, or the response itself if it is not an event
    /// stream. For servers that may respond in two ways, as MCP servers do.
    ///
    /// # Errors
    ///
    /// When the request cannot be sent, and when there is no response.
    ///
    /// # Cancel safety
    ///
    /// Same as [`send`](Self::send).
    pub async fn send_or_response<E: DecodeEvent>(self) -> Result<Reply<E>, Error> {
        let (template, decoder) = take_last_event_id_header(self.template, self.decoder);
        let mut template = template?;
        let (method, request) = (template.method(), template.next_request(decoder.last_event_id()));
        let span = template.span();
        let mut reader = Reader::new(decoder, self.options, span.clone());
        let connection = Connection::default();
        reader.set_connection(connection.clone());
        let mut response = pin!(send_request(self.service, method, request, connection, self.response_options));
        let response = poll_fn(|cx| {
            let _entered = span.enter();
            response.as_mut().poll(cx)
        });
        Ok(match response.await? {
            CheckedResponse::EventStream(head, body) => Reply::Events(EventStream::of_response(head, Ok(body), reader)),
            CheckedResponse::NoContent(head) => {
                Reply::Events(EventStream::of_response(head, Err(Ended::NoContent), reader))
            }
            CheckedResponse::Other(head, body) => Reply::Other(http::Response::from_parts(head, body)),
        })
    }
}

/// An event stream or another response: the result of [`send_or_response`](RequestBuilder::send_or_response).
#[expect(clippy::exhaustive_enums, reason = "a response is either an event stream or not")]
#[expect(clippy::large_enum_variant, reason = "callers match on it at once, and the large variant is the common one")]
pub enum Reply<E> {
    /// An event stream. For a `204 No Content` response, a stream that has already ended.
    Events(EventStream<E>),
    /// Any other response, whatever its status.
    Other(http::Response<ResponseBody>),
}

impl<S> fmt::Debug for RequestBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("template", &self.template)
            .field("options", &self.options)
            .field("reconnect", &self.reconnect)
            .field("response_options", &self.response_options)
            .finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Reply<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(events) => f.debug_tuple("Events").field(events).finish(),
            Self::Other(response) => f
                .debug_struct("Other")
                .field("status", &response.status())
                .field("headers", &HeaderNames(response.headers()))
                .finish_non_exhaustive(),
        }
    }
}

/// Moves a last event ID that was set as a header into the decoder.
fn take_last_event_id_header(
    mut template: Result<RequestTemplate, Error>,
    mut decoder: Decoder,
) -> (Result<RequestTemplate, Error>, Decoder) {
    match template.as_mut().map(RequestTemplate::take_last_event_id) {
        Ok(Ok(Some(id))) => decoder = decoder.with_last_event_id(id),
        Ok(Err(error)) => template = Err(error),
        Ok(Ok(None)) | Err(_) => {}
    }
    (template, decoder)
}
