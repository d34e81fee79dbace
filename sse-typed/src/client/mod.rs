//! The client: HTTP responses as event streams.
//!
//! There are three levels. [`Decoder`](crate::codec::Decoder) reads bytes. [`EventStream`] reads one response, typed; it is
//! what [`send`](RequestBuilder::send) gives, and what a request to a language model wants. [`EventSource`] reconnects, and
//! resumes where it left off; it is what [`connect`](RequestBuilder::connect) gives, and what a feed wants.
//!
//! A [`Client`] asks through any Tower HTTP service: `Client::hyper()` (feature `hyper-client`) over the network, or an
//! axum `Router` in the same process, without a port:
//!
//! ```
//! use axum::{Router, routing::get};
//! use sse_typed::{Client, RawEvent};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), sse_typed::client::Error> {
//! let router = Router::new().route(
//!     "/events",
//!     get(|| async { ([("content-type", "text/event-stream")], "event: greeting\nid: 1\ndata: hello\n\n") }),
//! );
//!
//! let mut events = Client::new(router).get("/events").connect::<RawEvent>();
//! while let Some(event) = events.next().await {
//!     match event {
//!         Ok(event) => {
//!             assert_eq!(event.data.data(), "hello");
//! #           break;
//!         }
//!         Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"), // the stream goes on
//!         Err(error) => return Err(error),
//!     }
//! }
//! assert_eq!(events.last_event_id(), "1"); // what the next attempt would send
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of bad input
//!
//! | what | becomes |
//! |---|---|
//! | malformed wire bytes | nothing: the standard gives them a meaning |
//! | an event of a known type with bad data | an `Err` item with the event, the place in the JSON and the cause; the stream goes on |
//! | an event of unknown type | passed over, counted and traced; an `Err` item on request ([`Unknown::Error`]) |
//! | an event over the limit | an `Err` item; the event behind it is read |
//! | a connection that fails or ends | another attempt, see [`ReconnectPolicy`]; for [`EventStream`] the end |
//! | a response that is no event stream | a fatal error with its head and a piece of its body |
//!
//! Nothing of servers enters this room; when to reconnect is a value of its own, without a clock.

mod ask;
#[expect(clippy::module_inception, reason = "the room and its first type share the name")]
mod client;
mod decode;
mod ended;
mod error;
mod exchange;
#[cfg(feature = "hyper-client")]
mod hyper;
mod options;
mod reader;
mod reconnect;
mod request;
mod service;
mod silence;
mod source;
mod stream;
mod trace;

#[cfg(feature = "hyper-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "hyper-client")))]
pub use self::hyper::HyperClient;
pub use self::{
    ask::{Attempt, Resume},
    client::Client,
    decode::{SseDecode, SseDecodeFuture, SseDecodeLayer},
    ended::Ended,
    error::Error,
    options::{BadEvent, Unknown},
    reconnect::ReconnectPolicy,
    request::{Reply, RequestBuilder},
    service::{BoxHttpService, BoxResponseFuture, HttpService, ResponseBody, WithBody},
    source::{EventSource, Handle, ReadyState, Signal, Signals},
    stream::EventStream,
};
