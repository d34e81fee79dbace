//! The manual: topics that concern more than one type.
//!
//! - [`connections`]: how to hold many open streams, and what each costs
//! - [`defaults`]: every default, and the reason for it
//! - [`evolution`]: how to change an event type while old clients, old servers and stored events exist
//! - [`faults`]: what each fault does: what the server and the client see, what is lost, and the tests that hold it
//! - [`hostile_peers`]: what servers, clients and pages may try, and the limits that stop them
//! - [`pages`]: event streams in a page: `EventSource` or `fetch`, tokens, other origins, slow readers, frameworks
//! - [`proxies`]: what to set in nginx, in other proxies and in clouds, and how compression works
//! - [`resume`]: ids, `Last-Event-ID`, reconnection times, and how to stop a client from reconnecting
//! - [`runs`]: jobs and answers that outlive their connection: when to choose a run, keys, stopping, shutdown
//! - [`runtimes`]: which parts need Tokio, its timer or its I/O, other executors, and the coop budget
//! - [`shutdown`]: how to shut down a server with open streams
//! - [`stores`]: histories outside of the process: which store, outages, capacity, several servers
//! - [`streams`]: actix-web, poem, workers and files: the codec without Tower and HTTP
//! - [`testing`]: tests of handlers, clients and streams that never end
//!
//! The module `server` says which Tower layers go with event streams, and in which order.
//!
//! ```
//! // See what an event looks like on the wire, without a server:
//! use sse_typed::{Encoded, Event, RawEvent};
//!
//! let event = Event::new(RawEvent::new("tick", "12:00")).id(720_u64);
//! assert_eq!(Encoded::new(&event)?.as_bytes(), "id: 720\nevent: tick\ndata: 12:00\n\n");
//! # Ok::<(), sse_typed::EncodeError>(())
//! ```

// A link to an item whose feature is off leads to docs.rs.

#[doc = include_str!("connections.md")]
#[doc = ""]
#[cfg_attr(feature = "hub", doc = "[hub]: crate::hub")]
#[cfg_attr(not(feature = "hub"), doc = "[hub]: https://docs.rs/sse-typed/latest/sse_typed/hub/index.html")]
#[cfg_attr(feature = "hub", doc = "[`publish_now`]: crate::Hub::publish_now")]
#[cfg_attr(
    not(feature = "hub"),
    doc = "[`publish_now`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Hub.html#method.publish_now"
)]
#[cfg_attr(feature = "server", doc = "[`ConnectionGuard`]: crate::server::ConnectionGuard")]
#[cfg_attr(
    not(feature = "server"),
    doc = "[`ConnectionGuard`]: https://docs.rs/sse-typed/latest/sse_typed/server/struct.ConnectionGuard.html"
)]
#[cfg_attr(feature = "server", doc = "[`SseLayer`]: crate::SseLayer")]
#[cfg_attr(
    not(feature = "server"),
    doc = "[`SseLayer`]: https://docs.rs/sse-typed/latest/sse_typed/struct.SseLayer.html"
)]
#[cfg_attr(feature = "serve", doc = "[`Server`]: crate::server::Server")]
#[cfg_attr(
    not(feature = "serve"),
    doc = "[`Server`]: https://docs.rs/sse-typed/latest/sse_typed/server/struct.Server.html"
)]
pub mod connections {}

#[doc = include_str!("defaults.md")]
pub mod defaults {}

#[doc = include_str!("evolution.md")]
#[doc = ""]
#[cfg_attr(feature = "contract", doc = "[`contract`]: mod@crate::contract")]
#[cfg_attr(
    not(feature = "contract"),
    doc = "[`contract`]: https://docs.rs/sse-typed/latest/sse_typed/contract/index.html"
)]
#[cfg_attr(feature = "contract", doc = "[`Contract::not_judged`]: crate::contract::Contract::not_judged")]
#[cfg_attr(
    not(feature = "contract"),
    doc = "[`Contract::not_judged`]: https://docs.rs/sse-typed/latest/sse_typed/contract/struct.Contract.html#method.not_judged"
)]
pub mod evolution {}

// Nearly every link of this page needs a feature.
#[cfg_attr(all(feature = "server", feature = "hub", feature = "client"), doc = include_str!("faults.md"))]
#[cfg_attr(
    not(all(feature = "server", feature = "hub", feature = "client")),
    doc = "What each fault does to a stream: see [docs.rs](https://docs.rs/sse-typed/latest/sse_typed/manual/faults/index.html)."
)]
pub mod faults {}

#[doc = include_str!("hostile_peers.md")]
pub mod hostile_peers {}

#[cfg_attr(all(feature = "typescript", feature = "server"), doc = include_str!("pages.md"))]
#[cfg_attr(
    not(all(feature = "typescript", feature = "server")),
    doc = "How pages read event streams: see [docs.rs](https://docs.rs/sse-typed/latest/sse_typed/manual/pages/index.html)."
)]
pub mod pages {}

#[doc = include_str!("proxies.md")]
pub mod proxies {}

#[doc = include_str!("resume.md")]
pub mod resume {}

// Nearly every link of this page needs a feature.
#[cfg_attr(all(feature = "server", feature = "runs"), doc = include_str!("runs.md"))]
#[cfg_attr(
    not(all(feature = "server", feature = "runs")),
    doc = "Work that outlives its connection: see [docs.rs](https://docs.rs/sse-typed/latest/sse_typed/manual/runs/index.html)."
)]
pub mod runs {}

// Nearly every link of this page needs a feature.
#[cfg_attr(all(feature = "serve", feature = "client", feature = "runs"), doc = include_str!("runtimes.md"))]
#[cfg_attr(
    not(all(feature = "serve", feature = "client", feature = "runs")),
    doc = "Which parts need Tokio: see [docs.rs](https://docs.rs/sse-typed/latest/sse_typed/manual/runtimes/index.html)."
)]
pub mod runtimes {}

#[doc = include_str!("shutdown.md")]
pub mod shutdown {}

// Nearly every link of this page needs a feature.
#[cfg_attr(
    all(feature = "server", feature = "hub", feature = "file", feature = "redis"),
    doc = include_str!("stores.md")
)]
#[cfg_attr(
    not(all(feature = "server", feature = "hub", feature = "file", feature = "redis")),
    doc = "Histories outside of the process: see [docs.rs](https://docs.rs/sse-typed/latest/sse_typed/manual/stores/index.html)."
)]
pub mod stores {}

#[doc = include_str!("streams.md")]
pub mod streams {}

#[doc = include_str!("testing.md")]
#[doc = ""]
#[cfg_attr(feature = "testing", doc = "[test kit]: crate::testing")]
#[cfg_attr(not(feature = "testing"), doc = "[test kit]: https://docs.rs/sse-typed/latest/sse_typed/testing/index.html")]
#[cfg_attr(feature = "testing", doc = "[`within`]: crate::testing::Collect::within")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`within`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.Collect.html#method.within"
)]
#[cfg_attr(feature = "testing", doc = "[`cut_everywhere`]: crate::testing::cut_everywhere")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`cut_everywhere`]: https://docs.rs/sse-typed/latest/sse_typed/testing/fn.cut_everywhere.html"
)]
#[cfg_attr(feature = "testing", doc = "[`RawClient`]: crate::testing::RawClient")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`RawClient`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.RawClient.html"
)]
#[cfg_attr(feature = "testing", doc = "[`pace`]: crate::testing::RawClient::pace")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`pace`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.RawClient.html#method.pace"
)]
#[cfg_attr(feature = "testing", doc = "[`Collect::bytes`]: crate::testing::Collect::bytes")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`Collect::bytes`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.Collect.html#method.bytes"
)]
#[cfg_attr(feature = "testing", doc = "[`Collect::stream`]: crate::testing::Collect::stream")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`Collect::stream`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.Collect.html#method.stream"
)]
#[cfg_attr(feature = "testing", doc = "[`ScriptedServer::listen`]: crate::testing::ScriptedServer::listen")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`ScriptedServer::listen`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.ScriptedServer.html#method.listen"
)]
#[cfg_attr(feature = "testing", doc = "[`Answer::raw`]: crate::testing::Answer::raw")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`Answer::raw`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.Answer.html#method.raw"
)]
#[cfg_attr(
    feature = "testing",
    doc = "[`ScriptedServer::serve_connection`]: crate::testing::ScriptedServer::serve_connection"
)]
#[cfg_attr(
    not(feature = "testing"),
    doc = "[`ScriptedServer::serve_connection`]: https://docs.rs/sse-typed/latest/sse_typed/testing/struct.ScriptedServer.html#method.serve_connection"
)]
pub mod testing {}
