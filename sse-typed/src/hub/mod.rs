//! The hub: sends events to any number of subscribers, and keeps a history for clients that reconnect.
//!
//! [`Hub::publish`] takes an event and sends it to all [`Subscription`]s; a subscription is the stream for
//! [`Sse::new`]. An event is encoded once. A subscription is a position in the history: it yields the
//! events after that position, whether they were published an hour ago or are published now. This module does not
//! depend on HTTP.
//!
//! ```
//! # #[cfg(not(feature = "derive"))]
//! # fn main() {}
//! # #[cfg(feature = "derive")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use futures_util::{Stream, StreamExt};
//! use sse_typed::{
//!     Gap, Hub, SseEvent,
//!     hub::{Retention, Start},
//! };
//!
//! #[derive(Debug, PartialEq, SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Ride {
//!     Position { lat: f64, lon: f64 },
//!     #[sse(gap)]
//!     Missed(Gap),
//!     #[sse(terminal)]
//!     Completed,
//! }
//!
//! let hub = Hub::<Ride>::builder().retain(Retention::events(10_000).bytes(64 << 20)).build();
//! let mut live = hub.subscribe(Start::Live).events();
//!
//! let id = hub.publish(&Ride::Position { lat: 10.8, lon: 106.6 }).await?;
//! hub.publish(&Ride::Completed).await?;
//! assert_eq!(*live.next().await.unwrap().data, Ride::Position { lat: 10.8, lon: 106.6 });
//!
//! // A client that reconnects after the first event. In a handler this is
//! // `hub.subscribe(LastEventId::of(&request))`.
//! let mut resumed = hub.subscribe(id).events();
//! let event = resumed.next().await.unwrap();
//! assert_eq!(*event.data, Ride::Completed);
//! assert!(resumed.next().await.is_none()); // a terminal event ends the stream
//!
//! // A client whose last event ID is that of the terminal event has received everything:
//! // the server answers 204.
//! assert_eq!(hub.subscribe(event.id.clone()).size_hint(), (0, Some(0)));
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//!
//! - All subscriptions receive events in the order in which they were published, by any number of publishers. Each
//!   subscription receives consecutive events from its start on. Where events are missing, the gap is handled as
//!   [`OnGap`] says. No event is lost or repeated between replayed and live events: both are read from the same
//!   history.
//! - Publishing never waits for a subscription. A subscription that does not read costs its memory and nothing more.
//! - A subscription receives the events published since its last poll as one item, [`Entries`], which holds them as wire
//!   bytes. The item ends after about 32 KiB, at a terminal event, before an event that [`only`](Subscription::only)
//!   withholds, and at the end of a [segment](#how-it-works) of the history.
//! - [`only`](Subscription::only) and [`events`](Subscription::events) need the values of events. Each event is decoded
//!   once for all subscriptions, and its value is dropped together with it.
//! - The last event ID that a client sends can be any text. It is looked up, and never taken as a position unchecked.
//!   Only an id that ends in `!` is not looked up (see [Ids](#ids)).
//!
//! # Ids
//!
//! The hub gives each event its id. The history is stored in a *log*, by default in memory. The ids of a log in memory
//! are `<16 hexadecimal digits>-<n>`, and each log has its own random digits. A last event ID from another process or
//! another hub is therefore a gap, and never a wrong position. The id of a terminal event ends in `!`, and so does the
//! id of the event with which a hub was closed. From the `!` any server knows, without looking the id up, that a client
//! with this last event ID has received everything. Event types with an `#[sse(id)]` field have ids of their own and
//! cannot be published.
//!
//! # Lost history
//!
//! History is lost to a client when the log does not know its last event ID, when events after that id are no longer
//! retained, or when its subscription lags so far that events it has not read are trimmed. Each hub chooses what
//! happens then:
//!
//! | [`OnGap`] | the client receives | and at its next reconnection resumes |
//! |---|---|---|
//! | `Emit` | the event that is marked `#[sse(gap)]`, then all retained events | after the gap: the id of the gap event is the position before the oldest retained event |
//! | `Snapshot` | a new [snapshot](Hub::subscribe_with), then the events after it | after the snapshot |
//! | `Restart` | the end of the stream; its last event ID is cleared | without an id, like a client on its first visit |
//! | `Ignore` | all retained events, and nothing about the gap | after the last event it received |
//!
//! If a client loses its connection before the gap event reaches it, the hub sends the gap event again when the client
//! reconnects. A client that has received the event does not get it twice.
//!
//! ## Lagging
//!
//! A subscription reads retained events. If it reads more slowly than events are published, the [`Retention`] trims
//! events that it has not read. The gap is then handled once, in place of the trimmed events, as the table above says.
//! With `Emit` and `Ignore` the subscription continues with the oldest retained event. So a subscription may lag by as
//! much as is retained. [`Subscription::lag`] is the number of events that it has not read.
//!
//! ## Closing
//!
//! A terminal event ends every subscription that receives it. The hub stays open. A live subscription made
//! later starts after the terminal event. One that resumes from a position before it receives it and ends.
//!
//! [`Hub::close`] closes the log: it takes no more events, and no event is lost. A subscription receives the events
//! that remain for it and ends. So does a subscription that is made after the close, for as long as history is
//! retained. It can start after an id, at the [earliest](Start::Earliest) retained event, or at the [last](Start::Last)
//! `n` events. Clients that have received everything are answered 204. The event that is passed to `close` ends streams
//! like a terminal event, and its id ends in `!`, too. With a log other than the one in memory (a [log
//! elsewhere](#logs-elsewhere)) the close is durable and applies to every process. To answer 204 with such a log, await
//! [`Subscription::ready`] before returning the response: it asks the log whether the client has received everything.
//!
//! When the last handle of a hub is dropped, its subscriptions end after the events that remain for them, and their
//! clients reconnect. With a log elsewhere, these are the events up to the head of the log at that time. The log stays
//! open, and other processes may continue to append events to it.
//!
//! Dropping a response drops its subscription, which frees its memory at once.
//!
//! # Several hubs on one stream
//!
//! [`Merge`] sends the events of up to 16 hubs on one stream. The id of each event holds a position in every hub, so a
//! client that reconnects resumes in each of them. `stream::select` over two subscriptions compiles as well and
//! silently breaks resuming: the client sends the id of one hub, which the other does not know.
//!
//! | the stream has | use |
//! |---|---|
//! | events of several hubs, of one type or of several | [`Merge`], whose event type nests those of the hubs by `#[sse(nested)]` |
//! | a selection of one hub's events | [`only`](Subscription::only) |
//! | several event types in one order, published by one server | one hub of an enum with `#[sse(nested)]` variants |
//!
//! Hubs have no common order: events of two hubs are sent in the order in which `Merge` reads the hubs.
//!
//! # Logs elsewhere
//!
//! An [`EventLog`] stores the history. [`build`](HubBuilder::build) makes one in memory, which is fast and is lost with
//! the process. [`build_on`](HubBuilder::build_on) takes any other log, called a *log elsewhere* in these pages.
//! Processes can share it. A task of each hub follows the log (the hubs of a [store](#stores) share one task) and keeps
//! its newest events in memory, where live subscriptions read. Subscriptions further back read from the log until they
//! have caught up. Subscriptions of one hub at the same position share a read, so 1,000 clients that reconnect at once
//! cost about as many reads as a few. While several subscriptions are behind, the hub keeps the pages of the last
//! second for them, at most 1 MiB. The differences from a log in memory:
//!
//! - Publishing waits for the log, and fails when the log fails. The order of events is the log's. While the log fails,
//!   subscriptions wait.
//! - The first live subscription begins at the head of the log, which is the position of its newest event. The hub asks
//!   the log for it, so events that others publish before the answer may be missing from the subscription. Later live
//!   subscriptions begin at the position that the hub has reached in the log, so they may receive events that were
//!   published shortly before they subscribed.
//! - The task that follows the log needs a Tokio runtime with its timer.
//! - A change of your state and its event are not atomic: a [snapshot](Hub::subscribe_with) may already contain a change
//!   whose event is sent after the snapshot.
//! - The log gives the ids. Any process can resume a client, also after a restart.
//!
//! # Stores
//!
//! An [`EventStore`] keeps the histories of many keys in one engine, such as the memory of the process, a file or a
//! Redis server. [`EventStore::log`] is the log of one key. [`MemoryStore`] is a store, [`stores`](crate::stores) has
//! others, and [`AnyStore`] holds one of any type, chosen by a URL. [`Topics::on`] keeps the history of each topic in a
//! store. The differences from other logs elsewhere:
//!
//! - One task for each store follows all hubs of the process. It reads at most 64 keys at the same time. A quiet key has
//!   no task, no future and no timer. With its hub, its topic and a subscription it takes 1.5 to 2 KiB of memory
//!   before its first event, and the events that are in memory in addition.
//! - A hub to which nobody is subscribed for 5 seconds is not followed, and its events in memory are dropped. The next
//!   subscription makes the store follow it again.
//! - When the store begins to follow a hub, it first reads the hub's newest events into memory, at most 256 and about 4
//!   MiB, so clients that reconnect after a restart find their positions there. Live subscriptions begin after these
//!   events. If the hub itself publishes an event before this read, the read is skipped.
//! - Several hubs on one key, in one process or in many, share its events. When the last handle of one is dropped, the
//!   others continue; a [close](Hub::close) ends all of them.
//! - Two event types must not share a key. Give each its own `name` in [`Topics::on`]: it is a prefix of the keys.
//! - While the engine does not answer, publishing fails. Subscriptions wait, and continue when it answers again.
//!   [`EventStore::health`] reports the outage.
//!
//! # Cancel safety
//!
//! Waiting for the next item of a subscription can be cancelled and begun again: an event is taken only when it is
//! returned. Publishing happens completely or not at all.
//!
//! # Tracing
//!
//! With the feature `tracing` the hub emits these events, with the target `sse_typed::hub`:
//!
//! | level | event | fields |
//! |---|---|---|
//! | debug | history is lost to a subscription | `missed`, `reason` |
//! | warn | an event cannot be decoded and is withheld from [`only`](Subscription::only) and [`events`](Subscription::events) | `event_type`, `reason` |
//! | warn | a call of the log failed and is retried | `error`, `pause` |
//! | error | a subscription ends because there is no Tokio runtime with its timer to follow a log elsewhere | |
//! | error | a subscription ends because no store accepts the key of its hub | `reason` |
//!
//! # How it works
//!
//! The history is a ring of wire bytes in segments. Each event has a number, and a position is the number of the last
//! event before it. New events are appended to an open buffer after the last segment. Their first reader makes a
//! segment of them, which all readers share by reference count. An event that is read before the next one is published
//! becomes a segment of its own; the first client that replays these segments joins them into large ones.
//!
//! One lock guards the ring and the queue of waiting tasks. It is held for a few copies. It is never held while user
//! code or I/O runs, nor while a waker wakes or is dropped, and never across an `await`. (Wakers are cloned under it,
//! as tokio does.) A subscription that finds no event registers its waker under the same lock, so no wake-up is lost. A
//! poll that takes the newest events also registers the waker for the events after them, under the same lock. The poll
//! that follows at once finds no event and takes no lock: two atomic numbers show that there is none, and that the waker
//! is still registered. So a delivery takes the lock once. (A task that does not poll again is woken once without need.) An
//! event wakes the waiting tasks in batches, outside of the lock. The memory of the queue is reused, so neither waiting
//! nor waking allocates.
//!
//! Closures of [`publish_with`](Hub::publish_with) and [`subscribe_with`](Hub::subscribe_with) run under a second lock,
//! one at a time. This lock knows the thread that holds it: publishing from within a closure is an error and not a
//! deadlock.
//!
#![cfg_attr(feature = "server", doc = "[`Sse::new`]: crate::Sse::new")]
#![cfg_attr(
    not(feature = "server"),
    doc = "[`Sse::new`]: https://docs.rs/sse-typed/latest/sse_typed/struct.Sse.html#method.new"
)]

mod history;
#[expect(clippy::module_inception, reason = "the hub itself, beside its parts")]
mod hub;
mod id;
mod log;
mod merge;
mod on_gap;
mod publish;
mod remote;
mod snapshot_lock;
mod start;
mod state;
mod stats;
mod store;
mod subscription;
mod topics;
mod trace;

#[cfg(any(feature = "file", feature = "redis"))]
pub(crate) use self::store::check_key;
#[cfg(all(any(feature = "file", feature = "redis"), feature = "runs"))]
pub(crate) use self::store::check_run_key;
pub use self::{
    history::{MemoryLog, Retention},
    hub::{Hub, HubBuilder},
    log::{
        AnyLog, AnyLogError, AppendError, Block, End, EventLog, Interest, InvalidBlock, LogEntry, Page, PageGap, Wakes,
        Woken,
    },
    merge::{Merge, Merged},
    on_gap::OnGap,
    publish::PublishError,
    start::Start,
    stats::HubStats,
    store::{
        AnyStore, EventStore, Health, HealthReporter, LogOptions, MemoryStore, MemoryStoreError, MemoryStoreLog,
        StoreError, StoreState,
    },
    subscription::{Entries, Subscription, SubscriptionEvents},
    topics::Topics,
};
#[cfg(feature = "runs")]
pub(crate) use self::{log::retry_pause, publish::encode_block, store::run_store};
