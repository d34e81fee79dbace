//! The position of a subscription as an id that a client can resume from.

use super::{position::Position, subscription::Subscription};
use crate::event::EventId;

impl<E> Subscription<E> {
    /// The position of this subscription: the last event ID with which its client resumes here when it reconnects. It
    /// is known before the first event, too.
    ///
    /// It is `None` when there is no such id: while a log elsewhere has not yet answered where a new subscription
    /// begins, or [`ready`](Self::ready) has read its first events with that answer; before the snapshot of a new subscription;
    /// and after the end. After the end, use the [last
    /// id](super::Entries::last_id) that was yielded. Until the log has answered whether it knows the last event ID
    /// that a client sent, that id is returned.
    ///
    /// ```
    /// # async fn publish<E: sse_typed::HubEvent + Send + Sync>(
    /// #     hub: &sse_typed::Hub<E>,
    /// #     event: &E,
    /// # ) -> Result<(), sse_typed::hub::PublishError> {
    /// use sse_typed::hub::Start;
    ///
    /// let id = hub.publish(event).await?;
    /// assert_eq!(hub.subscribe(Start::Live).position(), Some(id));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn position(&self) -> Option<EventId> {
        let extras = self.extras.as_deref();
        if let Some(extras) = extras
            && extras.peeked.is_some()
        {
            return extras.position_before_peeked.as_deref().cloned();
        }
        let history = &self.state.history;
        let log_reader = extras.and_then(|extras| extras.log_reader.as_ref());
        let id = match self.position.get() {
            Position::InRing(number) | Position::ResumedInRing(number) => match log_reader {
                None => Some(history.id_of(number)),
                Some(log_reader) => log_reader.position(history),
            },
            Position::InLog { .. } => match extras.and_then(|extras| extras.page_rest.as_ref()) {
                Some(rest) if rest.first > 1 => Some(rest.start_position()),
                // The rest is the whole page, which was peeked.
                Some(_) => extras.and_then(|extras| extras.position_before_peeked.as_deref().cloned()),
                None => log_reader.and_then(|log_reader| log_reader.position(history)),
            },
            Position::UnknownId => extras.and_then(|extras| extras.unknown_id.as_deref().cloned()),
            Position::BeforeSnapshot | Position::Ended => None,
        };
        // The id that a client has sent may be any text.
        id.filter(|id| EventId::check(id.as_str().as_bytes()).is_ok())
    }

    /// Whether the position is the client's last event ID, and the log has not said yet whether it knows it.
    pub(in crate::hub) fn is_at_unchecked_id(&self) -> bool {
        matches!(self.position.get(), Position::UnknownId | Position::InLog { resumed: true })
    }
}
