//! Publishing on a log in memory.

use super::{
    end::{CloseState, EndPosition},
    history::{History, HistoryGuard, HistoryState},
    ring::PushedEvent,
};
use crate::{
    event::EventId,
    hub::log::{Block, End, EndFlags},
};

/// The error of a history that takes no more events, with the end of its log.
#[derive(Debug)]
pub(in crate::hub) struct HistoryClosed(pub(in crate::hub) End);

impl History {
    /// Appends an event and wakes all waiting tasks. Returns the id on the wire.
    pub(in crate::hub) fn push(&self, block: &[u8], terminal: bool) -> Result<EventId, HistoryClosed> {
        let (id, state) = self.push_and_lock(block, terminal)?;
        self.wake_waiting(state);
        Ok(id)
    }

    /// Appends an event. The caller [wakes](Self::wake_all) the waiting tasks.
    pub(in crate::hub) fn push_without_waking(&self, block: &[u8], terminal: bool) -> Result<EventId, HistoryClosed> {
        let (id, state) = self.push_and_lock(block, terminal)?;
        self.store_bounds(&state);
        Ok(id)
    }

    fn push_and_lock(&self, block: &[u8], terminal: bool) -> Result<(EventId, HistoryGuard<'_>), HistoryClosed> {
        let mut state = self.lock();
        let pushed = self.push_locked(&mut state, block, EndFlags::terminal(terminal))?;
        Ok((pushed.id, state))
    }

    fn push_locked(
        &self,
        state: &mut HistoryState,
        block: &[u8],
        ends: EndFlags,
    ) -> Result<PushedEvent, HistoryClosed> {
        if !matches!(state.close_state, CloseState::Open) {
            return Err(HistoryClosed(state.end));
        }
        let now = self.now(state);
        Ok(state.ring.push(None, block, ends, now))
    }

    /// Appends an event. Returns its id without the end mark, as [logs](crate::hub::EventLog) return it.
    pub(super) fn append(&self, block: &Block) -> Result<EventId, HistoryClosed> {
        let mut state = self.lock();
        let pushed = self.push_locked(&mut state, block.as_bytes(), EndFlags::terminal(block.is_terminal()))?;
        let id = if block.is_terminal() { state.ring.id(pushed.number) } else { pushed.id };
        self.wake_waiting(state);
        Ok(id)
    }

    /// Appends the last event, if there is one, closes the log, and wakes all waiting tasks. Returns the position
    /// after all events.
    pub(in crate::hub) fn close(&self, last: Option<(&[u8], bool)>, end: End) -> Result<EventId, HistoryClosed> {
        let mut state = self.lock();
        match last {
            Some((block, terminal)) => {
                self.push_locked(&mut state, block, EndFlags { terminal, closes_log: true })?;
            }
            None if matches!(state.close_state, CloseState::Open) => {}
            None => return Err(HistoryClosed(state.end)),
        }
        state.close_state = CloseState::Closed(EndPosition::default());
        (state.end, state.is_log_closed) = (end, true);
        let position = state.ring.id(state.ring.head());
        self.wake_waiting(state);
        Ok(position)
    }
}
