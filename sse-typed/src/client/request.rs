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
    ask::{Ask, LAST_EVENT_ID},
    connection::Connection,
    debug::HeaderNames,
    error::BoxError,
    exchange::{Answer, ResponseTimeout, Terms, exchange, refusal},
    options::{ReadOptions, read_options},
    reader::Reader,
    reconnect::Reconnect,
    trace::Scope,
    url::Shown,
};
use crate::{
    codec::{DecodeEvent, Decoder},
    event::IntoEventId,
};

/// A request for an event stream, and how its events are to be read.
///
/// It is made by [`Client::get`](super::Client::get), [`post`](super::Client::post) or
/// [`request`](super::Client::request), and ends in [`connect`](Self::connect) or [`send`](Self::send). What is wrong with
/// URL, headers or body is told there.
#[must_use = "a request does nothing until `connect` or `send`"]
pub struct RequestBuilder<S> {
    service: S,
    ask: Result<Ask, Error>,
    decoder: Decoder,
    options: ReadOptions,
    reconnect: ReconnectPolicy,
    terms: Terms,
}

impl<S> RequestBuilder<S> {
    pub(super) fn new<U>(service: S, method: Method, uri: U) -> Self
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        let written = uri.to_string();
        let ask = match uri.try_into() {
            Ok(uri) => Ok(Ask::new(method, uri)),
            Err(error) => {
                let (url, why): (_, http::Error) = (Shown(written), error.into());
                Err(Error::request(format!("`{url}` is no URL, such as `http://host/path`: {why}")))
            }
        };
        Self {
            service,
            ask,
            decoder: Decoder::new(),
            options: ReadOptions::default(),
            reconnect: ReconnectPolicy::new(),
            terms: Terms::default(),
        }
    }

    /// Changes the request; the first error stays.
    fn change(mut self, change: impl FnOnce(&mut Ask) -> Result<(), Error>) -> Self {
        if let Ok(ask) = &mut self.ask
            && let Err(error) = change(ask)
        {
            self.ask = Err(error);
        }
        self
    }

    /// Adds a header. `accept` and `cache-control` replace what is sent without them, and `last-event-id` is the same as
    /// [`last_event_id`](Self::last_event_id), and must be UTF-8.
    pub fn header<K, V>(self, name: K, value: V) -> Self
    where
        K: TryInto<HeaderName>,
        K::Error: Into<http::Error>,
        V: TryInto<HeaderValue>,
        V::Error: Into<http::Error>,
    {
        self.change(|ask| {
            let name = name.try_into().map_err(|error| Error::request(error.into()))?;
            let value = value.try_into().map_err(|error| Error::request(error.into()))?;
            ask.headers.try_append(name, value).map_err(Error::request)?;
            Ok(())
        })
    }

    /// Adds headers; those of a name that is there already are replaced.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.change(|ask| {
            let mut name = None;
            for (next, value) in headers {
                // Further values of a name come without it.
                if let Some(next) = next {
                    ask.headers.remove(&next);
                    name = Some(next);
                }
                if let Some(name) = &name {
                    ask.headers.try_append(name.clone(), value).map_err(Error::request)?;
                }
            }
            Ok(())
        })
    }

    /// Sets `authorization: Bearer <token>`. Its value is marked as sensitive.
    pub fn bearer_auth(self, token: &str) -> Self {
        self.change(|ask| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(Error::request)?;
            value.set_sensitive(true);
            ask.headers.try_insert(AUTHORIZATION, value).map_err(Error::request)?;
            Ok(())
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.change(|ask| {
            ask.body = body.into();
            Ok(())
        })
    }

    /// Sets the body to a value as JSON, and `content-type: application/json` if there is none yet.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        self.change(|ask| {
            ask.body = serde_json::to_vec(value).map_err(Error::request)?.into();
            if !ask.headers.contains_key(CONTENT_TYPE) {
                let json = HeaderValue::from_static("application/json");
                ask.headers.try_insert(CONTENT_TYPE, json).map_err(Error::request)?;
            }
            Ok(())
        })
    }

    /// The last event ID of the first attempt: where an earlier run left off.
    pub fn last_event_id(mut self, id: impl IntoEventId) -> Self {
        let id = id.into();
        self = self.change(|ask| {
            ask.headers.remove(LAST_EVENT_ID);
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

    /// Makes the request of each attempt, to refresh a token or a cursor: `make` gets the request as it would be made, and
    /// gives one. Headers that it leaves out are added again: `accept`, `cache-control` and `last-event-id`.
    ///
    /// An error of `make` is repeated as a connection that failed is. A request of another method than GET is repeated as
    /// GET is: who makes it anew each time knows that it is made more than once. A response that refuses the request, such
    /// as a 401, is the end, unless [`retry_status`](ReconnectPolicy::retry_status) says otherwise.
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
        self.change(|ask| {
            ask.make = Some(Box::new(move |attempt| Box::pin(make(attempt))));
            Ok(())
        })
    }

    /// How a request of another method than GET is repeated. It is not, unless said so here.
    pub fn resume_with(self, resume: Resume) -> Self {
        self.change(|ask| {
            ask.resume = Some(resume);
            Ok(())
        })
    }

    /// How long the head of the response may take, with all that comes before it: the closure of
    /// [`request`](Self::request), which may hang as well, and the connection. `None` sets no limit.
    ///
    /// The default is 120 s for GET, as a dead path looks like a server that sends the head only with its first event. A source
    /// asks such a server again after the reconnection time, which this does not double;
    /// [`max_attempts`](super::ReconnectPolicy::max_attempts) counts the attempt. What the server sends in between is lost if
    /// it does not resume by the last event ID: for such a feed set `None`. For other methods there is no limit by default.
    ///
    /// An attempt that ends by a time that is set here has failed like any other, and doubles the delay.
    pub fn response_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.terms.response_timeout = ResponseTimeout::Set(time.into());
        self
    }

    /// How [`connect`](Self::connect) reconnects.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Accepts a `200 OK` without a content type. One with another content type is refused nonetheless.
    pub fn lenient(mut self, yes: bool) -> Self {
        self.terms.lenient = yes;
        self
    }
}

impl<S> RequestBuilder<S> {
    /// A source that connects when it is polled first, and reconnects.
    ///
    /// A request that cannot be sent is the first and last item of the source. A request of another method than GET is
    /// made once, unless [`resume_with`](Self::resume_with) or [`request`](Self::request) says how to go on.
    pub fn connect<E: DecodeEvent>(self) -> EventSource<E, S> {
        let (ask, decoder) = seed(self.ask, self.decoder);
        let scope = ask.as_ref().map_or_else(|_| Scope::none(), Ask::scope);
        let reader = Reader::new(decoder, self.options, scope);
        EventSource::new(self.service, ask, self.terms, reader, Reconnect::new(self.reconnect))
    }
}

impl<S: HttpService> RequestBuilder<S> {
    /// Sends the request, and gives the events of its response. There is no reconnecting.
    ///
    /// `204 No Content` gives a stream that is over: so a server answers whose stream has nothing to send.
    ///
    /// # Errors
    ///
    /// When the request cannot be sent, when there is no response, and when the response is no event stream; its head and
    /// a piece of its body are in the error then.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the request; the server may have received it.
    pub async fn send<E: DecodeEvent>(self) -> Result<EventStream<E>, Error> {
        match self.send_or_response().await? {
            Reply::Events(events) => Ok(events),
            Reply::Other(response) => {
                let (head, body) = response.into_parts();
                Err(refusal(head, body).await)
            }
        }
    }

    /// Sends the request, and gives the events of its response, or a response that is no event stream as it is: for servers
    /// that may answer in two ways, as MCP's do.
    ///
    /// # Errors
    ///
    /// When the request cannot be sent, and when there is no response.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_or_response<E: DecodeEvent>(self) -> Result<Reply<E>, Error> {
        let (ask, decoder) = seed(self.ask, self.decoder);
        let mut ask = ask?;
        let (method, request) = (ask.method(), ask.next(decoder.last_event_id()));
        let scope = ask.scope();
        let mut reader = Reader::new(decoder, self.options, scope.clone());
        let connection = Connection::default();
        reader.set_connection(connection.clone());
        let mut answer = pin!(exchange(self.service, method, request, connection, self.terms));
        let answer = poll_fn(|cx| {
            let _entered = scope.enter();
            answer.as_mut().poll(cx)
        });
        Ok(match answer.await? {
            Answer::Stream(head, body) => Reply::Events(EventStream::of_response(head, Ok(body), reader)),
            Answer::NoContent(head) => Reply::Events(EventStream::of_response(head, Err(Ended::NoContent), reader)),
            Answer::Other(head, body) => Reply::Other(http::Response::from_parts(head, body)),
        })
    }
}

/// What [`send_or_response`](RequestBuilder::send_or_response) gives.
#[expect(clippy::exhaustive_enums, reason = "a response is an event stream or it is not")]
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart where it is made, and the common case is the large one"
)]
pub enum Reply<E> {
    /// An event stream, or `204 No Content`: one that is over.
    Events(EventStream<E>),
    /// Anything else, whatever its status.
    Other(http::Response<ResponseBody>),
}

impl<S> fmt::Debug for RequestBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("ask", &self.ask)
            .field("options", &self.options)
            .field("reconnect", &self.reconnect)
            .field("terms", &self.terms)
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

/// A last event ID that was set as a header is the first one of the source.
fn seed(mut ask: Result<Ask, Error>, mut decoder: Decoder) -> (Result<Ask, Error>, Decoder) {
    match ask.as_mut().map(Ask::take_last_event_id) {
        Ok(Ok(Some(id))) => decoder = decoder.with_last_event_id(id),
        Ok(Err(error)) => ask = Err(error),
        Ok(Ok(None)) | Err(_) => {}
    }
    (ask, decoder)
}
