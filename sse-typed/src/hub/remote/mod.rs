//! Following a log elsewhere: a follower for each hub, which adds new events to the ring, and a reader for each
//! subscription whose position is not in the ring.
//!
//! A follower is a task of its own, unless the log belongs to a [store](super::EventStore): the task of its
//! [wake-ups](super::Wakes) runs the followers of all its logs.
//!
//! Readers at the same position share a read, and pages are kept for a moment: see [`shared_reads`].
//!
//! A reader takes pages from the log until it reaches a position that is in the ring, and continues there. The events
//! in the ring follow each of its positions in the order of the log, so no event is missing or duplicated where a
//! subscription continues in the ring. Gaps are reported by the log and not by the ring.
//!
//! [`history::mirror`](super::history) says where a hub ends and how that is found out.

mod call_timer;
mod calls;
mod follower;
mod hosted;
mod page_limit;
mod page_read;
mod reader;
mod remote_log;
mod shared_reads;

pub(super) use self::{
    calls::retry_until_ok,
    reader::{LogReader, ReadOutcome},
    remote_log::RemoteLog,
};
