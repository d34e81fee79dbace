use std::{sync::Arc, time::Duration};

use redis::{Cmd, Value};
use tokio::time::{Instant, timeout_at};

use super::{
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

/// One call of the append script: the next records of a key.
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

/// What the writer of a key knows of it.
#[derive(Clone, Debug)]
pub(super) enum Writer {
    /// Others write too.
    OneOfMany,
    /// It is the only one, and has to read the newest record first.
    Unsure,
    /// It is the only one, and this is the newest record.
    Sure(Position),
    /// It was the only one until another appended.
    Ousted(RedisError),
}

/// What the script replied.
enum Reply {
    Stored { positions: Vec<Position>, error: Option<RedisError> },
    Closed(End),
    OtherWriter(String),
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

    /// Sends the records. There is an outcome for each.
    pub(super) async fn send(self, shared: &Shared, queue: &Queue, writer: &mut Writer) -> Vec<Outcome> {
        if let Writer::Unsure = writer {
            match shared.newest_record(queue.key()).await {
                Ok(newest) => *writer = Writer::Sure(newest),
                Err(error) => return self.all(&AppendError::Failed(error)),
            }
        }
        let expected = match writer {
            Writer::OneOfMany | Writer::Unsure => None,
            Writer::Sure(newest) => Some(*newest),
            Writer::Ousted(error) => return self.all(&AppendError::Failed(error.clone())),
        };
        let reply = match expected {
            None => self.call(shared, queue, None).await,
            Some(expected) => self.call_until_answered(shared, queue, expected).await,
        };
        if expected.is_some() {
            *writer = self.writer_after(&reply);
        }
        match reply {
            Ok(Reply::Stored { positions, error }) => self.stored(&positions, error),
            Ok(Reply::Closed(end)) => self.all(&AppendError::Closed(end)),
            Ok(Reply::OtherWriter(position)) => self.all(&AppendError::Failed(Kind::OtherWriter(position).into())),
            Err(CallError::NotExecuted(error)) => self.all(&AppendError::Failed(error)),
            Err(CallError::Unknown(error)) => self.all(&AppendError::Unknown(error)),
        }
    }

    /// Repeats the call while its reply is lost: the script recognises the records by their marks.
    async fn call_until_answered(
        &self,
        shared: &Shared,
        queue: &Queue,
        expected: Position,
    ) -> Result<Reply, CallError> {
        let mut lost = match self.call(shared, queue, Some(expected)).await {
            Err(CallError::Unknown(error)) => error,
            answered => return answered,
        };
        let deadline = Instant::now() + REPEAT_FOR;
        loop {
            trace::repeated_append(queue.key(), &lost);
            if timeout_at(deadline, shared.commands().connected()).await.is_err() {
                return Err(CallError::Unknown(lost));
            }
            match self.call(shared, queue, Some(expected)).await {
                Err(CallError::Unknown(error)) => lost = error,
                Err(CallError::NotExecuted(error)) if error.is_unreachable() => lost = error,
                // The first call may have been executed, and be hidden behind this.
                Ok(Reply::OtherWriter(position)) => return Err(CallError::Unknown(Kind::OtherWriter(position).into())),
                Err(CallError::NotExecuted(error)) => return Err(CallError::Unknown(error)),
                answered => return answered,
            }
        }
    }

    async fn call(&self, shared: &Shared, queue: &Queue, expected: Option<Position>) -> Result<Reply, CallError> {
        let reply = shared.append_script().call(shared.commands(), |command| self.arguments(command, queue, expected));
        // What the script has done is not known if its reply is not understood.
        parse(reply.await?, self.records.len()).map_err(CallError::Unknown)
    }

    fn arguments(&self, command: &mut Cmd, queue: &Queue, expected: Option<Position>) {
        let millis =
            |duration: Option<Duration>| duration.map(|time| time.as_millis().clamp(1, MOST_MILLIS).to_string());
        let closes = self.closes();
        let retention = self.options.retention();
        // The record of an end without a last event is retained as well.
        let most = retention.max_events().saturating_add(usize::from(closes)).min(i64::MAX as usize);
        let ttl = if closes { self.options.closed_ttl_after() } else { None }.or(self.options.idle_ttl_after());
        command.arg(1).arg(&queue.names.stream).arg(&queue.names.channel);
        command.arg(expected.map(|position| position.to_string()).unwrap_or_default());
        command.arg(most).arg(millis(retention.max_age()).unwrap_or_default()).arg(millis(ttl).unwrap_or_default());
        for record in &self.records {
            let terminal = record.block.as_ref().is_some_and(Block::is_terminal);
            command.arg(format!("{:08x}", record.mark)).arg(record::flags(terminal, record.end)).arg(record.bytes());
        }
    }

    fn writer_after(&self, reply: &Result<Reply, CallError>) -> Writer {
        match reply {
            Ok(Reply::Stored { positions, error: None }) => {
                let newest = self.records.last().zip(positions.last());
                newest.and_then(|(record, position)| record.newest(*position)).map_or(Writer::Unsure, Writer::Sure)
            }
            Ok(Reply::OtherWriter(position)) => Writer::Ousted(Kind::OtherWriter(position.clone()).into()),
            Err(CallError::Unknown(error)) if error.is_other_writer() => Writer::Ousted(error.clone()),
            Ok(Reply::Stored { .. } | Reply::Closed(_)) | Err(_) => Writer::Unsure,
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

fn parse(reply: Value, records: usize) -> Result<Reply, RedisError> {
    let malformed = || RedisError::unexpected("the append script sent an unknown reply");
    let Value::Array(reply) = reply else { return Err(malformed()) };
    let text = |value: &Value| match value {
        Value::BulkString(text) => String::from_utf8(text.clone()).map_err(|_| malformed()),
        _ => Err(malformed()),
    };
    let position = |value: &Value| match value {
        Value::BulkString(text) => str::from_utf8(text).ok().and_then(Position::parse).ok_or_else(malformed),
        _ => Err(malformed()),
    };
    let positions = |values: &[Value]| values.iter().map(position).collect::<Result<Vec<_>, _>>();
    let [outcome, rest @ ..] = reply.as_slice() else { return Err(malformed()) };
    match (text(outcome)?.as_str(), rest) {
        ("stored", all) if all.len() == records => Ok(Reply::Stored { positions: positions(all)?, error: None }),
        ("partly", [error, stored @ ..]) => {
            Ok(Reply::Stored { positions: positions(stored)?, error: Some(RedisError::of_server(&text(error)?)) })
        }
        ("closed", [flags]) => Ok(Reply::Closed(record::end_of(&text(flags)?).ok_or_else(malformed)?)),
        ("other writer", [position]) => Ok(Reply::OtherWriter(text(position)?)),
        _ => Err(malformed()),
    }
}
