//! Where a subscription begins, and whether it is over from the start.

use std::sync::{Arc, atomic::Ordering};

use super::{
    position::{PackedPosition, Position},
    subscription::Subscription,
};
use crate::{
    event::{EventId, Gap, GapReason},
    hub::{
        id,
        on_gap::OnGap,
        remote::{LogReader, RemoteLog},
        start::Start,
        state::HubState,
        trace,
    },
    wake::Ticket,
};

impl<E> Subscription<E> {
    pub(in crate::hub) fn new(state: Arc<HubState<E>>, start: &Start) -> Self {
        state.counters.subscribers.fetch_add(1, Ordering::Relaxed);
        let history = &state.history;
        if let Some(remote) = &state.remote {
            remote.add_subscription(history);
        }
        let is_over = match start.id() {
            Some(id) => id::has_end_mark(id) || history.is_end_id(id),
            // With a log in memory `begin` finds out.
            None if start.is_live() || matches!(start, Start::Last(0)) => state.remote.is_some() && history.is_closed(),
            None => history.is_log_closed_and_empty(),
        };
        let position = PackedPosition::new(Position::Ended);
        let mut subscription = Self { position, ticket: Ticket::default(), extras: None, state };
        let invalid_key = subscription.state.remote.as_ref().and_then(RemoteLog::invalid_key);
        if let Some(fault) = invalid_key {
            trace::invalid_key(fault);
        } else if !is_over {
            subscription.begin(start);
        }
        subscription
    }

    fn begin(&mut self, start: &Start) {
        let history = &self.state.history;
        let Some(remote) = &self.state.remote else {
            let position = match start {
                Start::Earliest => Position::InRing(history.oldest_position().number),
                Start::Last(n) => Position::InRing(history.position_before_last(*n).number),
                Start::Live | Start::After(_) => match start.id().map(|id| history.find(id)) {
                    None => Position::InRing(history.head()),
                    Some(Some(position)) => Position::ResumedInRing(position),
                    Some(None) => Position::UnknownId,
                },
            };
            let has_everything = match position {
                Position::InRing(number) => history.is_end(number),
                Position::ResumedInRing(number) => history.is_end(number) || self.is_ended_behind_ignored_gap(number),
                _ => self.is_ended_behind_ignored_gap(0),
            };
            self.position.set(if has_everything { Position::Ended } else { position });
            if self.position.get() == Position::UnknownId && matches!(self.state.on_gap, OnGap::Ignore) {
                // The client gets no notice of this gap, so the position is set now and not at the first poll.
                self.record_gap(&Gap::new(None, GapReason::UnknownId));
                self.position.set(Position::InRing(history.oldest_position().number));
            }
            if self.position.get() == Position::UnknownId {
                self.extras().unknown_id = start.id().map(|id| Box::new(EventId::from_wire(id)));
            }
            return;
        };
        // There may be no runtime here but one where the subscription is polled.
        remote.ensure_followed(history);
        let (position, log_reader) = match start {
            Start::Earliest => (Position::InLog { resumed: false }, LogReader::before_last(remote, history, u64::MAX)),
            Start::Last(n) => (Position::InLog { resumed: false }, LogReader::before_last(remote, history, *n)),
            Start::Live | Start::After(_) => match start.id() {
                Some(id) => (Position::InLog { resumed: true }, LogReader::at(Some(EventId::from_wire(id)))),
                None => match history.head_if_begun() {
                    Some(head) => (Position::InRing(head.number), LogReader::at(Some(head.id))),
                    None => (Position::InLog { resumed: false }, LogReader::at(None)),
                },
            },
        };
        self.position.set(position);
        self.extras().log_reader = Some(log_reader);
    }

    /// Whether a gap is ignored and nothing follows it. An empty stream would let the client reconnect forever.
    fn is_ended_behind_ignored_gap(&self, position: u64) -> bool {
        let oldest = self.state.history.oldest_position().number;
        matches!(self.state.on_gap, OnGap::Ignore) && position <= oldest && self.state.history.is_end(oldest)
    }
}
