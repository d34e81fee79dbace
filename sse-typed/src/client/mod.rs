//! The client: HTTP responses as event streams.
//!
//! An [`EventStream`] reads the typed events of one response. [`send`](RequestBuilder::send) returns it. Use it for
//! a single answer, such as that of a language model. An [`EventSource`] (in these pages also a *source*)
//! reconnects, and resumes after the last event. [`connect`](RequestBuilder::connect) returns it. Use it for a feed.
//! To decode bytes without a client, use [`Decoder`](crate::codec::Decoder).
//!
//! A [`Client`] sends its requests through any Tower HTTP service: over the network with `Client::hyper()` (feature
//! `hyper-client`) or `Client::reqwest(..)` (feature `reqwest`), or to an axum `Router` in the same process, without
//! a port:
//!
//! ```
//! # #[cfg(not(feature = "derive"))]
//! # fn main() {}
//! # #[cfg(feature = "derive")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), sse_typed::client::Error> {
//! use axum::{Router, routing::get};
//! use sse_typed::{Client, SseEvent};
//!
//! #[derive(Debug, SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Race {
//!     Lap { number: u64 },
//!     #[sse(terminal)]
//!     Finish,
//! }
//!
//! let stream = "event: lap\nid: 1\ndata: {\"number\":1}\n\nevent: finish\ndata: null\n\n";
//! let race = move || async move { ([("content-type", "text/event-stream")], stream) };
//! let router = Router::new().route("/race", get(race));
//!
//! let mut race = Client::new(router).get("/race").connect::<Race>();
//! while let Some(event) = race.next().await {
//!     match event {
//!         Ok(event) => println!("{:?} {:?}", event.id, event.data),
//!         // The stream continues.
//!         Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
//!         Err(error) => return Err(error),
//!     }
//! } // `None`: `Finish` ended the stream
//! assert_eq!(race.last_event_id(), "1");
//! # Ok(())
//! # }
//! ```
//!
//! A stream has no task and no channel of its own. It makes progress only when it is polled, unread data stays in
//! the socket, and dropping it closes the connection. It uses Tokio's timers. Each item takes one unit of the task's
//! [coop budget](tokio::task::coop), so other tasks run even if a stream always has an item ready.
//!
//! # Bad input
//!
//! | input | result |
//! |---|---|
//! | malformed wire bytes | no error: the standard defines how to read any bytes |
//! | an event of a known type with bad data | an `Err` item with the event, the path in the JSON and the cause; the stream continues |
//! | an event of an unknown type | skipped, counted and traced; with the setting [`UnknownEvent::Error`], an `Err` item |
//! | an event over the size limit | an `Err` item; the next event is read |
//! | a connection that fails, ends or times out | an [`EventSource`] reconnects (see [`ReconnectPolicy`]); an [`EventStream`] ends: with a fatal error, or without one if the response just ended |
//! | a response that is not an event stream, or is compressed | a fatal error with its head and the beginning of its body; an [`EventSource`] retries some statuses first |
//!
//! A [terminal event](crate::EventKind::is_terminal) whose data cannot be decoded is a bad event and does not end the
//! stream: without valid data, neither its variant nor its content is known. A source continues to read, and reconnects
//! when the stream ends. [`max_attempts`](ReconnectPolicy::max_attempts) does not stop it: a bad event is an event
//! too, and each connection that receives one resets the count of attempts. A program that wants to end on this error
//! leaves its loop there.
//!
//! # An unreachable server
//!
//! A source yields no item for an attempt to connect that it will retry. To learn that the server is unreachable:
//!
//! - [`opened`](EventSource::opened) waits for the first connection, for a program that must not start without its
//!   feed.
//! - [`max_attempts`](ReconnectPolicy::max_attempts) makes the source give up.
//! - [`with_signals`](EventSource::with_signals) yields each reconnect as an item.
//! - A [`Handle`] gives other tasks, such as a readiness probe, the [state](Handle::state) and its
//!   [changes](Handle::state_changes).
//! - With feature `tracing`, each lost connection is a warning (see below).
//!
//! # Tracing
//!
//! With feature `tracing`, the client emits events with the target `sse_typed::client`. It creates one span per
//! stream or source, named `event_stream`, at level `INFO` and with the same target. Its fields are
//! `http.request.method`, `server.address`, `server.port` and `url.path`, named after OpenTelemetry's conventions.
//! The query of a URL is never recorded, because it may contain a secret. The streams of [`EventStream::from_body`],
//! [`EventStream::from_response`] and [`SseDecodeLayer`] have no span.
//!
//! | level | message | fields |
//! |---|---|---|
//! | `DEBUG` | event stream open | `http.response.status_code` |
//! | `DEBUG` | event stream ended, reconnecting | `after_ms` |
//! | `WARN` | event stream lost, reconnecting | `after_ms`, `error` |
//! | `DEBUG` | event stream closed | `reason`: a variant of [`Ended`] |
//! | `WARN` | event stream failed | `error` |
//! | `DEBUG` | event of unknown type | `event_type` |
//! | `WARN` | bad event | `error` |
//! | `WARN` | event stream without an event | `ignored`: the first lines that are not part of the format |
//! | `WARN` | event stream ended within an event, which is discarded | `unfinished` |
//! | `WARN` | last event ID cannot be sent in a header | `id`: its first 100 characters |
//! | `WARN` | response header has an invalid value | `header`, `value`: its first 100 characters |
//!
//! This module does not depend on the server. Its private part `reconnect` decides when to retry, without a clock and
//! without I/O.

mod attempt;
#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
mod basic_auth;
#[expect(clippy::module_inception, reason = "the module and its main type have the same name")]
mod client;
mod connection;
mod debug;
mod decode;
mod ended;
mod error;
mod headers;
#[cfg(feature = "hyper-client")]
mod hyper;
mod options;
mod permanent_error;
#[cfg(any(feature = "proxy", feature = "reqwest"))]
mod proxy_auth;
mod reader;
mod reconnect;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod response;
mod service;
mod source;
mod stream;
mod stream_timeouts;
mod timer;
mod trace;
mod url;

#[cfg(feature = "hyper-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper-client")))]
pub use self::hyper::{BuildError, HyperClient, HyperClientBuilder};
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub use self::reqwest::ReqwestClient;
pub use self::{
    attempt::{Attempt, Resume},
    client::Client,
    decode::{SseDecode, SseDecodeFuture, SseDecodeLayer},
    ended::Ended,
    error::Error,
    options::{BadEvent, BadEventHook, UnknownEvent},
    reconnect::ReconnectPolicy,
    request::{Reply, RequestBuilder},
    service::{BoxHttpService, BoxResponseFuture, HttpService, ResponseBody, WithBody},
    source::{EventSource, Handle, LastError, ReadyState, Signal, Signals, SourceState, StateChanges},
    stream::EventStream,
};
