//! What a reader checks of one topic, which may be a part of a merged stream.

use std::sync::Arc;

use sse_typed::Gap;

use crate::{
    message::Snapshot,
    plan::{GapPlan, GroupPlan},
    world::{TrueLog, World},
};

/// Where a reader without an id begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    Live,
    Earliest,
    Last(usize),
}

/// The name of a topic in merged streams.
pub(crate) fn part_name(topic: usize) -> String {
    format!("t{topic}")
}

/// A topic as a reader has received it.
pub(crate) struct Part {
    world: Arc<World>,
    reader: usize,
    pub(crate) topic: usize,
    key: String,
    begin: Begin,
    /// The index in the log of the next event. Not known before the first one.
    next: Option<usize>,
    /// The number of events up to the newest one that was received.
    received: usize,
    /// The client has an id for it.
    pub(crate) has_id: bool,
    /// The number of events in the log when the reader first asked without an id, and when it was last answered without one.
    asked_at: usize,
    opened_at: Option<usize>,
    /// The first event is a snapshot.
    needs_snapshot: bool,
}

impl Part {
    pub(crate) fn new(world: &Arc<World>, reader: usize, topic: usize, begin: Begin) -> Self {
        Self {
            world: Arc::clone(world),
            reader,
            topic,
            key: world.plan.topic_key(topic),
            begin,
            next: None,
            received: 0,
            has_id: false,
            asked_at: 0,
            opened_at: None,
            needs_snapshot: false,
        }
    }

    /// The reader begins again, without an id.
    pub(crate) fn forget(&mut self) {
        self.note(format_args!("begins {:?}", self.begin));
        (self.next, self.received, self.opened_at, self.has_id) = (None, 0, None, false);
        self.asked_at = self.world.log_len(&self.key);
        self.needs_snapshot = self.group().on_gap == GapPlan::Snapshot && matches!(self.begin, Begin::Live);
    }

    /// A response has begun, for which the position was known.
    pub(crate) fn open(&mut self) {
        self.opened_at = Some(self.world.log_len(&self.key));
    }

    /// A hub makes a client forget its id only because of a gap.
    pub(crate) fn check_forgotten(&mut self) {
        self.world.count("restarts");
        if self.group().on_gap != GapPlan::Restart {
            self.violation(format_args!("the id is forgotten, and gaps are handled as {:?}", self.group().on_gap));
        }
        if let Some(next) = self.next
            && next >= self.oldest()
        {
            self.violation(format_args!("the id is forgotten, but nothing after it was trimmed"));
        }
        self.forget();
    }

    fn group(&self) -> &GroupPlan {
        self.world.plan.group(self.topic)
    }

    fn with_log<T>(&self, read: impl FnOnce(&TrueLog) -> T) -> T {
        read(self.world.truth().logs.get(&self.key).unwrap_or(&TrueLog::default()))
    }

    /// The index of the oldest event that is retained now.
    fn oldest(&self) -> usize {
        self.world.log_len(&self.key).saturating_sub(self.group().retained)
    }

    /// The same when the reader first asked.
    fn oldest_when_asked(&self) -> usize {
        self.asked_at.saturating_sub(self.group().retained)
    }

    /// Whether the event with this id has this number.
    pub(crate) fn has_event(&self, n: u64, id: &str) -> bool {
        self.with_log(|log| log.index_of(id).is_some_and(|index| log.events[index].number("n") == Some(n)))
    }

    pub(crate) fn receive_number(&mut self, n: u64, id: &str) {
        self.note(format_args!("receives {n} {id}"));
        self.world.count("events");
        let (found, len) = self.with_log(|log| (log.index_of(id), log.events.len()));
        let Some(index) = found else { return };
        if self.needs_snapshot {
            self.violation(format_args!("receives event {index} before the snapshot"));
            self.needs_snapshot = false;
        }
        match self.next {
            Some(next) if next != index && !self.may_ignore(next, index) => {
                self.violation(format_args!("receives event {index} and not {next}"));
            }
            Some(_) => {}
            None => self.check_first(index, len),
        }
        if index < self.received {
            self.violation(format_args!("receives event {index} again"));
        }
        self.received = self.received.max(index + 1);
        self.next = Some(index + 1);
    }

    /// Whether the events in between may be missing without a notice.
    fn may_ignore(&self, next: usize, index: usize) -> bool {
        let may_ignore = self.group().on_gap == GapPlan::Ignore && next < index && index <= self.oldest();
        if may_ignore {
            self.world.count("gaps-ignored");
        }
        may_ignore
    }

    /// Whether the first event is where a subscription begins.
    fn check_first(&self, index: usize, len: usize) {
        let retained = self.group().retained;
        let oldest = |len: usize| len.saturating_sub(retained);
        let opened_at = self.opened_at.unwrap_or(len);
        let (from, to) = match self.begin {
            // It may begin before the head of the log: at the position that the hub had reached.
            Begin::Live => (0, opened_at),
            Begin::Last(n) => (0, oldest(opened_at).max(opened_at.saturating_sub(n))),
            Begin::Earliest => (self.oldest_when_asked(), oldest(opened_at)),
        };
        // Events may be trimmed before the first one is read, which other hubs report.
        let to = if self.group().on_gap == GapPlan::Ignore { to.max(self.oldest()) } else { to };
        if index < from || index > to {
            self.violation(format_args!("begins with event {index}, which is not within {from}..={to}"));
        }
    }

    /// Checks that the gap is reported once, and that events are missing.
    pub(crate) fn receive_gap(&mut self, gap: &Gap, id: &str) {
        self.note(format_args!("receives {gap:?} {id}"));
        self.world.count("gaps");
        if self.group().on_gap != GapPlan::Emit {
            self.violation(format_args!("a gap, and gaps are handled as {:?}: {gap:?}", self.group().on_gap));
        }
        let Some(next) = self.with_log(|log| log.position_of(id)) else {
            self.violation(format_args!("a gap whose id {id} is not in the log: {gap:?}"));
            return;
        };
        if let Some(expected) = self.next {
            if next <= expected {
                self.violation(format_args!("a gap before event {next}, and the next one is {expected}: {gap:?}"));
            } else if gap.missed.is_some_and(|missed| missed != (next - expected) as u64) {
                self.violation(format_args!("a gap of events {expected}..{next}: {gap:?}"));
            }
        }
        if next > self.oldest() {
            self.violation(format_args!("the gap ends at {next}, after the oldest retained event: {gap:?}"));
        }
        self.next = Some(next);
    }

    /// Checks that the client needs a snapshot, and that the events before it are in the state.
    pub(crate) fn receive_snapshot(&mut self, snapshot: Snapshot, id: &str) {
        self.note(format_args!("receives {snapshot:?} {id}"));
        self.world.count("snapshots");
        let Some(next) = self.with_log(|log| log.position_of(id)) else {
            self.violation(format_args!("a snapshot whose id {id} is not in the log"));
            return;
        };
        if let Some(expected) = self.next {
            self.world.count("snapshots-after-gaps");
            // The position is the one that the hub has reached in the log, which may be before that of the client. Then the
            // events after it are trimmed as well, and another snapshot follows.
            if expected >= self.oldest() {
                self.violation(format_args!("a snapshot at {next}, and event {expected} is retained"));
            }
        } else if !self.needs_snapshot && self.oldest() == 0 {
            self.violation(format_args!("a snapshot for a client that begins {:?}", self.begin));
        }
        let missing = {
            let truth = self.world.truth();
            let events = truth.logs.get(&self.key).map_or(&[][..], |log| &log.events[..next]);
            let change = |n| truth.change_of.get(&n).copied();
            let numbers = events.iter().filter_map(|event| event.number("n"));
            numbers.filter(|n| change(*n).is_none_or(|change| change > snapshot.changes)).count()
        };
        if missing > 0 {
            self.violation(format_args!("the snapshot at {next} lacks {missing} events before it: {snapshot:?}"));
        }
        self.needs_snapshot = false;
        self.next = Some(next);
    }

    /// Checks the position in the id of an event of another part.
    pub(crate) fn check_position(&mut self, id: &str) {
        let (position, len) = self.with_log(|log| (log.position_of(id), log.events.len()));
        let Some(position) = position else {
            self.violation(format_args!("the id {id} is not in the log"));
            return;
        };
        match self.next {
            Some(next) if next != position && !self.may_ignore(next, position) => {
                self.violation(format_args!("has the position {position} and not {next}"));
            }
            Some(_) => {}
            None if self.needs_snapshot => {
                self.violation(format_args!("has the position {position} before its snapshot"));
            }
            // It may be before the oldest event: at the position that a hub had reached which lags behind the log.
            None => self.check_first(position.max(self.oldest_when_asked()), len),
        }
        self.next = Some(position);
    }

    /// Whether there is nothing more to receive.
    pub(crate) fn is_complete(&self) -> bool {
        let (len, end) = self.with_log(|log| (log.events.len(), log.end));
        end.is_some()
            && match (self.next, self.begin) {
                (Some(next), _) => next == len,
                (None, Begin::Live | Begin::Last(0)) => true,
                (None, _) => len == 0,
            }
    }

    fn note(&self, line: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("reader {} of {}: {line}", self.reader, self.key));
    }

    fn violation(&self, text: std::fmt::Arguments<'_>) {
        self.world.violation(format!("reader {} of {}: {text}", self.reader, self.key));
    }
}
