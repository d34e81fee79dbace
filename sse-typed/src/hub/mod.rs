//! The hub: events for any number of subscribers, with history for those who come back.
//!
//! A [`Hub`] takes events by [`publish`](Hub::publish) and gives them to [`Subscription`]s, which are what
//! [`Sse::new`](crate::Sse) sends. An event is encoded once. A subscription is a place in the history: what lies behind it
//! is what it gives next, whether that was published an hour ago or is published now. Nothing of HTTP enters this room.
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
//! // A client that was away since then; in a handler this is `hub.subscribe(LastEventId::of(&request))`.
//! let mut resumed = hub.subscribe(id).events();
//! let event = resumed.next().await.unwrap();
//! assert_eq!(*event.data, Ride::Completed);
//! assert!(resumed.next().await.is_none()); // a terminal event ends the stream
//!
//! // Who brings the terminal event's id has had all there is: the server answers 204.
//! assert_eq!(hub.subscribe(event.id.clone()).size_hint(), (0, Some(0)));
//! # Ok(())
//! # }
//! ```
//!
//! # Promises
//!
//! - All subscriptions see one order, that in which events were published, whoever published them. Each sees a contiguous
//!   run of it from its start on, up to a hole that it is told of. There is no seam between what is replayed and what is
//!   live: both come from the same place, by the same way.
//! - Publishing never waits for a subscription. One that does not read costs its place and nothing more.
//! - What was published since a subscription last looked leaves as one slice, as far as it lies in one piece: at most about
//!   32 KiB, up to a terminal event, up to an event that [`only`](Subscription::only) withholds.
//! - Values that somebody has asked for go with their events.
//! - What a client brings as its last event ID is looked at and never trusted. It can be any text.
//!
//! # Ids
//!
//! The hub gives each event its id: `<16 hexadecimal digits>-<n>` by the log in memory, where the digits are drawn by each
//! log anew. An id of another process, or of another hub, is therefore a gap, and never a wrong place. The id of a terminal
//! event, and of the last event of a hub that was closed with one, ends in `!`, so that any server can tell, without looking
//! it up, that a client which brings it has all there is.
//! Event types with an `#[sse(id)]` field have ids of their own, and cannot be published.
//!
//! # Lost history
//!
//! History is lost to a client when its last event ID is none of the log's, when the events behind it are no longer kept,
//! or when its subscription falls behind what is kept. What happens then is chosen for each hub:
//!
//! | [`OnGap`] | the client sees | and comes back |
//! |---|---|---|
//! | `Emit` | the event that is marked `#[sse(gap)]`, then all that is kept | behind the gap: the event's id is the place before what follows |
//! | `Snapshot` | a new [snapshot](Hub::subscribe_with), then what happens behind it | behind the snapshot |
//! | `Restart` | the end of the stream, and its last event ID forgotten | as a new client |
//! | `Ignore` | all that is kept, and nothing of the gap | behind what it saw |
//!
//! A client that lost its connection before it got the word meets the gap again; one that got it does not.
//!
//! ## Lagging
//!
//! A subscription reads what is kept. If it reads slower than events are published, what it has not read is let go in the end, as
//! the [`Retention`] says. It is told of that once, at the place of the hole, and goes on with the oldest event that is
//! kept. How much a reader may lag is therefore how much is retained, and [`Subscription::lag`] says how far behind it is.
//!
//! ## Closing
//!
//! A terminal event ends every subscription that receives it. The hub stays open; later subscribers start after it.
//!
//! [`Hub::close`] closes the log: no more events are taken, and nothing is lost. A subscription gets what is left for it and
//! ends, and so does one that begins later, from an id, [`Earliest`](Start::Earliest) or [`Last`](Start::Last), for as long as
//! history is kept. A 204 is for clients that have everything. The last event of a close ends streams like a terminal event,
//! and its id ends in `!`, too. With a log elsewhere the close is durable and holds for every process; there
//! [`Subscription::ready`] finds out before the head of the response leaves whether anything is to come.
//!
//! When the last handle of a hub is dropped, its subscriptions end after what is left for them, but nobody tells clients not to
//! come back. With a log elsewhere such a hub ends at a place in it, and others go on appending after that.
//!
//! Dropping a response drops its subscription, and that frees its place at once.
//!
//! # Several hubs on one stream
//!
//! [`Merge`] sends the events of up to 16 hubs on one stream. Each event's id holds a place in every hub, so a client that
//! comes back goes on in each of them. `stream::select` over two subscriptions compiles as well, and silently breaks
//! resuming: the client brings the id of one hub, which the other does not know.
//!
//! | the stream has | use |
//! |---|---|
//! | events of several hubs, of one type or of several | [`Merge`], whose event type unites the hubs' by `#[sse(nested)]` |
//! | a choice of one hub's events | [`only`](Subscription::only) |
//! | several event types in one order, published by one server | one hub of an enum with `#[sse(nested)]` variants |
//!
//! Hubs have no common order: events of two hubs come in the order in which they are found.
//!
//! # Logs elsewhere
//!
//! History lives in an [`EventLog`]. That of [`build`](HubBuilder::build) is in memory: fast, exact, and gone with the process.
//! With [`build_on`](HubBuilder::build_on) it is any other, which processes can share. One task for each hub follows it, and
//! keeps its newest events in memory, where live subscriptions read; those that are further back read from the log until
//! they have caught up. What differs:
//!
//! - Publishing waits for the log, and can fail by it. The order is the log's. While it fails, subscriptions wait.
//! - The first subscription begins where the log is when it is asked, and later ones where the hub has come to: what others
//!   publish just behind the first may be missing, and what was published just before a later one may come as well.
//! - The task that follows the log needs a Tokio runtime with its timer.
//! - [Snapshots](Hub::subscribe_with) and changes are not one step: a change can be in a snapshot and its event come behind it.
//! - Ids are the log's. A client can be resumed by any process, and after any restart.
//!
//! # Cancel safety
//!
//! Waiting for the next item of a subscription can be given up and taken up again; an event is taken only when it is handed
//! out. Publishing happens wholly or not at all.
//!
//! # How it works
//!
//! The history is a ring of wire bytes in segments. Each event has a number, and a place is the number of the last event
//! before it. New events gather behind the last segment; the first reader that wants them makes a segment of them, which all
//! readers share by reference count. Events that were each taken live are a segment each; the first client that replays them
//! joins them into large ones. One lock guards the ring and the queue of who waits. It is held for a few copies,
//! never while code of a user or I/O runs, nor while a waker wakes or is dropped, and never across an `await`. (Wakers are
//! cloned under it, as tokio does.) Finding nothing and waiting are one step under
//! it, so no wake-up is lost. So are taking the newest events and waiting for the next, by which a delivery takes the lock
//! once: that a subscription waits already, and by the right waker, it finds out from two atomic numbers. (A task that does not
//! poll again after that is woken once more than it needs.) Those who wait are called up by the next event, some at a time,
//! and woken outside of the lock. The queue's memory is used again, so neither waiting nor waking allocates.
//!
//! Closures of [`publish_with`](Hub::publish_with) and [`subscribe_with`](Hub::subscribe_with) run under a second lock, one at a
//! time. It knows its thread: publishing from within one is an error, not a deadlock.

mod builder;
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
mod subscription;
mod topics;
mod trace;

pub use self::{
    builder::HubBuilder,
    history::{MemoryLog, Retention},
    hub::Hub,
    log::{AnyLog, AnyLogError, AppendError, Block, End, EventLog, InvalidBlock, LogEntry, Page, PageGap},
    merge::{Merge, Merged},
    on_gap::OnGap,
    publish::PublishError,
    start::Start,
    stats::HubStats,
    subscription::{Entries, Subscription, SubscriptionEvents},
    topics::Topics,
};
