#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), warn(clippy::unwrap_used))]
//! Typed Server-Sent Events for Tower, Hyper and axum: one enum is the contract of an event stream.
//!
//! - `#[derive(SseEvent)]` maps an enum to event types with JSON data.
//! - [`Sse`] and [`SseLayer`] (feature `server`) send a stream of the enum's values as `text/event-stream`, from any
//!   Tower stack: plain hyper, axum, anything with [`http::Response`](https://docs.rs/http).
//! - [`Hub`] (feature `hub`) sends each published event to all subscribers. A client that reconnects gets the events that it
//!   missed.
//! - [`Runs`][runs-module] (feature `runs`) run a job or an answer apart from the connection that asked for it. Clients reload,
//!   resume and stop it, on any server.
//! - [`Client`] (feature `client`) receives the values of the enum, over any Tower HTTP service, and reconnects when
//!   the connection breaks.
//! - [`typescript`][typescript-module] (feature `typescript`) generates TypeScript for a page: the types, and a function
//!   that subscribes to them.
//! - [`contract`][contract-module] (feature `contract`) fails a test when a change of the enum breaks old clients, old servers or
//!   stored events.
//!
//! Everything on the wire is plain `text/event-stream` as in the [standard], so every browser's `EventSource` and every other
//! client or server can be the other side.
//!
#![cfg_attr(all(feature = "derive", feature = "axum", feature = "client"), doc = "```")]
#![cfg_attr(not(all(feature = "derive", feature = "axum", feature = "client")), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use futures_util::stream;
//! use sse_typed::{Client, Sse, SseEvent, SseLayer};
//!
//! #[derive(Clone, Debug, PartialEq, SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Job {
//!     Progress { done: u32, of: u32 }, // event: progress / data: {"done":1,"of":2}
//!     #[sse(terminal)]
//!     Finished,                        // event: finished / data: null
//! }
//!
//! async fn job() -> impl axum::response::IntoResponse {
//!     Sse::new(stream::iter([Job::Progress { done: 1, of: 2 }, Job::Finished]))
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let app: Router = Router::new().route("/job", get(job)).layer(SseLayer::new());
//!
//! // The client takes any Tower service; here the router itself, without a port.
//! let mut events = Client::new(app).get("http://jobs.example/job").connect::<Job>();
//! let event = events.try_next().await?.expect("an event");
//! assert_eq!(event.data, Job::Progress { done: 1, of: 2 });
//! let event = events.try_next().await?.expect("an event");
//! assert_eq!(event.data, Job::Finished);
//! // `Finished` is a terminal event: the client does not reconnect.
//! assert_eq!(events.try_next().await?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! | feature | default? | what it adds |
//! |---|---|---|
//! | `derive` | yes | `#[derive(SseEvent)]`, `#[derive(EncodeEvent)]`, `#[derive(DecodeEvent)]` |
//! | `server` | | `Sse`, `SseLayer`, `Shutdown`, `ConnectionGuard`, `LastEventId::of` |
//! | `serve` | | `Server`: an HTTP server for many open streams, with or without axum; implies `server` |
//! | `axum` | | `Sse` is an axum response (`IntoResponse`), `LastEventId` an extractor (`FromRequestParts`); `GuardedListener`; implies `server` |
//! | `client` | | `Client` over any Tower HTTP service, `EventSource`, `EventStream` |
//! | `hyper-client` | | `Client::hyper()`: connections, pool and redirects by hyper-util; implies `client` |
//! | `http2` | | HTTP/2 for `Client::hyper()`: with `tls`, where the server supports it; without TLS, only if you set it, for servers that you know to accept it; implies `hyper-client` |
//! | `proxy` | | an HTTP proxy for `Client::hyper()`; implies `hyper-client` |
//! | `tls` | | `https` URLs for `Client::hyper()`, by rustls with ring and the platform's roots or your own; implies `http2` |
//! | `reqwest` | | `Client::reqwest(..)`: connections, redirects and TLS of a `reqwest::Client`; implies `client` |
//! | `hub` | | `Hub`, `Topics`, `Merge`: fan-out with history, resuming, gaps and snapshots; several hubs on one stream |
//! | `file` | | `FileStore`: histories in a folder, which a restart does not lose; implies `hub` |
//! | `redis` | | `RedisStore`: histories in a Redis server, which any number of processes share; implies `hub` |
//! | `runs` | | `Runs`: work that outlives the connection that asked for it, once for a key, on any store; implies `hub` |
//! | `testing` | | a test kit for streams that never end, and a test suite for your own `EventLog` (the storage under a hub); implies `server`, `client` and `hub` |
//! | `tracing` | | `tracing` events and spans of server and client |
//! | `typescript` | | generates TypeScript for an event type, with a function that subscribes to it; payloads derive `TS` of ts-rs |
//! | `contract` | | `Contract`: commits what an event type writes and reads, judges changes of it, and describes it in OpenAPI and AsyncAPI; payloads derive `JsonSchema` of schemars |
//! | `full` | | all of these except `testing` |
//!
//! The modules [`event`] and [`codec`] need no feature.
//!
//! # Where to go
//!
//! - [`event`] defines events and ids, [`codec`] encodes and decodes them, `server` sends them, `client` receives them,
//!   and `hub` distributes them to many streams. `stores` opens the store in which hubs keep their history. `runs` runs work
//!   apart from the connections that read its events.
//! - The [guide to the derives][derives] explains every attribute.
//! - The [`manual`] has every default and its reason, and pages on resuming, shutdown, proxies, many connections, and
//!   frameworks without Tower ([`codec::EventBytes`], [`codec::EventReader`]).
//!
//! [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
// A link to an item whose feature is off leads to docs.rs.
#![cfg_attr(feature = "derive", doc = "[derives]: derive@crate::SseEvent")]
#![cfg_attr(
    not(feature = "derive"),
    doc = "[derives]: https://docs.rs/sse-typed/latest/sse_typed/derive.SseEvent.html"
)]
#![cfg_attr(feature = "server", doc = "[`Sse`]: Sse")]
#![cfg_attr(not(feature = "server"), doc = "[`Sse`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Sse.html")]
#![cfg_attr(feature = "server", doc = "[`SseLayer`]: SseLayer")]
#![cfg_attr(
    not(feature = "server"),
    doc = "[`SseLayer`]: https://docs.rs/sse-typed/latest/sse_typed/struct.SseLayer.html"
)]
#![cfg_attr(feature = "server", doc = "[server-module]: mod@server")]
#![cfg_attr(
    not(feature = "server"),
    doc = "[server-module]: https://docs.rs/sse-typed/latest/sse_typed/server/index.html"
)]
#![cfg_attr(feature = "hub", doc = "[`Hub`]: Hub")]
#![cfg_attr(not(feature = "hub"), doc = "[`Hub`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Hub.html")]
#![cfg_attr(feature = "hub", doc = "[hub-module]: mod@hub")]
#![cfg_attr(not(feature = "hub"), doc = "[hub-module]: https://docs.rs/sse-typed/latest/sse_typed/hub/index.html")]
#![cfg_attr(feature = "runs", doc = "[runs-module]: mod@runs")]
#![cfg_attr(not(feature = "runs"), doc = "[runs-module]: https://docs.rs/sse-typed/latest/sse_typed/runs/index.html")]
#![cfg_attr(feature = "client", doc = "[`Client`]: Client")]
#![cfg_attr(not(feature = "client"), doc = "[`Client`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Client.html")]
#![cfg_attr(feature = "client", doc = "[client-module]: mod@client")]
#![cfg_attr(
    not(feature = "client"),
    doc = "[client-module]: https://docs.rs/sse-typed/latest/sse_typed/client/index.html"
)]
#![cfg_attr(feature = "contract", doc = "[contract-module]: mod@contract")]
#![cfg_attr(
    not(feature = "contract"),
    doc = "[contract-module]: https://docs.rs/sse-typed/latest/sse_typed/contract/index.html"
)]
#![cfg_attr(feature = "typescript", doc = "[typescript-module]: mod@typescript")]
#![cfg_attr(
    not(feature = "typescript"),
    doc = "[typescript-module]: https://docs.rs/sse-typed/latest/sse_typed/typescript/index.html"
)]

#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
pub mod client;
pub mod codec;
#[cfg(feature = "contract")]
#[cfg_attr(docsrs, doc(cfg(feature = "contract")))]
pub mod contract;
pub mod event;
#[cfg(feature = "hub")]
#[cfg_attr(docsrs, doc(cfg(feature = "hub")))]
pub mod hub;
#[cfg(any(doc, doctest))]
#[cfg_attr(docsrs, doc(cfg(all())))]
pub mod manual;
#[cfg(any(feature = "server", feature = "hub", feature = "client"))]
mod panics;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;

#[cfg(all(feature = "runs", feature = "server"))]
mod run_responses;
#[cfg(feature = "runs")]
#[cfg_attr(docsrs, doc(cfg(feature = "runs")))]
pub mod runs;

#[cfg(feature = "hub")]
#[cfg_attr(docsrs, doc(cfg(feature = "hub")))]
pub mod stores;

#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;

#[cfg(feature = "typescript")]
#[cfg_attr(docsrs, doc(cfg(feature = "typescript")))]
pub mod typescript;

#[cfg(any(feature = "server", feature = "hub", feature = "client"))]
mod wake;

#[cfg(not(all(feature = "server", feature = "hyper-client", feature = "reqwest")))]
mod missing_feature;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;

/// Each of the three derives implements this trait, so two of them on one type are a compile error. The error prints this
/// path, and the name says how to fix it.
#[doc(hidden)]
pub trait DeriveSseEventAlone {}

#[cfg(feature = "client")]
#[doc(inline)]
pub use self::client::{Client, EventSource, EventStream};
#[cfg(feature = "hub")]
#[doc(inline)]
pub use self::hub::{Entries, Hub, Merge, Subscription};
#[cfg(feature = "server")]
#[doc(inline)]
pub use self::server::{Sse, SseLayer};
#[doc(inline)]
pub use self::{
    codec::{DecodeEvent, Decoded, EncodeEvent, Encoded, EventItem, EventKind, EventWriter, HubEvent, Nests, SseEvent},
    event::{
        DecodeError, EncodeError, Event, EventId, Gap, GapEvent, InvalidEventId, LastEventId, RawEvent, RawEventRef,
    },
};

#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
#[doc = include_str!("derive.md")]
pub use sse_typed_derive::SseEvent;
#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
/// See the [guide to the derives](derive@crate::SseEvent).
pub use sse_typed_derive::{DecodeEvent, EncodeEvent};
