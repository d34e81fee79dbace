//! Events in memory: the newest events of a log as wire bytes, and the tasks that wait for the next one.
//!
//! [`Ring`](ring::Ring) is a pure data structure without a lock or a clock. [`History`] puts it and the wake queue
//! under one lock. A history is either a log of its own ([`MemoryLog`]) or the part of a log elsewhere that is in
//! memory; then [`remote`](super::remote) fills it.
//!
//! This module does not depend on subscriptions, on event types, or on logs other than its own.

mod append;
mod end;
#[expect(clippy::module_inception, reason = "the history itself, beside its parts")]
mod history;
mod memory_log;
mod mirror;
mod preload;
mod read;
mod retention;
mod ring;
mod waiter;

#[cfg(test)]
pub(super) use self::ring::RingRead;
pub(super) use self::{
    append::HistoryClosed,
    end::{EndPosition, HubEnd},
    history::History,
    mirror::{ExtendOutcome, HubMark, RingLookup},
    read::{HistoryRead, RingPosition},
    ring::{EventSlice, Ring, RingIds, Segment},
};
pub use self::{memory_log::MemoryLog, retention::Retention};
