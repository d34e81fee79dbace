use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use super::{HubBuilder, HubStats, MemoryLog, OnGap, PublishError, Start, Subscription, core::Core, error::Kind};
use crate::{
    codec::HubEvent,
    event::{EventId, GapEvent},
};

/// Fans events out to any number of subscriptions, and remembers them for those who come back.
///
/// It is a handle, cheap to clone. See the [module](super) for what it promises.
pub struct Hub<E, L = MemoryLog> {
    owner: Arc<Owner<E, L>>,
}

/// All handles of a hub together. With the last of them gone, nobody can publish.
struct Owner<E, L> {
    core: Arc<Core<E>>,
    #[expect(dead_code, reason = "the log in memory is reached through the core")]
    log: L,
}

impl<E, L> Drop for Owner<E, L> {
    fn drop(&mut self) {
        self.core.shared.close();
    }
}

impl<E: HubEvent> Hub<E> {
    /// A hub for a type with a `#[sse(gap)]` variant, which is sent where history is lost.
    pub fn builder() -> HubBuilder<E>
    where
        E: GapEvent,
    {
        HubBuilder::new(OnGap::emit())
    }

    /// A hub that does `on_gap` where history is lost.
    pub fn builder_on_gap(on_gap: OnGap<E>) -> HubBuilder<E> {
        HubBuilder::new(on_gap)
    }

    pub(super) fn new(log: MemoryLog, on_gap: OnGap<E>) -> Self {
        let core = Arc::new(Core::new(Arc::clone(&log.shared), on_gap));
        Self { owner: Arc::new(Owner { core, log }) }
    }

    /// Publishes an event: it goes to all subscriptions, behind all that was published before. Returns its id.
    ///
    /// It never waits for a subscription. With the log in memory it is done at once.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody sees anything of the event then.
    ///
    /// # Cancel safety
    ///
    /// The event is published or not, never in part. With the log in memory nothing happens before the first poll, and
    /// all in it.
    pub async fn publish(&self, event: &E) -> Result<EventId, PublishError> {
        self.publish_now(event)
    }

    /// [`publish`](Self::publish), without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody sees anything of the event then.
    pub fn publish_now(&self, event: &E) -> Result<EventId, PublishError> {
        let core = self.enter()?;
        core.with_block(event, |block| core.shared.push(block, event.is_terminal()))?.map_err(|_| Kind::Closed.into())
    }

    /// Makes a change and publishes the event that tells of it, as one step for
    /// [snapshots](Self::subscribe_with): no snapshot has the change and then the event, or neither.
    ///
    /// Changes are made one at a time, so `change` should be short, and must not block. What it changes stays changed when
    /// its event cannot be published. It cannot publish on the same hub itself.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. `change` is not called when the hub is closed, or when this is called from a closure that the
    /// hub runs.
    pub async fn publish_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        self.publish_now_with(change)
    }

    /// [`publish_with`](Self::publish_with), without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as of [`publish_with`](Self::publish_with).
    pub fn publish_now_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        let core = self.enter()?;
        core.order.keep(|| {
            if core.shared.is_closed() {
                return Err(Kind::Closed.into());
            }
            let event = change();
            core.with_block(&event, |block| core.shared.push(block, event.is_terminal()))?
                .map_err(|_| Kind::Closed.into())
        })
    }

    /// Publishes a last event, if there is one, and closes the hub: subscriptions end behind what is left for them, and
    /// new ones have nothing to send, which the server answers with 204.
    ///
    /// Let the last event be terminal, or clients come back once to hear that.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. The hub stays open then, unless it was closed before.
    ///
    /// # Cancel safety
    ///
    /// As of [`publish`](Self::publish).
    pub async fn close(&self, last: Option<E>) -> Result<(), PublishError> {
        self.close_now(last)
    }

    /// [`close`](Self::close), without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as of [`close`](Self::close).
    pub fn close_now(&self, last: Option<E>) -> Result<(), PublishError> {
        let core = self.enter()?;
        let closed = match last {
            None => core.shared.close(),
            Some(event) => core.with_block(&event, |block| core.shared.push_last(block, event.is_terminal()))?.is_ok(),
        };
        if closed { Ok(()) } else { Err(Kind::Closed.into()) }
    }

    /// The hub's core, unless this thread runs one of its closures just now.
    fn enter(&self) -> Result<&Arc<Core<E>>, PublishError> {
        let core = &self.owner.core;
        if core.order.is_held_here() { Err(Kind::Within.into()) } else { Ok(core) }
    }
}

impl<E, L> Hub<E, L> {
    /// The events from `start` on: a client's [`LastEventId`](crate::LastEventId), or any other [`Start`].
    ///
    /// What is published after this call is in it, even when it is first polled much later.
    pub fn subscribe(&self, start: impl Into<Start>) -> Subscription<E> {
        Subscription::new(Arc::clone(&self.owner.core), &start.into())
    }

    /// The same, with a way to make an event that holds the state of things: a snapshot.
    ///
    /// A client that can be resumed from `start` gets no snapshot: it has one, and the events since. Who is new
    /// ([`Start::Live`]) gets one first, and then all events from there on; so does, under [`OnGap::Snapshot`], who meets a
    /// gap. The snapshot's id is its place, so a client comes back to just behind it.
    ///
    /// With [`publish_with`](Self::publish_with) it is exact: a snapshot has the changes whose events are before it, and
    /// no others. With other ways to publish, a change may be in the snapshot and its event come behind it.
    ///
    /// `snapshot` is called when the subscription is polled, while no change is made: it should be short, must not block,
    /// and cannot publish on the same hub.
    pub fn subscribe_with(
        &self,
        start: impl Into<Start>,
        snapshot: impl Fn() -> E + Send + Sync + 'static,
    ) -> Subscription<E> {
        let start = start.into();
        self.subscribe(start.clone()).with_snapshot(start.is_live(), snapshot)
    }

    /// What there is of it now.
    #[must_use]
    pub fn stats(&self) -> HubStats {
        let core = &self.owner.core;
        let (events, bytes, published) = core.shared.size();
        HubStats {
            subscribers: core.counts.subscribers.load(Ordering::Relaxed),
            events,
            bytes,
            published,
            gaps: core.counts.gaps.load(Ordering::Relaxed),
        }
    }

    /// Whether it takes no more events.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.owner.core.shared.is_closed()
    }

    /// Whether this is the only handle, and nobody is subscribed.
    pub(super) fn is_idle(&self) -> bool {
        Arc::strong_count(&self.owner) == 1 && self.owner.core.counts.subscribers.load(Ordering::Relaxed) == 0
    }
}

impl<E, L> Clone for Hub<E, L> {
    fn clone(&self) -> Self {
        Self { owner: Arc::clone(&self.owner) }
    }
}

impl<E, L> fmt::Debug for Hub<E, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("on_gap", &self.owner.core.on_gap).field("stats", &self.stats()).finish()
    }
}
