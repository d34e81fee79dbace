//! The server: event streams as HTTP responses, on any Tower or Hyper stack.
//!
//! A handler or service answers with [`Sse::new(stream)`](Sse::new). [`SseLayer`] sets how streams are sent, converts them
//! into HTTP responses, and calls observers: your closures for [`on_open`](SseLayer::on_open) and
//! [`on_close`](SseLayer::on_close). Add it to a [`tower::ServiceBuilder`][builder] or to `axum::Router::layer`. It is
//! optional: an [`Sse`] is a response without it, too.
//!
//! # Rules
//!
//! - The innermost setting wins: the response's own, then the inner layer's, then the outer layer's. Observers, limits and
//!   shutdowns of all layers apply. By default a comment is sent after 15 seconds of silence, no reconnection time is
//!   sent, events get no ids, and ready events are sent in frames of up to 32 KiB.
//! - A stream has the headers `content-type: text/event-stream`, `cache-control: no-cache`, `x-accel-buffering: no` and
//!   `sse-keep-alive: <seconds>`. Each is set only if it is absent. A 204 instead of a stream has `cache-control: no-cache`
//!   unless the handler set another value. A 503 always has it. Responses that were not made from an [`Sse`] are left
//!   unchanged.
//! - When a stream ends, the events that it yielded before are sent, and the body ends cleanly. The same holds when a
//!   terminal event, an event that cannot be sent, or a panic ends it. The error type of the body is
//!   [`Infallible`](std::convert::Infallible).
//! - [`Sse::until`] ends a stream when a future is ready. [`Sse::recheck`] ends it when a repeated check returns `false`, for
//!   example because a session is no longer valid. [`Sse::on_panic`] sends a last event after a panic of the stream.
//! - An event *cannot be sent* if it cannot be encoded, for example because its data cannot be serialised. It ends the
//!   stream, and a client that resumes may get the same event again. With [`Sse::on_unsendable`] it is replaced or
//!   skipped, and the stream continues.
//! - The stream is dropped when its connection is closed. If the client closes or resets the connection (over HTTP/2, the
//!   stream), this happens at once, even while no event is sent. If the client vanishes without closing its connection, the
//!   server notices it when a write fails, which may be late without keep-alive.
//! - [`LastEventId::of`](crate::LastEventId::of) returns the id after which a client resumes. The layer inserts a
//!   [`LastEventId`](crate::LastEventId) into the extensions of each request; in axum it is an extractor.
//! - A handler that returns [`Sse::stop`] answers with 204, which tells clients not to reconnect. A stream whose
//!   `size_hint` says that it is empty is answered with 204, too.
//! - A HEAD request gets the response head without a body.
//!
//! # Lifecycle
//!
//! A stream of events may never end, and a graceful shutdown of a server waits for its responses. These settings end
//! streams and connections:
//!
//! | | ends |
//! |---|---|
//! | [`SseLayer::shutdown`] | streams, when the shutdown begins: at once, after a grace period, or after a farewell event. New ones get a 503 |
//! | the server's own graceful shutdown, triggered by [`Shutdown::begun`] | connections whose responses have ended |
//! | [`ConnectionGuard::shutdown_deadline`] | connections that are still open at the deadline: those of clients that have stopped reading |
//! | [`ConnectionGuard::write_timeout`] | connections whose socket has been blocked for the timeout, also without a shutdown |
//! | `Server::shutdown` (feature `serve`) | all of these, and the server itself |
//! | [`SseLayer::max_lifetime`] | each stream, after a random 80 to 100 % of the maximum lifetime, so that clients reconnect and spread over servers that were added |
//!
//! [`SseLayer::max_streams`] ends no stream: it answers requests above the limit with 503.
//!
//! A server with 1,000 clients shuts down within 100 ms if they all read. The deadline is for clients that do not
//! read: hyper does not poll a body while its client takes no bytes, so neither a lifetime nor a shutdown reaches
//! that stream. Over HTTP/1.1 the socket is then blocked, and the write timeout ends the connection. Over HTTP/2 the
//! client grants no window, the socket stays writable for other streams, and the stream lasts as long as its
//! connection: until the shutdown deadline at the latest.
//!
//! When many streams end at once, their clients must not reconnect at once. So a shutdown sends each client a random
//! reconnection time before its stream ends, and the lifetime of each stream and the `Retry-After` of each refusal are random,
//! too. A browser's `EventSource` does not reconnect after a 503: its page has to create a new one.
//!
//! `Server` (feature `serve`), `GuardedListener` (feature `axum`) and [`ConnectionGuard`] have examples of whole servers. [`Stats`] counts open, refused
//! and closed streams, the latter by reason.
//!
//! # Order of layers
//!
//! [`SseLayer`] works in any position. The layers of Tower and tower-http affect streams as follows:
//!
//! | layer | effect on a stream |
//! |---|---|
//! | `TimeoutLayer` | none: its timeout applies only until the response head |
//! | `ResponseBodyTimeoutLayer` | cuts a stream that is silent for longer than the timeout: set it above the keep-alive interval |
//! | `ResponseBodyDeadlineLayer` | cuts every stream at its deadline |
//! | `CompressionLayer` | does not compress event streams by default; if `compress_when` enables it, each event still arrives at once |
//! | `ConcurrencyLimitLayer` | does not limit open streams: it counts a request only until its response head |
//! | `TraceLayer` | measures the latency of the response head; use [`on_close`](SseLayer::on_close) for streams |
//! | `CatchPanicLayer` | answers a panic of the handler; a panic of the stream is caught by the body |
//! | `CorsLayer`, `RequestBodyLimitLayer` | none |
//!
//! # Tracing
//!
//! With the feature `tracing`, all events have the target `sse_typed::server`:
//!
//! | level | event | fields |
//! |---|---|---|
//! | error | a stream closed after an event that cannot be sent | `error`, `events`, `bytes`, `duration` |
//! | error | a stream closed after a panic | `events`, `bytes`, `duration` |
//! | error | an observer panicked | |
//! | error | the future of [`Shutdown::on`] panicked or was dropped by its runtime | |
//! | warn | an event that cannot be sent was replaced or skipped | `error` |
//! | warn | an invalid last event ID was ignored | `reason`, `bytes` |
//! | debug | a stream opened | |
//! | debug | a stream closed for another reason | `reason`, `events`, `bytes`, `duration` |
//! | debug | a stream was refused | `reason` |
//! | warn | `Server` cannot accept a connection; traced once a second | `error` |
//! | debug | a guarded connection timed out | `reason` |
//! | debug | a connection of `Server` failed, or its client disconnected | `error` |
//!
//! # Caveats
//!
//! - axum erases the type of a body. The settings of a layer reach an erased body through the extensions of the response.
//!   Middleware that answers with a new response must copy the extensions; otherwise layers outside of it have no effect.
//! - Layers, responses and shutdowns can be created without a runtime. Only [`Shutdown::on`] needs one. When the body
//!   is polled, it needs Tokio's timer for keep-alive, a maximum lifetime, a grace period and [`Sse::recheck`] (a
//!   runtime with `enable_time`, as `#[tokio::main]` creates it). Without one, polling panics. With [`no_keep_alive`](SseLayer::no_keep_alive),
//!   and without the other three, the body runs on any executor. The manual has a page on [runtimes](crate::manual::runtimes).
//! - Panics are caught only if they unwind. With `panic = "abort"` they end the process, as always.
//! - A stream is polled only as fast as its client reads.
//! - Over HTTP/1.1 a browser opens at most six connections to one origin, for all its tabs together, so the seventh stream
//!   waits. Over HTTP/2, which browsers speak only over TLS, streams share one connection. Related events can share one
//!   stream: `#[sse(nested)]` puts several enums on it.
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
//!         // Resumes after the last event that the client has.
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
//! In axum (feature `axum`) a handler returns the stream, and the layer is added to any routes:
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
//! let layer = SseLayer::new().keep_alive(Duration::from_secs(10));
//! let app: Router = Router::new().route("/events", get(events)).layer(layer);
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
mod limits;
mod observer;
#[cfg(any(feature = "axum", feature = "serve"))]
mod peer_addr;
mod response;
mod response_settings;
mod result_events;
#[cfg(feature = "serve")]
mod serve;
mod service;
mod shutdown;
mod sse;
mod stats;
mod stream_settings;
mod trace;

#[cfg(feature = "axum")]
mod axum;

#[cfg(feature = "axum")]
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
pub use self::guard::GuardedListener;
#[cfg(any(feature = "axum", feature = "serve"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "axum", feature = "serve"))))]
pub use self::peer_addr::PeerAddr;
#[cfg(feature = "serve")]
#[cfg_attr(docsrs, doc(cfg(feature = "serve")))]
pub use self::serve::{Handshake, Listener, NoTls, RequestBody, Served, Server};
pub use self::{
    body::{MaybeSseBody, SseBody},
    end_condition::IntoLastEvent,
    events::{BoxEvents, Events},
    future::ResponseFuture,
    guard::{ConnectionGuard, WritesReachKernel},
    keep_alive::KeepAlive,
    layer::SseLayer,
    observer::{Closed, EndReason, Opened},
    response::SseResponse,
    result_events::{ItemOrLastEvent, ResultEvents},
    service::SseService,
    shutdown::{Begun, Drain, Shutdown},
    sse::Sse,
    stats::Stats,
};
