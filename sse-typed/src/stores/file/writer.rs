//! The writer of a log that has a sole one.

use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{batch::Write, position::Position};
use crate::hub::{Block, End};

/// Knows the newest event that a log has stored, so that a second writer is refused and a repeated append is stored once.
///
/// The thread that writes checks and changes it, in the order of the writes.
#[derive(Debug, Default)]
pub(super) struct Writer(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The position after the newest event that was certainly stored. `None` for a writer that has stored nothing yet.
    newest: Option<Position>,
    /// Writes of the transaction that runs.
    in_flight: Vec<Sent>,
    /// Writes of a transaction whose outcome is not known. Its position has a mark of its own, which shows later whether it
    /// was stored.
    unknown: Vec<Sent>,
    /// Writes whose outcome was not known, which are stored, and which were not retried yet.
    stored: Vec<Sent>,
}

/// A write, and the position after it.
#[derive(Debug)]
struct Sent {
    position: Position,
    block: Option<Block>,
    end: Option<End>,
    /// The transaction that runs has its retry.
    is_retried: bool,
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Write,
    /// It was stored already, at this position.
    Repeated(Position),
    SecondWriter,
}

impl Writer {
    /// Compares a write with the head and the end of its log.
    pub(super) fn check(&self, write: &Write, head: Position, end: Option<End>) -> Verdict {
        let mut known = self.lock();
        if let Some(last) = known.in_flight.last() {
            return if last.position == head { Verdict::Write } else { Verdict::SecondWriter };
        }
        if known.unknown.last().is_some_and(|last| (last.position, last.end) == (head, end)) {
            known.newest = Some(head);
            known.stored = mem::take(&mut known.unknown);
        }
        known.unknown.clear();
        let is_retry = |sent: &&mut Sent| !sent.is_retried && sent.block == write.block && sent.end == write.end;
        if let Some(sent) = known.stored.iter_mut().find(is_retry) {
            sent.is_retried = true;
            return Verdict::Repeated(sent.position);
        }
        match known.newest {
            Some(newest) if newest != head => Verdict::SecondWriter,
            _ => Verdict::Write,
        }
    }

    /// A write is part of the transaction that runs.
    pub(super) fn begin(&self, write: &Write, position: Position) {
        let sent = Sent { position, block: write.block.clone(), end: write.end, is_retried: false };
        self.lock().in_flight.push(sent);
    }

    /// The transaction that ran was stored. Writes before it are not retried any more.
    pub(super) fn set_stored(&self) {
        let mut known = self.lock();
        known.stored.retain(|sent| !sent.is_retried);
        if let Some(last) = known.in_flight.pop() {
            known.newest = Some(last.position);
            known.in_flight.clear();
            known.stored.clear();
        }
    }

    /// The transaction that ran was not stored.
    pub(super) fn set_failed(&self) {
        let mut known = self.lock();
        known.in_flight.clear();
        known.stored.iter_mut().for_each(|sent| sent.is_retried = false);
    }

    /// Whether the transaction that ran was stored is not known.
    pub(super) fn set_unknown(&self) {
        let mut known = self.lock();
        let sent = mem::take(&mut known.in_flight);
        known.unknown.extend(sent);
        known.stored.iter_mut().for_each(|sent| sent.is_retried = false);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::position::Mark, *};
    use crate::hub::LogOptions;

    fn write(text: &str) -> Write {
        let block = Some(Block::new(format!("data: {text}\n\n"), false).unwrap());
        Write {
            key: "job".into(),
            options: Arc::new(LogOptions::new()),
            block,
            end: None,
            writer: None,
            is_of_run: false,
        }
    }

    fn at(n: u64) -> Position {
        Position { n, mark: Mark(1) }
    }

    /// A writer that has stored one event, and sent two whose outcome is not known.
    fn uncertain() -> Writer {
        let writer = Writer::default();
        assert_eq!(writer.check(&write("a"), at(0), None), Verdict::Write);
        writer.begin(&write("a"), at(1));
        writer.set_stored();
        for (n, text) in [(1, "b"), (2, "c")] {
            assert_eq!(writer.check(&write(text), at(n), None), Verdict::Write);
            writer.begin(&write(text), at(n + 1));
        }
        writer.set_unknown();
        writer.set_unknown();
        writer
    }

    #[test]
    fn equal_events_that_are_no_retries_are_stored_each() {
        let writer = Writer::default();
        for n in 0..4 {
            assert_eq!(writer.check(&write("a"), at(n), None), Verdict::Write);
            writer.begin(&write("a"), at(n + 1));
            if n % 2 == 1 {
                writer.set_stored();
            }
        }
    }

    #[test]
    fn a_retry_of_a_stored_write_is_answered_with_its_position() {
        let writer = uncertain();
        assert_eq!(writer.check(&write("b"), at(3), None), Verdict::Repeated(at(2)));
        assert_eq!(writer.check(&write("c"), at(3), None), Verdict::Repeated(at(3)));
        // The answer gets to the caller, or it does not and the caller tries again.
        writer.set_failed();
        assert_eq!(writer.check(&write("c"), at(3), None), Verdict::Repeated(at(3)));
        writer.set_stored();
        assert_eq!(writer.check(&write("c"), at(3), None), Verdict::Write, "it was retried before");
    }

    #[test]
    fn a_retry_of_a_write_that_was_not_stored_is_stored() {
        let writer = uncertain();
        assert_eq!(writer.check(&write("b"), at(1), None), Verdict::Write);
    }

    #[test]
    fn another_write_after_a_stored_one_is_stored() {
        let writer = uncertain();
        assert_eq!(writer.check(&write("d"), at(3), None), Verdict::Write);
        writer.begin(&write("d"), at(4));
        writer.set_stored();
        assert_eq!(writer.check(&write("c"), at(4), None), Verdict::Write, "it is no retry any more");
    }

    #[test]
    fn a_second_writer_is_refused_whether_the_outcome_is_known_or_not() {
        let other = Position { n: 3, mark: Mark(2) };
        let writer = uncertain();
        assert_eq!(writer.check(&write("b"), other, None), Verdict::SecondWriter);
        assert_eq!(writer.check(&write("b"), at(4), None), Verdict::SecondWriter);
    }

    #[test]
    fn a_retry_of_a_close_is_answered_with_its_position() {
        let writer = Writer::default();
        let close = Write { block: None, end: Some(End::Complete), ..write("") };
        writer.begin(&write("a"), at(1));
        writer.set_stored();
        assert_eq!(writer.check(&close, at(1), None), Verdict::Write);
        for stored in [false, true] {
            writer.begin(&close, at(1));
            writer.set_unknown();
            let end = stored.then_some(End::Complete);
            let verdict = if stored { Verdict::Repeated(at(1)) } else { Verdict::Write };
            assert_eq!(writer.check(&close, at(1), end), verdict);
        }
    }
}
