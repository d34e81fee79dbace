//! The log of a hub: the trait, and the values that are stored and read.
//!
//! This module does not depend on the rest of the hub: logs in other crates need nothing else.

mod any;
mod block;
mod end;
mod erased;
mod event_log;
mod page;
mod pause;
mod wakes;

pub(crate) use self::pause::retry_pause;
pub use self::{
    any::AnyLog,
    block::{Block, InvalidBlock},
    end::{AppendError, End},
    erased::AnyLogError,
    event_log::EventLog,
    page::{LogEntry, Page, PageGap},
    wakes::{Interest, Wakes, Woken},
};
pub(super) use self::{
    end::EndFlags,
    erased::{BoxFuture, ErasedLog},
    wakes::{Follower, News, StepFuture, StepOutcome},
};
