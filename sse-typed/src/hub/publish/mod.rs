//! Publishing on a hub, and closing it.

mod encode;
mod error;

use std::sync::{Arc, atomic::Ordering};

pub(crate) use self::encode::encode_block;
pub use self::error::PublishError;
use self::error::PublishErrorKind;
use super::{
    history::HistoryClosed,
    hub::Hub,
    id,
    log::{AnyLogError, AppendError, Block, End, EventLog},
    state::HubState,
};
use crate::{codec::EncodeEvent, event::EventId};

impl<E: EncodeEvent> Hub<E> {
    /// [`publish`](Self::publish) without `await`.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. No subscription receives any part of the event then.
    pub fn publish_now(&self, event: &E) -> Result<EventId, PublishError> {
        self.inner().state.push(event)
    }

    /// [`publish_with`](Self::publish_with) without `await`.
    ///
    /// # Errors
    ///
    /// The [errors](PublishError) of [`publish_with`](Self::publish_with).
    pub fn publish_now_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        self.push_with(change)
    }

    /// [`close`](Self::close) without `await`.
    ///
    /// # Errors
    ///
    /// The [errors](PublishError) of [`close`](Self::close).
    #[expect(clippy::needless_pass_by_value, reason = "it is the last event, and `close` takes it by value")]
    pub fn close_now(&self, last: Option<E>) -> Result<(), PublishError> {
        self.push_last(last.as_ref())
    }
}

impl<E: EncodeEvent, L: EventLog> Hub<E, L> {
    /// Publishes an event to all subscriptions, after all earlier events. Returns its id.
    ///
    /// It never waits for a subscription. With the log in memory it completes at once.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. No subscription receives any part of the event then, unless the outcome is
    /// [unknown](PublishError::is_unknown).
    ///
    /// # Cancel safety
    ///
    /// The event is published or not, never in part. With the log in memory nothing happens before the first poll, and
    /// everything happens in it.
    pub async fn publish(&self, event: &E) -> Result<EventId, PublishError> {
        let state = &self.inner().state;
        if state.remote.is_none() {
            return state.push(event);
        }
        state.check_not_reentrant()?;
        let block = encode_block(event)?;
        self.append(&block).await
    }

    /// Makes a change and publishes the event that reports it. For [snapshots](Self::subscribe_with) this is one step:
    /// the event comes before every snapshot that contains the change, and after every snapshot that does not.
    ///
    /// Changes are made one at a time, so `change` should be short, and must not block. The change remains when its
    /// event cannot be published. `change` cannot publish on the same hub.
    ///
    /// This holds for a log in memory. With a log elsewhere, the events of concurrent changes follow the order of the
    /// log, and a snapshot may contain a change whose event comes after the snapshot. So let events hold the new state,
    /// not the difference.
    ///
    /// # Errors
    ///
    /// [`PublishError`]. `change` is not called when the hub is closed, or when this is called from a closure that the
    /// same hub runs.
    ///
    /// # Cancel safety
    ///
    /// With the log in memory nothing happens before the first poll, and everything happens in it. With a log
    /// elsewhere, dropping the future may leave a change whose event is not published.
    pub async fn publish_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        let state = self.checked_state()?;
        if state.remote.is_none() {
            return self.push_with(change);
        }
        let (event, block) = state.snapshot_lock.run(|| -> Result<_, PublishError> {
            let event = self.make_change(change)?;
            let block = encode_block(&event);
            Ok((event, block))
        })?;
        drop(event);
        self.append(&block?).await
    }

    /// Publishes the last event, if there is one, and closes the log of the hub: it takes no more events.
    ///
    /// With a log elsewhere the close is durable and holds for every process and every hub on that log. To end the
    /// streams of this process alone, use a [`Shutdown`] or drop the hub.
    ///
    /// No event is lost. Subscriptions receive the events that remain for them, and end. A client that reconnects
    /// later, or a new one that asks for [`Start::Earliest`](super::Start::Earliest) or
    /// [`Start::Last`](super::Start::Last), receives the retained events after its position, and then the end. A client
    /// that has everything is answered 204: one whose last event ID is the id of the last event, and one without an id
    /// that starts live. If a client that connects after the end of a job should see its result, subscribe with
    /// `id.or(Start::Earliest)` ([`LastEventId::or`](crate::LastEventId::or)).
    ///
    /// The id of the last event ends in `!` on the wire, whether it is terminal or not, and any server answers it with
    /// 204. Without a last event, and with a log elsewhere, the first answer to a client that has everything may be an
    /// empty stream; [`Subscription::ready`](super::Subscription::ready) avoids that.
    ///
    /// Events that are published at the same time are in the log before its end, or fail with
    /// [`is_closed`](PublishError::is_closed).
    ///
    /// # Errors
    ///
    /// [`PublishError`]. The hub stays open then, unless it was closed before or the outcome is
    /// [unknown](PublishError::is_unknown).
    ///
    /// # Cancel safety
    ///
    /// With the log in memory nothing happens before the first poll, and everything happens in it. With a log
    /// elsewhere, a close whose future is dropped has happened or not. It can be called again, and returns an error if
    /// it had happened.
    ///
    #[cfg_attr(feature = "server", doc = "[`Shutdown`]: crate::server::Shutdown")]
    #[cfg_attr(
        not(feature = "server"),
        doc = "[`Shutdown`]: https://docs.rs/sse-typed/latest/sse_typed/server/struct.Shutdown.html"
    )]
    pub async fn close(&self, last: Option<E>) -> Result<(), PublishError> {
        let state = self.checked_state()?;
        if state.remote.is_none() {
            return self.push_last(last.as_ref());
        }
        let block = last.map(|event| encode_block(&event)).transpose()?;
        self.prepare_append().await?;
        let closed = self.inner().log.close(block.as_ref(), End::Complete).await;
        let position = closed.map_err(|error| self.append_error(error))?;
        state.history.begin_ending(Some(position));
        Ok(())
    }

    /// The state of the hub, unless this thread is running one of its closures.
    fn checked_state(&self) -> Result<&Arc<HubState<E>>, PublishError> {
        let state = &self.inner().state;
        state.check_not_reentrant()?;
        Ok(state)
    }

    fn push_with(&self, change: impl FnOnce() -> E) -> Result<EventId, PublishError> {
        let state = self.checked_state()?;
        let (event, pushed) = state.snapshot_lock.run(|| -> Result<_, PublishError> {
            let event = self.make_change(change)?;
            let push = |block: &[u8]| state.history.push_without_waking(block, event.is_terminal());
            let pushed = encode::with_block(&event, push);
            Ok((event, pushed))
        })?;
        // Woken tasks and the drop of the event run outside of the snapshot lock: they may publish.
        state.history.wake_all();
        drop(event);
        pushed?.map_err(|HistoryClosed(_)| PublishErrorKind::Closed.into())
    }

    fn push_last(&self, last: Option<&E>) -> Result<(), PublishError> {
        let history = &self.checked_state()?.history;
        let closed = match last {
            None => history.close(None, End::Complete),
            Some(event) => {
                encode::with_block(event, |block| history.close(Some((block, event.is_terminal())), End::Complete))?
            }
        };
        closed.map(drop).map_err(|HistoryClosed(_)| PublishErrorKind::Closed.into())
    }

    fn make_change(&self, change: impl FnOnce() -> E) -> Result<E, PublishError> {
        if self.is_closed() { Err(PublishErrorKind::Closed.into()) } else { Ok(change()) }
    }

    /// Appends to a log elsewhere. Returns the id on the wire.
    async fn append(&self, block: &Block) -> Result<EventId, PublishError> {
        self.prepare_append().await?;
        let id = self.inner().log.append(block).await.map_err(|error| self.append_error(error))?;
        Ok(if block.is_terminal() { id::with_end_mark(&id) } else { id })
    }

    /// Begins the ring before the append, so that every subscription that exists receives the event.
    async fn prepare_append(&self) -> Result<(), PublishError> {
        let (log, state) = (&self.inner().log, &self.inner().state);
        if self.is_closed() {
            return Err(PublishErrorKind::Closed.into());
        }
        if state.counters.subscribers.load(Ordering::Relaxed) > 0 && state.history.origin().is_none() {
            state.history.begin(log.head().await.map_err(|error| PublishErrorKind::Log(AnyLogError::new(error)))?);
        }
        state.history.note_append();
        Ok(())
    }

    fn append_error(&self, error: AppendError<L::Error>) -> PublishError {
        if matches!(error, AppendError::Closed(_)) {
            // The follower finds out where the log ended.
            self.inner().state.history.begin_ending(None);
        }
        PublishErrorKind::from(error).into()
    }
}

/// Appends an event to a log without a hub. Returns the id on the wire.
pub(super) async fn publish_on_log<E: EncodeEvent, L: EventLog>(log: &L, event: &E) -> Result<EventId, PublishError> {
    let block = encode_block(event)?;
    let id = log.append(&block).await.map_err(PublishErrorKind::from)?;
    Ok(if block.is_terminal() { id::with_end_mark(&id) } else { id })
}

impl<E> HubState<E> {
    /// Fails if this thread is running a closure of this hub, which must not publish on it.
    fn check_not_reentrant(&self) -> Result<(), PublishError> {
        if self.snapshot_lock.is_held_by_this_thread() { Err(PublishErrorKind::Reentrant.into()) } else { Ok(()) }
    }
}

impl<E: EncodeEvent> HubState<E> {
    /// Publishes on a log in memory.
    pub(super) fn push(&self, event: &E) -> Result<EventId, PublishError> {
        self.check_not_reentrant()?;
        encode::with_block(event, |block| self.history.push(block, event.is_terminal()))?
            .map_err(|HistoryClosed(_)| PublishErrorKind::Closed.into())
    }
}
