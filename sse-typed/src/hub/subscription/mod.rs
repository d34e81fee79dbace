//! A subscription: a position in the history of a hub, and what it yields from there on.
//!
//! This module does not depend on handles, on publishing, or on HTTP.

mod begin;
mod decode;
mod entries;
mod events;
mod filter;
mod gap;
mod poll;
mod position;
mod ready;
mod resume_id;
mod snapshot;
#[expect(clippy::module_inception, reason = "the subscription itself, beside its parts")]
mod subscription;
#[cfg(test)]
mod tests;

pub(super) use self::entries::SubscriptionItem;
pub use self::{entries::Entries, events::SubscriptionEvents, subscription::Subscription};
