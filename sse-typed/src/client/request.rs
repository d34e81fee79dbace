use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::Serialize;

use super::{
    BadEvent, Error, EventSource, EventStream, HttpService, ReconnectPolicy, Unknown,
    exchange::{Answer, Ask, exchange},
    reader::Reader,
    reconnect::Reconnect,
    trace,
};
use crate::{
    codec::{DecodeEvent, Decoder},
    event::EventId,
};

/// A request for an event stream, and how its events are to be read.
///
/// It is made by [`Client::get`](super::Client::get), [`post`](super::Client::post) or
/// [`request`](super::Client::request), and ends in [`connect`](Self::connect) or [`send`](Self::send). What is wrong with
/// URL, headers or body is told there.
#[derive(Debug)]
#[must_use = "a request does nothing until `connect` or `send`"]
pub struct RequestBuilder<S> {
    service: S,
    ask: Result<Ask, Error>,
    decoder: Decoder,
    bad_event: BadEvent,
    unknown: Unknown,
    reconnect: ReconnectPolicy,
    lenient: bool,
}

impl<S> RequestBuilder<S> {
    pub(super) fn new<U>(service: S, method: Method, uri: U) -> Self
    where
        U: TryInto<Uri>,
        U::Error: Into<http::Error>,
    {
        let ask = match uri.try_into() {
            Ok(uri) => Ok(Ask { method, uri, headers: HeaderMap::new(), body: Bytes::new() }),
            Err(error) => Err(Error::request(error.into())),
        };
        Self {
            service,
            ask,
            decoder: Decoder::new(),
            bad_event: BadEvent::Yield,
            unknown: Unknown::Skip,
            reconnect: ReconnectPolicy::new(),
            lenient: false,
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
    /// [`last_event_id`](Self::last_event_id).
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
            ask.headers.insert(AUTHORIZATION, value);
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
            ask.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
            Ok(())
        })
    }

    /// The last event ID of the first attempt: where an earlier run left off.
    pub fn last_event_id(mut self, id: impl Into<EventId>) -> Self {
        let id = id.into();
        self = self.change(|ask| {
            ask.take_last_event_id();
            Ok(())
        });
        self.decoder = self.decoder.with_last_event_id(id.as_str());
        self
    }

    /// The size up to which an event is read, in bytes; see [`Decoder::max_event_size`]. 16 MiB unless said otherwise.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.decoder = self.decoder.max_event_size(bytes);
        self
    }

    /// What becomes of bad events. They are `Err` items unless said otherwise.
    pub fn on_bad_event(mut self, bad_event: BadEvent) -> Self {
        self.bad_event = bad_event;
        self
    }

    /// What becomes of events of unknown type. They are passed over unless said otherwise.
    pub fn on_unknown(mut self, unknown: Unknown) -> Self {
        self.unknown = unknown;
        self
    }

    /// How [`connect`](Self::connect) reconnects.
    pub fn reconnect(mut self, policy: ReconnectPolicy) -> Self {
        self.reconnect = policy;
        self
    }

    /// Accepts a `200 OK` without a content type. One with another content type is refused nonetheless.
    pub fn lenient(mut self, yes: bool) -> Self {
        self.lenient = yes;
        self
    }
}

impl<S: HttpService> RequestBuilder<S> {
    /// A source that connects when it is polled first, and reconnects.
    ///
    /// A request that cannot be sent is the first and last item of the source. A request of another method than GET is
    /// made once.
    pub fn connect<E: DecodeEvent>(self) -> EventSource<E, S> {
        let (ask, decoder) = seed(self.ask, self.decoder);
        let policy = match &ask {
            Ok(ask) if ask.method != Method::GET => ReconnectPolicy::never(),
            _ => self.reconnect,
        };
        let reader = Reader::new(decoder, self.bad_event, self.unknown);
        EventSource::new(self.service, ask, self.lenient, reader, Reconnect::new(policy))
    }

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
        let (ask, decoder) = seed(self.ask, self.decoder);
        let request = ask?.request(decoder.last_event_id());
        let reader = Reader::new(decoder, self.bad_event, self.unknown);
        match exchange(self.service, request, self.lenient).await? {
            Answer::Stream(head, body) => Ok(EventStream::of_response(head, Some(body), reader)),
            Answer::NoContent(head) => {
                trace::ended("no content");
                Ok(EventStream::of_response(head, None, reader))
            }
        }
    }
}

/// A last event ID that was set as a header is the first one of the source.
fn seed(mut ask: Result<Ask, Error>, mut decoder: Decoder) -> (Result<Ask, Error>, Decoder) {
    if let Some(id) = ask.as_mut().ok().and_then(Ask::take_last_event_id) {
        decoder = decoder.with_last_event_id(id);
    }
    (ask, decoder)
}
