use std::{sync::Arc, time::Duration};

use redis::{Cmd, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    back_off::BackOff,
    calls::KeyCall,
    commands::CallError,
    error::{Kind, RedisError},
    position::{Position, random_mark},
    queue::Queue,
    record,
    store::Shared,
    trace,
};
use crate::{
    event::EventId,
    hub::{AppendError, Block, End, LogOptions},
};

/// How long the append of a sole writer is repeated whose reply was lost.
const REPEAT_FOR: Duration = Duration::from_secs(30);

pub(super) type Outcome = Result<EventId, AppendError<RedisError>>;

/// The next records of a key.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) options: Arc<LogOptions>,
    records: Vec<NewRecord>,
}

/// A record that is to be stored.
#[derive(Debug)]
pub(super) struct NewRecord {
    block: Option<Block>,
    end: Option<End>,
    mark: u32,
}

/// What the sole writer of a key knows of it.
#[derive(Debug)]
pub(super) enum SoleWriter {
    /// It has to read the newest record first.
    Unsure,
    /// This is the newest record.
    Sure(Position),
    /// The reply to this append was lost, whose records were to follow the position.
    Unanswered(Arc<Append>, Position),
    /// Another has appended.
    Ousted(RedisError),
}

/// What the script replied for a key.
#[derive(Debug)]
pub(super) enum Reply {
    Stored { positions: Vec<Position>, error: Option<RedisError> },
    Closed(End),
    OtherWriter(String),
}

/// How the script trims and removes a key. One call of the script has the limits of all of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    events: usize,
    bytes: usize,
    age: Option<Duration>,
    ttl: Option<Duration>,
}

/// A record with another mark is the same record, stored a second time.
impl PartialEq for NewRecord {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block && self.end == other.end
    }
}

impl NewRecord {
    pub(super) fn new(block: Option<&Block>, end: Option<End>) -> Self {
        Self { block: block.cloned(), end, mark: random_mark() }
    }

    /// How many bytes the event has.
    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        self.block.as_ref().map_or(&[], |block| block.as_bytes())
    }

    /// The position after the record, from the position that its append returned.
    fn newest(&self, returned: Position) -> Option<Position> {
        self.block.as_ref().map(|_| returned)
    }
}

impl Append {
    pub(super) fn new(options: Arc<LogOptions>) -> Self {
        Self { options, records: Vec::new() }
    }

    pub(super) fn push(&mut self, record: NewRecord) {
        self.records.push(record);
    }

    /// Whether the last of the records closes the log.
    pub(super) fn closes(&self) -> bool {
        self.records.last().is_some_and(|record| record.end.is_some())
    }

    /// How many records there are, and how many bytes their events have.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.records.len(), self.records.iter().map(NewRecord::len).sum())
    }

    /// Sends the records. There is an outcome for each.
    pub(super) async fn send(
        self: Arc<Self>,
        shared: &Arc<Shared>,
        queue: &Arc<Queue>,
        writer: Option<&mut SoleWriter>,
    ) -> Vec<Outcome> {
        let reply = match writer {
            None => shared.append(self.call(queue, None)).await,
            Some(writer) => {
                let (append, expected) = match writer {
                    // It is repeated with the marks by which the server recognizes it.
                    SoleWriter::Unanswered(lost, expected) if lost.records == self.records => {
                        (Arc::clone(lost), *expected)
                    }
                    SoleWriter::Sure(newest) => (Arc::clone(&self), *newest),
                    SoleWriter::Unsure | SoleWriter::Unanswered(..) => match shared.newest_record(queue.key()).await {
                        Ok(newest) => (Arc::clone(&self), newest),
                        Err(error) => return self.all(&AppendError::Failed(error)),
                    },
                    SoleWriter::Ousted(error) => return self.all(&AppendError::Failed(error.clone())),
                };
                let is_repeated = !Arc::ptr_eq(&append, &self);
                let reply = append.call_until_answered(shared, queue, expected).await;
                *writer = match &reply {
                    Err(error) if !error.is_other_writer() && (is_repeated || error.is_unknown()) => {
                        SoleWriter::Unanswered(append, expected)
                    }
                    reply => self.writer_after(reply),
                };
                reply
            }
        };
        match reply {
            Ok(Reply::Stored { positions, error }) => self.stored(&positions, error),
            Ok(Reply::Closed(end)) => self.all(&AppendError::Closed(end)),
            Ok(Reply::OtherWriter(position)) => self.all(&AppendError::Failed(Kind::OtherWriter(position).into())),
            Err(CallError::NotExecuted(error)) => self.all(&AppendError::Failed(error)),
            Err(CallError::Unknown(error)) => self.all(&AppendError::Unknown(error)),
        }
    }

    fn call(self: &Arc<Self>, queue: &Arc<Queue>, expected: Option<Position>) -> KeyCall {
        KeyCall { queue: Arc::clone(queue), append: Arc::clone(self), expected }
    }

    /// Repeats the call while its reply is lost: the script recognises the records by their marks.
    async fn call_until_answered(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        queue: &Arc<Queue>,
        expected: Position,
    ) -> Result<Reply, CallError> {
        let call = || shared.append(self.call(queue, Some(expected)));
        let mut lost = match call().await {
            Err(CallError::Unknown(error)) => error,
            answered => return answered,
        };
        let deadline = Instant::now() + REPEAT_FOR;
        let mut back_off = BackOff::new();
        loop {
            trace::repeated_append(queue.key(), &lost);
            let ready = async {
                sleep(back_off.pause()).await;
                shared.commands().connected().await;
            };
            if timeout_at(deadline, ready).await.is_err() {
                return Err(CallError::Unknown(lost));
            }
            match call().await {
                Err(CallError::Unknown(error)) => lost = error,
                // The server may take the records later, as after a fail-over.
                Err(CallError::NotExecuted(error)) if error.may_pass() => lost = error,
                // The first call may have been executed, and be hidden behind this.
                Ok(Reply::OtherWriter(position)) => return Err(CallError::Unknown(Kind::OtherWriter(position).into())),
                Err(CallError::NotExecuted(error)) => return Err(CallError::Unknown(error)),
                answered => return answered,
            }
        }
    }

    pub(super) fn limits(&self) -> Limits {
        let (closes, retention) = (self.closes(), self.options.retention());
        Limits {
            // The record of an end without a last event is retained as well.
            events: retention.max_events().saturating_add(usize::from(closes)),
            bytes: retention.max_bytes(),
            age: retention.max_age(),
            ttl: if closes { self.options.closed_ttl_after() } else { None }.or(self.options.idle_ttl_after()),
        }
    }

    /// Adds the arguments of the script for this key, without its channel.
    pub(super) fn arguments(&self, command: &mut Cmd, expected: Option<Position>) {
        command.arg(expected.map(|position| position.to_string()).unwrap_or_default()).arg(self.records.len());
        for record in &self.records {
            let terminal = record.block.as_ref().is_some_and(Block::is_terminal);
            command.arg(record::head(record.mark, terminal, record.end)).arg(record.bytes());
        }
    }

    fn writer_after(&self, reply: &Result<Reply, CallError>) -> SoleWriter {
        match reply {
            Ok(Reply::Stored { positions, error: None }) => {
                let newest = self.records.last().zip(positions.last());
                newest
                    .and_then(|(record, position)| record.newest(*position))
                    .map_or(SoleWriter::Unsure, SoleWriter::Sure)
            }
            Ok(Reply::OtherWriter(position)) => SoleWriter::Ousted(Kind::OtherWriter(position.clone()).into()),
            Err(CallError::Unknown(error)) if error.is_other_writer() => SoleWriter::Ousted(error.clone()),
            Ok(Reply::Stored { .. } | Reply::Closed(_)) | Err(_) => SoleWriter::Unsure,
        }
    }

    fn stored(&self, positions: &[Position], error: Option<RedisError>) -> Vec<Outcome> {
        let error = AppendError::Failed(error.unwrap_or_else(|| RedisError::unexpected("too few positions")));
        let mut positions = positions.iter();
        self.records
            .iter()
            .map(|_| positions.next().map(|position| position.id()).ok_or_else(|| error.clone()))
            .collect()
    }

    fn all(&self, error: &AppendError<RedisError>) -> Vec<Outcome> {
        self.records.iter().map(|_| Err(error.clone())).collect()
    }
}

/// Ten thousand years: more is more than the server takes.
const MOST_MILLIS: u128 = 10_000 * 366 * 24 * 3600 * 1000;

/// The milliseconds of a duration, as the scripts take them.
pub(super) fn millis(duration: Duration) -> String {
    duration.as_millis().min(MOST_MILLIS).to_string()
}

impl Limits {
    /// Adds the first arguments of the script.
    pub(super) fn arguments(self, command: &mut Cmd) {
        let limit = |duration: Option<Duration>| duration.map(|time| time.max(Duration::from_millis(1))).map(millis);
        command.arg(self.events.min(i64::MAX as usize)).arg(self.bytes);
        command.arg(limit(self.age).unwrap_or_default()).arg(limit(self.ttl).unwrap_or_default());
    }
}

impl Reply {
    /// Reads the reply to an append of this many records.
    pub(super) fn parse(reply: &Value, records: usize) -> Result<Self, CallError> {
        // What the script has done is not known if its reply is not understood.
        let malformed = || CallError::Unknown(RedisError::unexpected("the append script sent an unknown reply"));
        let text = |value: &Value| match value {
            Value::BulkString(text) => String::from_utf8(text.clone()).map_err(|_| malformed()),
            _ => Err(malformed()),
        };
        let position = |value: &Value| match value {
            Value::BulkString(text) => str::from_utf8(text).ok().and_then(Position::parse).ok_or_else(malformed),
            _ => Err(malformed()),
        };
        let positions = |values: &[Value]| values.iter().map(position).collect::<Result<Vec<_>, _>>();
        let Value::Array(reply) = reply else {
            let position = position(reply)?;
            return if records == 1 {
                Ok(Self::Stored { positions: vec![position], error: None })
            } else {
                Err(malformed())
            };
        };
        let [outcome, rest @ ..] = reply.as_slice() else { return Err(malformed()) };
        match (text(outcome)?.as_str(), rest) {
            ("stored", all) if all.len() == records => Ok(Self::Stored { positions: positions(all)?, error: None }),
            ("partly", [error, stored @ ..]) if stored.len() < records => {
                Ok(Self::Stored { positions: positions(stored)?, error: Some(RedisError::of_server(&text(error)?)) })
            }
            ("failed", [error]) => Err(CallError::NotExecuted(RedisError::of_server(&text(error)?))),
            ("closed", [flags]) => Ok(Self::Closed(record::end_of(&text(flags)?).ok_or_else(malformed)?)),
            ("other writer", [position]) => Ok(Self::OtherWriter(text(position)?)),
            ("no run", []) => Err(CallError::NotExecuted(Kind::NoRun.into())),
            ("newer format", [format]) => Err(CallError::NotExecuted(Kind::NewerFormat(text(format)?).into())),
            _ => Err(malformed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn texts(texts: &[&str]) -> Value {
        Value::Array(texts.iter().copied().map(text).collect())
    }

    #[test]
    fn a_reply_has_a_position_for_each_record_that_was_stored() {
        let (first, second) = ("5-0-0000000a", "5-1-0000000b");
        let stored = |reply: &Value, records| match Reply::parse(reply, records) {
            Ok(Reply::Stored { positions, error }) => {
                Some((positions.len(), error.map(|error| error.is_out_of_memory())))
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert!(error.is_unknown(), "{error:?}");
                None
            }
        };
        assert_eq!(stored(&text(first), 1), Some((1, None)));
        assert_eq!(stored(&text(first), 2), None);
        assert_eq!(stored(&texts(&["stored", first, second]), 2), Some((2, None)));
        for records in [1, 3] {
            assert_eq!(stored(&texts(&["stored", first, second]), records), None);
        }
        assert_eq!(stored(&texts(&["partly", "OOM no memory", first]), 2), Some((1, Some(true))));
        // Then nothing has failed.
        for records in [0, 1] {
            assert_eq!(stored(&texts(&["partly", "OOM no memory", first]), records), None);
        }
    }

    #[test]
    fn a_sole_writer_is_sure_of_the_newest_record_only_after_all_were_stored() {
        let block = Block::new("data: 1\n\n", false).unwrap();
        let mut append = Append::new(Arc::new(LogOptions::new().sole_writer()));
        append.push(NewRecord::new(Some(&block), None));
        let position = Position::parse("5-0-0000000a").unwrap();
        let stored = |error| Ok(Reply::Stored { positions: vec![position], error });
        assert!(matches!(append.writer_after(&stored(None)), SoleWriter::Sure(newest) if newest == position));
        assert!(matches!(append.writer_after(&stored(Some(RedisError::timed_out()))), SoleWriter::Unsure));
        assert!(matches!(append.writer_after(&Ok(Reply::Closed(End::Complete))), SoleWriter::Unsure));
        let other_writer = || RedisError::from(Kind::OtherWriter(position.to_string()));
        let ousted = [Ok(Reply::OtherWriter(position.to_string())), Err(CallError::Unknown(other_writer()))];
        for reply in ousted {
            assert!(matches!(append.writer_after(&reply), SoleWriter::Ousted(error) if error.is_other_writer()));
        }
        let unsure = [CallError::Unknown(RedisError::timed_out()), CallError::NotExecuted(RedisError::timed_out())];
        for error in unsure {
            assert!(matches!(append.writer_after(&Err(error)), SoleWriter::Unsure));
        }
    }
}
