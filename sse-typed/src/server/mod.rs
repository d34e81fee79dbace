//! The server: event streams as HTTP responses, on any Tower or Hyper stack.
//!
//! A handler or service answers with [`Sse::new(stream)`](Sse::new). [`SseLayer`] says how streams are sent, makes them
//! HTTP responses, and tells observers of them. It stands in a [`tower::ServiceBuilder`][builder], under
//! `axum::Router::layer`, or nowhere: an [`Sse`] is a response without it too.
//!
//! # Rules
//!
//! - Of each setting the word nearest to the handler holds: the response's, else that of the inner layer, else that of the
//!   outer one. Observers, limits and shutdowns of all layers apply. By default a comment follows each 15 seconds of
//!   silence, no reconnection time is sent, events are not numbered, and ready events leave in frames of up to 32 KiB.
//! - The headers `content-type: text/event-stream`, `cache-control: no-cache`, `x-accel-buffering: no` and
//!   `sse-keep-alive: <seconds>` are set, each if it is absent. A 204 in the place of a stream has `cache-control: no-cache`,
//!   too, and so has a 503, whatever the handler set. Responses that were not made from an [`Sse`] are not touched.
//! - Whatever ends a stream, an event that cannot be sent or a panic included, what was yielded before is sent, and the
//!   body ends cleanly: its error type is [`Infallible`](std::convert::Infallible). A terminal event ends it too.
//! - [`Sse::until`] ends a stream when a future is ready, [`Sse::recheck`] when a question that is asked again is answered with
//!   `false`, such as whether the session is still valid. [`Sse::on_panic`] gives a stream that panics a last event.
//! - An event that cannot be sent ends the stream, and a client that comes back may get the same event again.
//!   [`Sse::on_unsendable`] replaces or skips it, and the stream goes on.
//! - When the connection is gone the stream is dropped: at once if the client closes or resets it, over HTTP/2 also when
//!   it resets the stream, be the stream idle or busy. A client that vanishes without a word is noticed at a failed write:
//!   without keep-alive perhaps late.
//! - [`LastEventId::of`](crate::LastEventId::of) says where the client left off. The layer puts it into the extensions of
//!   each request; in axum it is an extractor.
//! - [`Sse::stop`], and a stream that is over before it began, are a 204: the word to clients not to come back.
//! - A HEAD request gets the head alone.
//!
//! # Lifecycle
//!
//! A stream of events may go on for ever, and a server that waits for its responses, as every graceful shutdown does, waits
//! for it. Each of these ends what the ones before it cannot:
//!
//! | | ends |
//! |---|---|
//! | [`SseLayer::shutdown`] | streams, when the server is told to end: at once, after a grace, or behind a farewell. New ones get a 503 |
//! | the server's own graceful shutdown, which waits for [`Shutdown::begun`] | connections whose responses are over |
//! | [`ConnectionGuard::shutdown_deadline`] | connections that outlast it: those of clients that have stopped reading |
//! | [`ConnectionGuard::write_timeout`] | the same without a shutdown, if the socket is blocked |
//! | [`SseLayer::max_lifetime`] | streams at 80 to 100 % of their longest life, so that clients spread over new servers |
//!
//! [`SseLayer::max_connections`] ends none: it answers what would be one too many with 503.
//!
//! With 1,000 clients that read, a server is back within 100 ms. The deadline is for those that do not: hyper does not poll
//! a body while nobody takes its bytes, so neither a lifetime nor a shutdown reaches a stream whose client has stopped
//! reading. Over HTTP/1.1 its socket is blocked, which the write timeout notices. Over HTTP/2 it grants no window, the
//! socket stays free for others, and such a stream lives as long as its connection does: by the deadline at the latest.
//!
//! Whatever ends many streams at once brings their clients back at once. So each is told a reconnection time of its own
//! before a shutdown ends its stream, lifetimes are drawn for each stream, and `Retry-After` for each refusal. A browser's
//! `EventSource` does not come back after a 503; its page has to make a new one.
//!
//! `GuardedListener` (feature `axum`) and [`ConnectionGuard`] show whole servers. [`Stats`] counts what is open, refused
//! and closed, and why.
//!
//! # Order of layers
//!
//! [`SseLayer`] may stand anywhere. What other layers do to a stream, in Tower and tower-http:
//!
//! | layer | to a stream |
//! |---|---|
//! | `TimeoutLayer` | ends with the head: harmless |
//! | `ResponseBodyTimeoutLayer` | cuts a silence that is longer than its timeout: set it above the keep-alive interval |
//! | `ResponseBodyDeadlineLayer` | cuts every stream at its deadline |
//! | `CompressionLayer` | leaves event streams alone; opted in by `compress_when`, each event still arrives by itself |
//! | `ConcurrencyLimitLayer` | frees its place at the head: it does not limit open streams |
//! | `TraceLayer` | measures the latency of the head; streams are told by [`on_close`](SseLayer::on_close) |
//! | `CatchPanicLayer` | answers a panic of the handler; one of the stream is caught by the body |
//! | `CorsLayer`, `RequestBodyLimitLayer` | harmless |
//!
//! # Caveats
//!
//! - The settings of a layer reach a body whose type was erased on the way, by axum for one, through the extensions of the
//!   response. Middleware that answers with a new response carries them over, or a layer outside of it is not heard.
//! - Nothing here needs a runtime to be made. The body, when it is polled, needs Tokio's timer for keep-alive, a lifetime
//!   and a grace (a runtime with `enable_time`, as `#[tokio::main]` makes it); with
//!   [`no_keep_alive`](SseLayer::no_keep_alive) and none of the others it runs anywhere.
//! - A panic is caught where panics unwind. With `panic = "abort"` it is the end of the process, as ever.
//! - With the feature `tracing`, events that cannot be sent and panics are errors there, opens, closes and refusals are debug. An
//!   event that was replaced or skipped is a warning.
//! - What the client's socket takes sets the pace: a stream is polled as fast as it is read.
//! - A browser opens at most six connections to one origin over HTTP/1.1, for all its tabs together; the seventh stream waits.
//!   Over HTTP/2, which browsers speak over TLS only, streams share one connection. What belongs together can be one stream:
//!   `#[sse(nested)]` puts several enums on it.
//!
//! # Example
//!
//! A service in Tower, under the layer:
//!
//! ```
//! # #[cfg(not(feature = "derive"))]
//! # fn main() {}
//! # #[cfg(feature = "derive")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{convert::Infallible, time::Duration};
//!
//! use futures_util::stream;
//! use http::Request;
//! use http_body_util::BodyExt;
//! use sse_typed::{Event, LastEventId, Sse, SseEvent, SseLayer};
//! use tower::{ServiceBuilder, ServiceExt};
//!
//! #[derive(SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Race {
//!     Lap { number: u64 },
//!     #[sse(terminal)]
//!     Finish,
//! }
//!
//! let service = ServiceBuilder::new()
//!     .layer(SseLayer::new().retry(Duration::from_secs(2)))
//!     .service_fn(async |request: Request<String>| {
//!         // Goes on behind the last event that the client has.
//!         let last = LastEventId::of(&request).parse::<u64>().ok().flatten().unwrap_or(0);
//!         let laps = (last + 1..=3).map(|number| Event::new(Race::Lap { number }).id(number));
//!         Ok::<_, Infallible>(Sse::new(stream::iter(laps.chain([Event::new(Race::Finish)]))))
//!     });
//!
//! let request = Request::get("/events").header("last-event-id", "2").body(String::new())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["content-type"], "text/event-stream");
//! assert_eq!(response.headers()["sse-keep-alive"], "15");
//! let bytes = response.into_body().collect().await?.to_bytes();
//! assert_eq!(
//!     bytes,
//!     "retry: 2000\n\n\
//!      id: 3\nevent: lap\ndata: {\"number\":3}\n\n\
//!      event: finish\ndata: null\n\n"
//! );
//! # Ok(())
//! # }
//! ```
//!
//! In axum (feature `axum`) a handler returns the stream, and the layer stands over any routes:
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "derive"))] {
//! use std::time::Duration;
//!
//! use axum::{Router, routing::get};
//! use futures_util::{Stream, stream};
//! use sse_typed::{LastEventId, Sse, SseEvent, SseLayer};
//!
//! #[derive(SseEvent)]
//! enum Greeting {
//!     Hello,
//!     Again,
//! }
//!
//! async fn events(last_event_id: LastEventId) -> Sse<impl Stream<Item = Greeting>> {
//!     let greeting = if last_event_id.is_none() { Greeting::Hello } else { Greeting::Again };
//!     Sse::new(stream::iter([greeting]))
//! }
//!
//! let app: Router = Router::new().route("/events", get(events)).layer(SseLayer::new().keep_alive(Duration::from_secs(10)));
//! # }
//! ```
//!
//! [builder]: https://docs.rs/tower/latest/tower/struct.ServiceBuilder.html

mod body;
mod end_condition;
mod events;
mod future;
mod guard;
mod headers;
mod hooks;
mod keep_alive;
mod last_event_id;
mod layer;
mod limit;
mod observer;
mod policy;
mod response;
mod service;
mod shutdown;
mod slot;
mod sse;
mod stats;
mod trace;
mod until_error;

#[cfg(feature = "axum")]
mod axum;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use self::guard::{GuardedListener, PeerAddr};
pub use self::{
    body::{MaybeSseBody, SseBody},
    end_condition::LastEvent,
    events::{BoxEvents, Events},
    future::ResponseFuture,
    guard::{ConnectionGuard, WritesReachKernel},
    keep_alive::KeepAlive,
    layer::SseLayer,
    observer::{Closed, Ended, Opened},
    response::SseResponse,
    service::SseService,
    shutdown::{Begun, Drain, Shutdown},
    sse::Sse,
    stats::Stats,
    until_error::{ItemOrLast, UntilError},
};
