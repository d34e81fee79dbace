//! What a failed expectation says.

use std::{
    fmt::{Debug, Write},
    ops::Range,
    time::Duration,
};

use super::{
    Collect,
    poll::{LONGEST_STANDSTILL, TimedOut},
    source::{Arrival, What},
};

/// The arrivals that a message shows before the one in question.
const SHOWN: usize = 12;
const LONGEST: usize = 200;
/// The longest value of a message's first lines.
const LONGEST_EXPECTED: usize = 2000;

impl<E: Debug> Collect<E> {
    /// Takes the arrivals up to and with this one.
    pub(super) fn take_up_to(&mut self, index: usize) -> Option<What<E>> {
        let mut last = None;
        for _ in 0..=index {
            let is_last = self.pending.front()?.what.is_last();
            if is_last {
                break;
            }
            let arrival = self.pending.pop_front()?;
            if self.taken.len() == SHOWN {
                self.taken.pop_front();
            }
            self.taken.push_back(line(&arrival));
            self.taken_count += 1;
            match &arrival.what {
                What::Event(event) => self.reconnection_time = event.retry.or(self.reconnection_time),
                What::Update { retry, .. } => self.reconnection_time = retry.or(self.reconnection_time),
                What::Open(head) => self.head = Some((**head).clone()),
                _ => {}
            }
            self.last_event_id = arrival.last_event_id;
            last = Some(arrival.what);
        }
        last
    }

    /// A message: its first lines, then what was received before this arrival, and the text around it.
    pub(super) fn report(&self, mut text: String, index: Option<usize>) -> String {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let before = index.unwrap_or(self.pending.len());
        let lines: Vec<_> = self.taken.iter().cloned().chain(self.pending.iter().take(before).map(line)).collect();
        let unshown = self.taken_count as usize - self.taken.len() + lines.len().saturating_sub(SHOWN);
        if lines.is_empty() {
            text.push_str("\nnothing was received before it\n");
        } else {
            text.push_str("\nreceived before it:\n");
            if unshown > 0 {
                let _ = writeln!(text, "  ... ({unshown} more)");
            }
            for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
                let _ = writeln!(text, "  {line}");
            }
        }
        let block: Range<u64> = match index.and_then(|index| self.pending.get(index)) {
            Some(arrival) => arrival.wire.clone(),
            None => self.wire.len()..self.wire.len(),
        };
        self.wire.show_around(block, &mut text);
        text.truncate(text.trim_end().len());
        text
    }

    /// Names what came instead of what was expected.
    pub(super) fn received_instead(&self, index: usize, expected: &str) -> String {
        self.received_after(Duration::ZERO, index, expected)
    }

    /// Names what came instead of what was expected, and after which time of the expectation.
    pub(super) fn received_after(&self, time: Duration, index: usize, expected: &str) -> String {
        let came = match &self.pending[index].what {
            What::End => "the stream ended".to_owned(),
            What::Broken(error) => format!("the stream broke off: {error}"),
            What::Bad(error) => format!("received an event that cannot be read: {error}"),
            _ => format!("received {}", short(&self.pending[index])),
        };
        let after = if time.is_zero() { String::new() } else { format!("after {time:?} ") };
        self.report(format!("expected {expected}\n{after}{came}"), Some(index))
    }

    /// Nothing came in time.
    pub(super) fn timed_out(&self, expected: &str, cause: TimedOut) -> String {
        let (limit, cause) = match cause {
            TimedOut::Limit => (self.limit, ""),
            TimedOut::Standstill => (self.limit.min(LONGEST_STANDSTILL), ""),
            TimedOut::NeverPauses => (self.limit.min(LONGEST_STANDSTILL), "\nthe stream never pauses"),
        };
        self.report(format!("expected {expected}\nnothing of the kind came within {limit:?}{cause}"), None)
    }
}

/// What it is.
fn short<E: Debug>(arrival: &Arrival<E>) -> String {
    let mut text = match &arrival.what {
        What::Event(event) => {
            let mut text = format!("event {}", cut(&format!("{:?}", event.data)));
            if let Some(id) = &event.id {
                let _ = write!(text, ", id {id}");
            }
            if let Some(retry) = event.retry {
                let _ = write!(text, ", retry {retry:?}");
            }
            return text;
        }
        What::Bad(error) => format!("bad event: {error}"),
        What::Comment(comment) => format!("comment {comment:?}"),
        What::Update { id, retry } => {
            let mut text = "no event, but".to_owned();
            if let Some(id) = id {
                let _ = write!(text, " id {id}");
            }
            if let Some(retry) = retry {
                let _ = write!(text, " retry {retry:?}");
            }
            text
        }
        What::Open(head) => format!("connection: {}", head.status),
        What::Reconnecting(after, None) => format!("the connection ended, reconnect after {after:?}"),
        What::Reconnecting(after, Some(cause)) => format!("reconnect after {after:?}: {cause}"),
        What::End => "end".to_owned(),
        What::Broken(error) => format!("break: {error}"),
    };
    text = cut(&text);
    text
}

fn line<E: Debug>(arrival: &Arrival<E>) -> String {
    format!("at {:?}: {}", arrival.at, short(arrival))
}

/// A value that is expected.
pub(super) fn debug<T: Debug>(value: &T) -> String {
    cut_to(LONGEST_EXPECTED, &format!("{value:?}"))
}

fn cut(text: &str) -> String {
    cut_to(LONGEST, text)
}

fn cut_to(length: usize, text: &str) -> String {
    match text.char_indices().nth(length) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}
