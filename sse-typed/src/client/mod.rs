//! The client: HTTP responses as event streams.
//!
//! There are three levels. [`Decoder`](crate::codec::Decoder) reads bytes. [`EventStream`] reads one response, typed; it is
//! what [`send`](RequestBuilder::send) gives, and what a request to a language model wants. [`EventSource`] reconnects, and
//! resumes where it left off; it is what [`connect`](RequestBuilder::connect) gives, and what a feed wants.
//!
//! A [`Client`] asks through any Tower HTTP service: over the network `Client::hyper()` (feature `hyper-client`) or
//! `Client::reqwest(..)` (feature `reqwest`), or an axum `Router` in the same process, without a port:
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
//! let router = Router::new().route("/race", get(move || async move { ([("content-type", "text/event-stream")], stream) }));
//!
//! let mut race = Client::new(router).get("/race").connect::<Race>();
//! while let Some(event) = race.next().await {
//!     match event {
//!         Ok(event) => println!("{:?} {:?}", event.id, event.data),
//!         Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"), // the stream goes on
//!         Err(error) => return Err(error),
//!     }
//! } // `None`: `Finish` was the last
//! assert_eq!(race.last_event_id(), "1");
//! # Ok(())
//! # }
//! ```
//!
//! There is no task and no channel behind a stream: it goes as far as it is polled, what is not read stays in the socket,
//! and dropping it closes the connection. Its clocks are Tokio's, and each item costs a unit of the
//! [budget](tokio::task::coop) of the task: a stream that always has something lets other tasks run.
//!
//! # What becomes of bad input
//!
//! | what | becomes |
//! |---|---|
//! | malformed wire bytes | nothing: the standard gives them a meaning |
//! | an event of a known type with bad data | an `Err` item with the event, the place in the JSON and the cause; the stream goes on |
//! | an event of unknown type | passed over, counted and traced; an `Err` item on request ([`Unknown::Error`]) |
//! | an event over the limit | an `Err` item; the event behind it is read |
//! | a connection that fails, ends, or falls silent | another attempt, see [`ReconnectPolicy`]; for [`EventStream`] the end |
//! | a response that is no event stream, or a compressed one | a fatal error with its head and a piece of its body |
//!
//! A [terminal event](crate::EventKind::is_terminal) with bad data is a bad event, and no terminal one: which variant it
//! would have been is not known, and what the data would have said neither. A source reads on, and reconnects when the
//! stream ends; [`max_attempts`](ReconnectPolicy::max_attempts) does not end it, because there was an event. A program
//! that takes such an error for the end leaves its loop there.
//!
//! # A server that is not there
//!
//! A source goes on trying, and says nothing of it: an attempt that will be repeated is no item. A program that must not
//! start without its feed waits for [`opened`](EventSource::opened), one that wants to give up says
//! [`max_attempts`](ReconnectPolicy::max_attempts), one that wants to tell of it reads
//! [`with_signals`](EventSource::with_signals), one that wants to tell of it elsewhere, as a readiness probe does, asks a
//! [`Handle`] for the [state](Handle::state) or its [changes](Handle::state_changes), and with feature `tracing` each is a
//! warning.
//!
//! Nothing of servers enters this room; when to reconnect is a value of its own, without a clock.

mod ask;
#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
mod basic_auth;
#[expect(clippy::module_inception, reason = "the room and its first type share the name")]
mod client;
mod connection;
mod debug;
mod decode;
mod ended;
mod error;
mod exchange;
mod headers;
#[cfg(feature = "hyper-client")]
mod hyper;
mod options;
mod reader;
mod reconnect;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest;
mod service;
mod silence;
mod source;
mod stream;
mod timer;
mod trace;
#[cfg(any(feature = "proxy", feature = "reqwest"))]
mod tunnel;
mod unsendable;
mod url;

#[cfg(feature = "hyper-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper-client")))]
pub use self::hyper::{BuildError, HyperClient, HyperClientBuilder};
#[cfg(feature = "reqwest")]
#[cfg_attr(docsrs, doc(cfg(feature = "reqwest")))]
pub use self::reqwest::ReqwestClient;
pub use self::{
    ask::{Attempt, Resume},
    client::Client,
    decode::{SseDecode, SseDecodeFuture, SseDecodeLayer},
    ended::Ended,
    error::Error,
    options::{BadEvent, BadEventHook, Unknown},
    reconnect::ReconnectPolicy,
    request::{Reply, RequestBuilder},
    service::{BoxHttpService, BoxResponseFuture, HttpService, ResponseBody, WithBody},
    source::{EventSource, Handle, LastError, ReadyState, Signal, Signals, SourceState, StateChanges},
    stream::EventStream,
};
