//! For tests: a test kit for event streams that may never end, and test suites for implementations of `EventLog`, `EventStore` and
//! `RunStore`.
//!
//! | under test | tool |
//! |---|---|
//! | a handler, a service, a stream of events | [`Collect`] checks which events come, and when |
//! | a client: how it reads, reconnects, and ends | [`ScriptedServer`] gives answers that the test prepares, in the process or on a socket |
//! | a client whose connection breaks at any byte | [`cut_everywhere`] checks that it sees each event once |
//! | a server whose client stops reading, vanishes, or reads one byte a second | [`RawClient`] is that client |
//! | an implementation of `EventLog`, of `EventStore`, of `RunStore` (feature `runs`) | [`event_log`], [`event_store`], `run_store` |
//!
//! ```
//! use axum::{Router, routing::get};
//! use futures_util::stream;
//! use sse_typed::{RawEvent, Sse, testing::Collect};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let handler = || async { Sse::new(stream::iter([RawEvent::new("tick", "1")])) };
//! let app: Router = Router::new().route("/ticks", get(handler));
//!
//! let mut ticks = Collect::get(app, "/ticks").await;
//! ticks.expect(RawEvent::new("tick", "1")).await;
//! ticks.expect_end().await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The manual's page on [testing](crate::manual::testing) has an example of each kind of test.
//!
//! # Stores
//!
//! A store is tested as a whole, and each of its keys as a log:
//!
//! ```
//! use sse_typed::{hub::MemoryStore, testing};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(
//! testing::event_store(async |options| MemoryStore::new(options))
//! # );
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A store that also keeps runs has a second suite, with the feature `runs`. The test says how time passes:
//!
//! ```
//! # #[cfg(feature = "runs")] {
//! use sse_typed::{hub::MemoryStore, testing};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(
//! testing::run_store(async || MemoryStore::default(), tokio::time::sleep)
//! # );
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Time
//!
//! Every expectation has a time limit, so a test fails instead of hanging. The limits run on tokio's clock. In a test with
//! paused time (`#[tokio::test(start_paused = true)]`, with tokio's feature `test-util`) an hour of silence takes no real
//! time. Paused time advances whenever all tasks wait, also when they wait for a socket, so do not pause time in a test
//! on sockets.
//!
//! If a stream or a service is always ready and never returns `Pending`, paused time does not advance. The time limit
//! of an expectation is then measured in real time too. For this, a limit below 1 s is raised to 1 s, and one
//! above 30 s is lowered to 30 s. If another task never returns `Pending`, no limit ends the test.
//!
//! This module may use all other modules, and none of them uses it. The feature `testing` does not enable
//! tokio's `test-util`.

mod collect;
mod cuts;
mod event_log;
mod event_store;
mod http1;
mod raw_client;
#[cfg(feature = "runs")]
mod run_store;
mod scripted;

#[cfg(feature = "runs")]
#[cfg_attr(docsrs, doc(cfg(feature = "runs")))]
pub use self::run_store::run_store;
pub use self::{
    collect::{Collect, CollectRequest, Expect},
    cuts::cut_everywhere,
    event_log::event_log,
    event_store::event_store,
    raw_client::RawClient,
    scripted::{Answer, AnswerControl, ListeningServer, RecordedRequest, ScriptedBody, ScriptedServer},
};
