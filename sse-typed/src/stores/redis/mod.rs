//! Histories in a Redis server, which any number of processes share.
//!
//! The key of a log is one stream of Redis. Each event is one entry. Processes that publish append to it, and all processes whose
//! hubs have subscribers are woken and read it.
//!
#![cfg_attr(feature = "derive", doc = "```no_run")]
#![cfg_attr(not(feature = "derive"), doc = "```ignore")]
//! use sse_typed::{
//!     Hub, SseEvent,
//!     hub::{EventStore, Start},
//!     stores::RedisStore,
//! };
//!
//! #[derive(Debug, SseEvent)]
//! #[sse(rename_all = "snake_case")]
//! enum Ride {
//!     Position { lat: f64, lon: f64 },
//!     #[sse(gap)]
//!     Missed,
//! }
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("redis://127.0.0.1").await?;
//! let hub = Hub::<Ride, _>::builder().build_on(store.log("rides/7"));
//!
//! hub.publish(&Ride::Position { lat: 10.8, lon: 106.6 }).await?; // Redis has stored it
//! let subscription = hub.subscribe(Start::Earliest); // here, or in any other process
//!
//! if !store.health().is_up() {
//!     // The readiness probe fails.
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The server
//!
//! A Redis from version 6.2 on, or a Valkey. A Redis Cluster is refused when the store connects. So are a Sentinel, a replica and
//! an older server. Connect to the name or the proxy that leads to the primary; the name is looked up for each connection.
//!
//! | setting | recommended | why |
//! |---|---|---|
//! | `maxmemory-policy` | `noeviction` | any other policy may remove whole histories. Their readers get a gap |
//! | `appendonly` | `yes` | without it a restart loses all histories, or those since the latest snapshot |
//! | `appendfsync` | `always`, or `everysec` | with `everysec` a crash of the machine loses up to two seconds of acknowledged events |
//! | `min-replicas-to-write` | 1, where there are replicas | bounds what a fail-over loses. Replication is asynchronous |
//! | `client-output-buffer-limit pubsub` | the default | a process that reads its wake-ups too slowly is cut off. It reconnects and reads all keys anew |
//!
//! A user with an ACL needs the keys and the channels of the [prefix](RedisStoreBuilder::key_prefix), and these commands. The
//! store tries them when it connects, and the error names the first that is missing:
//!
//! ```text
//! ~sse:* &sse:* +eval +evalsha +xadd +xrange +xrevrange +xlen +xtrim +time +pexpire +unlink +publish
//! +subscribe +unsubscribe +ping +hello +select
//! ```
//!
//! [Runs] need these as well. They are not tried when the store connects: a call for a run that lacks one fails and names it.
//!
//! ```text
//! +hget +hgetall +hset +hdel +pttl +exists +zadd +zrange +zrandmember +zrem
//! ```
//!
//! # What the store promises
//!
//! - When an append returns an id, the server has stored the event. How durable it is depends on the configuration of the
//!   server. The order of events is the server's.
//! - An append that the server refused, or that was made while the store was not connected, has [failed]: nothing is stored. An
//!   append that got no reply has an [unknown] outcome: the event may be stored, but only once. The store does not repeat
//!   the append, unless the log has a [sole writer](crate::hub::LogOptions::sole_writer). Then it is repeated for up to 30
//!   seconds, also while the server refuses writes for want of memory or of replicas, and stored once; later appends wait. If it
//!   is given up and the caller tries it again as the next append, it is still stored once.
//! - An id names an entry of the stream and the random mark that is stored in the entry: `<milliseconds>-<sequence>-<mark>`. An
//!   old id is a gap after the data was wiped or restored from a backup, and after a fail-over that lost the newest events. It
//!   never leads to a wrong position. The exception is the
//!   head of an empty log, which a client can have from a snapshot or from a `Merge`. It names no entry and stays valid, so a client
//!   that resumes from it gets no gap for events that were appended after it and then lost.
//! - Each event is stored with the position before it. So a read shows whether events between two entries were trimmed or
//!   deleted. A live reader gets no gap when the last event that it read is trimmed, because it needs only the events after it.
//! - Records that other programs add to the stream of a key are skipped, reported to `tracing` under the target
//!   `sse_typed::stores`, and [counted](RedisStore::skipped_records).
//! - Appends of one process that wait at the same time go in one call, up to 64 events for each key, and up to 64 keys, 256 events
//!   and 1 MiB in all. Each key succeeds or fails on its own. The keys of one call have the same limits and times to live.
//! - A record of a newer format is an [error](RedisError::is_newer_format) of reads and appends. No event is skipped.
//!
//! Somewhat more is retained than [`Retention`](crate::hub::Retention) says, because the store trims only when an event is appended:
//!
//! | limit | what a key holds at most | and |
//! |---|---|---|
//! | `n` events | `n` events and one block of the stream | Redis trims whole blocks, which are 100 entries by default |
//! | `n` bytes | `n` bytes and a sixteenth, and the events of one call | one call trims at most 127 events of each key, and about 2 MiB in all. After a limit was lowered, several calls trim |
//! | age | the events of one block that are too old | a quiet key keeps all of its events |
//!
//! The limits of [`Retention::events`](crate::hub::Retention::events) include 16 MiB. The bytes are those of events. Redis takes about
//! 100 bytes more for each small event, and up to half as much again for events of a few KiB, because it allocates blocks of 4 KiB.
//! Records of other programs are not counted. After 16 of them in a row the bytes are counted anew, and up to twice the limit may be
//! retained for a while.
//!
//! # Runs
//!
//! With the feature `runs` the store keeps [runs], which the processes share. The record of a run is a hash beside the stream of
//! its log, under the [prefix](RedisStoreBuilder::key_prefix), and the keys that have runs are in one sorted set.
//!
//! - Claims, renewals and ends are atomic. Leases and keep times run on the clock of the server, in milliseconds.
//! - The server removes the record and the log of a run together: the keep time after its end, or after its lease has expired
//!   if nobody ended it. So a run that is lost and never looked at does not stay.
//! - An append to the log of a run that was removed or replaced fails.
//! - A process that has just connected or reconnected takes no run for lost before one lease has passed.
//! - After the data was wiped, the key of a run is free. Its readers end, and its producer is dropped.
//! - Keys are removed from the sorted set when runs are listed. Claims remove some as well, so that a third more at most is in it
//!   than there are runs, on average.
//!
//! # Connections
//!
//! A store has two connections, whatever the number of its keys. One carries all commands. The other carries notifications: the
//! store subscribes to the channel of each key for which a hub has subscribers. No command blocks the server.
//!
//! Both are tested with a PING every 5 seconds, and [`notification_lag`](RedisStore::notification_lag) is the time that the last
//! PING took on the connection for notifications. A connection that is lost, or whose reply does not come within [2
//! seconds](RedisStoreBuilder::response_timeout), is made anew with pauses from 50 ms to 5 s. Meanwhile
//! [`health`](crate::hub::EventStore::health) is [`Away`](crate::hub::StoreState::Away), appends fail at once, and subscribers
//! stay connected. An error that repeats meanwhile is a `tracing` warning the first time, and a debug event after that. When the
//! notifications are back, all followed keys are read.
//!
//! A read returns a page of about 1 MiB of events:
//!
//! - The first read of a [`RedisLog`] asks for at most 16 events. A read that asks for at most 16 events ends its page early,
//!   after the event with which the page reaches 1 MiB.
//! - A later read estimates how many events make 1 MiB, from the average size of the events on the page before. If it asks for more
//!   than 16 events, and larger events follow, its page exceeds 1 MiB.
//! - If a page is so large that the connection breaks or the reply takes too long, the read fails. The next read is bounded like
//!   the first.
//!
#![cfg_attr(feature = "runs", doc = "[runs]: crate::runs")]
#![cfg_attr(not(feature = "runs"), doc = "[runs]: https://docs.rs/sse-typed/latest/sse_typed/runs/index.html")]
//! [failed]: crate::hub::AppendError::Failed
//! [unknown]: crate::hub::AppendError::Unknown

mod append;
mod back_off;
mod builder;
mod calls;
mod commands;
mod connect;
mod error;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod log;
mod notifications;
mod page;
mod position;
mod queue;
mod record;
#[cfg(feature = "runs")]
mod runs;
mod script;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod trace;

pub use self::{builder::RedisStoreBuilder, error::RedisError, log::RedisLog, store::RedisStore};
