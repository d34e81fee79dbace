//! Runs: work that outlives the connection that asked for it.
//!
//! An answer of a language model, an export, an import or a build is asked for once and must run once. The page may be reloaded,
//! opened in a second tab, or cut off by a proxy, and the server that runs the work may die. [`Runs`] runs the work in a task of
//! its own, once for a key, and stores its events in a [store](RunStore). Readers come and go on any server that has the store.
//!
//! ```
//! # #[cfg(not(feature = "derive"))]
//! # fn main() {}
//! # #[cfg(feature = "derive")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::{Stream, StreamExt, TryStreamExt, stream};
//! use sse_typed::{
//!     LastEventId, SseEvent,
//!     hub::MemoryStore,
//!     runs::{BoxError, RunState, Runs},
//! };
//!
//! #[derive(Debug, PartialEq, SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Answer {
//!     Token(String),
//!     #[sse(terminal)]
//!     Done,
//!     #[sse(terminal, failed)]
//!     Failed { reason: String },
//!     #[sse(terminal, stopped)]
//!     Stopped,
//!     #[sse(terminal, lost)]
//!     Lost,
//! }
//!
//! async fn ask_model() -> Result<impl Stream<Item = Result<String, BoxError>>, BoxError> {
//!     Ok(stream::iter([Ok("Hello".to_owned())]))
//! }
//!
//! // Any store of runs, which several servers may share.
//! let runs = Runs::<Answer, _>::on(MemoryStore::default(), "answers");
//! let answers = runs.scope("user-7")?; // the subject of the session
//!
//! // POST /answers/{key}: starts once, however often it is asked
//! let started = answers.start("key", |run| async move {
//!     let mut tokens = ask_model().await?;
//!     while let Some(token) = tokens.try_next().await? {
//!         run.publish(&Answer::Token(token)).await?; // stored before it is delivered
//!     }
//!     Ok(Answer::Done) // its last event
//! });
//! let run = started.await?.run;
//!
//! // The events for `Sse::new`. Without an id: from the beginning.
//! let events = run.subscribe(LastEventId::none()).await;
//! let events: Vec<_> = events.events().map(|event| event.data).collect().await;
//! assert_eq!(*events[0], Answer::Token("Hello".to_owned()));
//! assert_eq!(*events[1], Answer::Done);
//!
//! // GET and DELETE /answers/{key}, on whichever server
//! let run = answers.get("key").await?.expect("a run");
//! let status = run.stop().await?.expect("a run");
//! assert_eq!(status.state(), RunState::Done); // it had ended before
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `server`, [`Scope`] and [`StartRun`] have whole responses for GET, POST and DELETE: `Scope::respond`,
//! `StartRun::respond` and `Scope::respond_to_stop`. The [manual](crate::manual::runs) says when to choose a run, and what to set.
//!
//! # Guarantees
//!
//! | # | promise |
//! |---|---|
//! | 1 | A run is apart from every connection. Dropping a response, a subscription or a handle stops nothing. With [`cancel_on_disconnect`](RunsBuilder::cancel_on_disconnect) a run is stopped when it has had no reader for a time. |
//! | 2 | Each event is stored before anybody sees it, and before [`publish`](RunWriter::publish) returns. |
//! | 3 | A reader resumes by its last event ID, on any process that has the store. |
//! | 4 | A reader without an id gets the run from the beginning. Any number of readers get the same events. |
//! | 5 | A [stop](Run::stop) reaches the producer on whichever process it runs. Its future is dropped, after a [grace](RunsBuilder::grace) if there is one, and readers get the event for stopped runs. |
//! | 6 | The end is durable. A reader that comes after it gets the whole run and the end. One that has everything is answered 204. |
//! | 7 | A producer that returned an error, panicked, or whose process died is reported by an event: at once, or within a [lease](RunsBuilder::lease) by any process that reads or finds the run. No reader waits forever. |
//! | 8 | A key has one run, however often, however concurrently and on however many processes it is started, for as long as the run is kept. |
//! | 9 | A run that has ended is [kept](RunsBuilder::keep) for a time. Afterwards its key has no run, and can start a new one. |
//! | 10 | [`Run::status`] and [`Runs::list`] say whether a run is running, since when and by whom, or how it has ended. |
//!
//! "One run" means at most one execution. The effects that a producer had before its process died are not undone. A lost run is
//! not executed again until [`restart`](Scope::restart) is called.
//!
//! # Who may read a run
//!
//! Clients choose keys, and can guess the keys of others. So a key belongs to a [scope](Runs::scope), which the server takes from
//! the session. A key of another subject is a run that does not exist. Runs that everybody may read are
//! [`public`](Runs::public).
//!
//! # How runs end
//!
//! | end | [`RunState`] | last event |
//! |---|---|---|
//! | the closure returns `Ok(event)` | `Done` | that event |
//! | the closure returns an error | `Failed` | `failed`, with the error's text, of which clients read up to 4 KiB |
//! | the closure panics | `Failed` | `failed`, with a fixed text |
//! | it publishes more than [`max_events`](RunsBuilder::max_events) or [`max_bytes`](RunsBuilder::max_bytes) | `Failed` | `failed`, with the limit |
//! | it is stopped, or has no reader (`cancel_on_disconnect`) | `Stopped` | `stopped`; if the closure returns `Ok(event)` within the grace, that event |
//! | its process died, its runtime ended, or [`shutdown`](Runs::shutdown) did not wait longer | `Lost` | `lost` |
//!
//! The events are the variants marked `#[sse(terminal, failed)]`, `#[sse(terminal, stopped)]` and `#[sse(terminal, lost)]`, or come
//! from functions of the [builder](RunsBuilder::failed). Closing the log of a run is the fence: the first end wins, and a producer
//! that was taken for lost cannot publish afterwards.
//!
//! # Leases
//!
//! The process that runs a producer holds a lease in the store, and renews it three times in its period. When the lease expires,
//! the run is lost as soon as a process looks: one that reads the run, or a call of [`get`](Scope::get),
//! [`start`](Scope::start), [`status`](Run::status) or [`list`](Runs::list). Until then a producer that is late can continue. While a
//! process cannot reach the store, and for one lease afterwards, it takes no run for lost, because the owners could not renew
//! either. A producer continues while renewals fail.
//!
//! The task that renews leases is in one of the runtimes in which the process uses its runs. When that runtime ends, another one
//! takes over. A runtime that is not driven, such as a current-thread runtime between two calls of `block_on`, renews nothing.
//!
//! # Cost
//!
//! A run has one task. One more task for each process renews all leases and looks at all runs that are read there, in one call of
//! the store for each third of a lease. There is no task when nothing runs and nobody reads. Producers make no hub. A run that is
//! read in a process has one [`Hub`](crate::hub::Hub) there, with at most 256 events or 1 MiB in memory; readers that are further
//! back read the store. Publishing costs one append of the store.
//!
//! # Tracing
//!
//! With the feature `tracing` runs emit these events, with the target `sse_typed::runs`:
//!
//! | level | event | fields |
//! |---|---|---|
//! | debug | a run has started | `key`, `run` |
//! | debug | a run has ended | `key`, `run`, `end` |
//! | warn | an event was not stored and is tried again | `error`, `pause` |
//! | warn | leases were not renewed and are tried again | `error` |
//! | warn | the end of a run was not stored, so the run is lost | `key`, `run`, `end`, `error` |
//! | error | the producer of a run panicked | `key`, `run` |
//!
//! # How it works
//!
//! | file | contents |
//! |---|---|
//! | `runs`, `builder`, `scope`, `run`, `status`, `error` | the handles, and what they return |
//! | `start` | the task that claims a key |
//! | `producer` | the same task afterwards: it polls the closure, receives requests to stop, and ends the run |
//! | `wake_flag` | polls the wait for those requests only when it was woken |
//! | `writer` | publishes the events of a run |
//! | `control` | the requests to the task of a run, and whether the run has ended |
//! | `registry` | the runs of this process, and the hubs of those that are read here |
//! | `keeper` | the task that renews all leases and finds lost runs |
//! | `trust` | when an expired lease means that its owner died |
//! | `end_events` | the events that report how a run ended |
//! | `key` | the keys in the store |

mod builder;
mod control;
mod end_events;
mod error;
mod keeper;
mod key;
mod producer;
mod registry;
mod run;
#[expect(clippy::module_inception, reason = "the handle of all runs, beside its parts")]
mod runs;
mod scope;
mod start;
mod status;
#[cfg(test)]
mod tests;
mod trace;
mod trust;
mod wake_flag;
mod writer;

pub use self::{
    builder::RunsBuilder,
    error::{BoxError, RunsError, WriteError},
    run::Run,
    runs::Runs,
    scope::Scope,
    start::{StartRun, Started},
    status::{RunState, RunStatus},
    writer::RunWriter,
};
use crate::hub::run_store;
pub use crate::hub::run_store::{
    AnyRunStore, Claimed, InputHash, InvalidRunId, NewRun, ReadRun, Renewed, RunEnded, RunId, RunRecord, RunRef,
    RunStore,
};
