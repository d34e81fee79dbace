use std::{
    fmt,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
};

use tokio::time::Instant;

use super::{
    AnyLogError, AppendError, Block, End, EventLog, HubBuilder, HubStats, MemoryLog, OnGap, PublishError, Retention,
    Start, Subscription,
    core::Core,
    encode,
    error::Kind,
    id,
    log::Erased,
    shared::{Closed, Shared},
    tail::Remote,
};
use crate::{
    codec::{EncodeEvent, HubEvent},
    event::{EventId, GapEvent},
};

/// Fans events out to any number of subscriptions, and remembers them for those who come back.
///
/// It is a handle, cheap to clone. See the [module](super) for what it promises.
pub struct Hub<E, L = MemoryLog> {
    owner: Arc<Owner<E, L>>,
}

/// All handles of a hub together. With the last of them gone, nobody can publish.
pub(super) struct Owner<E, L> {
    pub(super) core: Arc<Core<E>>,
    log: Arc<L>,
}

impl<E, L> Drop for Owner<E, L> {
    fn drop(&mut self) {
        match &self.core.remote {
            None => self.core.shared.end_here(),
            // What was published may still be on its way.
            Some(_) => self.core.shared.end(None),
        }
    }
}

// Bounds stand on these functions, and not on the impl, so that a compile error explains the one that fails. There is no other
// way to a hub, so nothing else asks for `HubEvent`: the error would be repeated at each use.
impl<E> Hub<E> {
    /// A hub for a type with a `#[sse(gap)]` variant, which is sent where history is lost.
    pub fn builder() -> HubBuilder<E>
    where
        E: HubEvent + GapEvent,
    {
        HubBuilder::new(OnGap::emit())
    }

    /// A hub that does `on_gap` where history is lost.
    pub fn builder_on_gap(on_gap: OnGap<E>) -> HubBuilder<E>
    where
        E: HubEvent,
    {
        HubBuilder::new(on_gap)
    }
}

impl<E: EncodeEvent> Hub<E> {
    /// [`publish`](Self::publish), without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody sees anything of the event then.
    pub fn publish_now(&self, event: &E) -> Result<EventId, PublishError> {
        self.owner.core.push(event)
    }

    /// [`publish_with`](Self::publish_with), without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as of [`publish_with`](Self::publish_with).
    pub fn publish_now_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        self.push_with(change)
    }

    /// [`close`](Self::close), without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`], as of [`close`](Self::close).
    #[expect(clippy::needless_pass_by_value, reason = "it is the last event; `close` takes it so")]
    pub fn close_now(&self, last: Option<E>) -> Result<(), PublishError> {
        self.push_last(last.as_ref())
    }
}

impl<E, L: EventLog> Hub<E, L> {
    pub(super) fn new(log: L, on_gap: OnGap<E>, retention: Retention) -> Self {
        let log = Arc::new(log);
        let core = match log.memory() {
            Some(memory) => Core::new(Arc::clone(&memory.shared), on_gap, None),
            None => {
                let remote = Remote::new(Arc::clone(&log) as Arc<dyn Erased>);
                Core::new(Arc::new(Shared::following(retention)), on_gap, Some(remote))
            }
        };
        Self { owner: Arc::new(Owner { core: Arc::new(core), log }) }
    }
}

impl<E: EncodeEvent, L: EventLog> Hub<E, L> {
    /// Publishes an event: it goes to all subscriptions, behind all that was published before. Returns its id.
    ///
    /// It never waits for a subscription. With the log in memory it is done at once.
    ///
    /// # Errors
    ///
    /// [`PublishError`]; nobody sees anything of the event then, unless a log elsewhere has [failed](PublishError::is_log).
    ///
    /// # Cancel safety
    ///
    /// The event is published or not, never in part. With the log in memory nothing happens before the first poll, and
    /// all in it.
    pub async fn publish(&self, event: &E) -> Result<EventId, PublishError> {
        if self.owner.core.remote.is_none() {
            return self.owner.core.push(event);
        }
        self.enter()?;
        let block = encode::block(event)?;
        self.append(&block).await
    }

    /// Makes a change and publishes the event that tells of it, as one step for
    /// [snapshots](Self::subscribe_with): no snapshot has the change and then the event, or neither.
    ///
    /// Changes are made one at a time, so `change` should be short, and must not block. What it changes stays changed when
    /// its event cannot be published. It cannot publish on the same hub itself.
    ///
    /// That holds of a log in memory. With another, events of changes that are made at once may come in the order of the
    /// log, and a change may be in a snapshot and its event come behind it: let events hold what is, not what was added.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. `change` is not called when the hub is closed, or when this is called from a closure that the
    /// hub runs.
    ///
    /// # Cancel safety
    ///
    /// With the log in memory nothing happens before the first poll, and all in it. With a log elsewhere, giving up may leave
    /// a change whose event is not published.
    pub async fn publish_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        let core = self.enter()?;
        if core.remote.is_none() {
            return self.push_with(change);
        }
        let (event, block) = core.order.keep(|| -> Result<_, PublishError> {
            let event = self.change(change)?;
            let block = encode::block(&event);
            Ok((event, block))
        })?;
        drop(event);
        self.append(&block?).await
    }

    /// Publishes a last event, if there is one, and closes the log of the hub: no more events are taken.
    ///
    /// With a log elsewhere the close is durable and holds for every process and every hub on that log. To end the streams of
    /// this process alone, use a [`Shutdown`](crate::server::Shutdown) or drop the hub.
    ///
    /// Nothing is lost by it. Subscriptions get what is left for them and end. A client that comes back later, or a new one
    /// that asks for [`Start::Earliest`] or [`Start::Last`], gets what is kept behind its place, and then the end. A client
    /// that has everything gets a 204: one whose id is that of the last event, and one without an id that starts live. So
    /// the handler of a job whose result a late visitor should see subscribes with `id.or(Start::Earliest)`
    /// ([`LastEventId::or`](crate::LastEventId::or)).
    ///
    /// The id of the last event ends in `!` on the wire, whether it is terminal or not, and any server answers it with 204.
    /// Without a last event, and with a log elsewhere, the first answer to a client that has everything may be an empty
    /// stream; [`Subscription::ready`] avoids that.
    ///
    /// Events that are published meanwhile are in the log before its end, or fail with
    /// [`is_closed`](PublishError::is_closed).
    ///
    /// # Errors
    ///
    /// [`PublishError`]. The hub stays open then, unless it was closed before or the outcome is
    /// [unknown](PublishError::is_unknown).
    ///
    /// # Cancel safety
    ///
    /// With the log in memory nothing happens before the first poll, and all in it. With a log elsewhere, a close that is given
    /// up has happened or not; it can be called again, and is an error if it had happened.
    pub async fn close(&self, last: Option<E>) -> Result<(), PublishError> {
        let core = self.enter()?;
        if core.remote.is_none() {
            return self.push_last(last.as_ref());
        }
        let block = last.map(|event| encode::block(&event)).transpose()?;
        self.prepare_append().await?;
        let closed = self.owner.log.close(block.as_ref(), End::Complete).await;
        let place = closed.map_err(|error| self.append_error(error))?;
        core.shared.end(Some(place));
        Ok(())
    }

    /// The hub's core, unless this thread runs one of its closures just now.
    fn enter(&self) -> Result<&Arc<Core<E>>, PublishError> {
        let core = &self.owner.core;
        core.enter()?;
        Ok(core)
    }

    fn push_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        let core = self.enter()?;
        let (event, pushed) = core.order.keep(|| -> Result<_, PublishError> {
            let event = self.change(change)?;
            let pushed = encode::with_block(&event, |block| core.shared.push_quietly(block, event.is_terminal()));
            Ok((event, pushed))
        })?;
        // Who is woken here, and what is dropped, is not within the change: it may publish.
        core.shared.stir();
        drop(event);
        pushed?.map_err(|Closed(_)| Kind::Closed.into())
    }

    fn push_last(&self, last: Option<&E>) -> Result<(), PublishError> {
        let core = self.enter()?;
        let closed = match last {
            None => core.shared.close(None, End::Complete),
            Some(event) => {
                encode::with_block(event, |block| core.shared.close(Some((block, event.is_terminal())), End::Complete))?
            }
        };
        closed.map(drop).map_err(|Closed(_)| Kind::Closed.into())
    }

    fn change(&self, change: impl FnOnce() -> E) -> Result<E, PublishError> {
        if self.is_closed() { Err(Kind::Closed.into()) } else { Ok(change()) }
    }

    /// Publishes on a log elsewhere. Returns the id on the wire.
    async fn append(&self, block: &Block) -> Result<EventId, PublishError> {
        self.prepare_append().await?;
        let id = self.owner.log.append(block).await.map_err(|error| self.append_error(error))?;
        Ok(if block.is_terminal() { id::marked(&id) } else { id })
    }

    /// Whoever has subscribed already sees what is appended next.
    async fn prepare_append(&self) -> Result<(), PublishError> {
        let (log, core) = (&self.owner.log, &self.owner.core);
        if self.is_closed() {
            return Err(Kind::Closed.into());
        }
        if core.counts.subscribers.load(Ordering::Relaxed) > 0 && core.shared.origin().is_none() {
            core.shared.begin(log.head().await.map_err(|error| Kind::Log(AnyLogError::new(error)))?);
        }
        Ok(())
    }

    fn append_error(&self, error: AppendError<L::Error>) -> PublishError {
        if matches!(error, AppendError::Closed(_)) {
            // Where it ended is found out by who follows it.
            self.owner.core.shared.end(None);
        }
        Kind::from(error).into()
    }
}

impl<E, L> Hub<E, L> {
    /// The events from `start` on: a client's [`LastEventId`](crate::LastEventId), or any other [`Start`].
    ///
    /// What is published after this call is in it, even when it is first polled much later. With a log elsewhere that holds
    /// of what this hub publishes. What others do comes from where the log was when the hub began to follow it, soon after
    /// its first subscription.
    pub fn subscribe(&self, start: impl Into<Start>) -> Subscription<E> {
        Subscription::new(Arc::clone(&self.owner.core), &start.into())
    }

    /// The same, with a way to make an event that holds the state of things: a snapshot.
    ///
    /// A client that can be resumed from `start` gets no snapshot: it has one, and the events since. Who is new
    /// ([`Start::Live`]) gets one first, and then all events from there on; so does, under [`OnGap::Snapshot`], who meets a
    /// gap. The snapshot's id is its place, so a client comes back to just behind it.
    ///
    /// With [`publish_with`](Self::publish_with) and a log in memory it is exact: a snapshot has the changes whose events are before it, and
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

    pub(super) const fn owner(&self) -> &Arc<Owner<E, L>> {
        &self.owner
    }

    pub(super) fn core(&self) -> &Arc<Core<E>> {
        &self.owner.core
    }

    /// Since when this is the only handle and nobody is subscribed, if that is so.
    pub(super) fn unused_since(&self) -> Option<Instant> {
        let core = &self.owner.core;
        if Arc::strong_count(&self.owner) > 1 {
            return None;
        }
        // Whoever has given a handle back has been counted as a subscriber before, if he is one.
        fence(Ordering::Acquire);
        (core.counts.subscribers.load(Ordering::Acquire) == 0).then(|| core.last_use())
    }
}

/// A handle that goes was of use until now.
impl<E, L> Drop for Hub<E, L> {
    fn drop(&mut self) {
        self.owner.core.note_use();
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
