use bytes::Bytes;
use redis::Value;

use super::{
    error::RedisError,
    position::{EntryId, Position, parse_mark},
};
use crate::hub::{Block, End};

/// A record of the stream of a key.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) position: Position,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A record that the append script wrote.
    Stored { before: Position, block: Option<Block>, end: Option<End> },
    /// A record that another program wrote, or whose event no hub writes.
    Foreign,
}

/// The flag of a terminal event.
const TERMINAL: char = 't';

/// The flag of a record that closes the log. The letter of the end follows it.
const CLOSING: char = 'e';

/// The flags of a new record.
pub(super) fn flags(terminal: bool, end: Option<End>) -> &'static str {
    match (terminal, end) {
        (false, None) => "",
        (true, None) => "t",
        (false, Some(End::Complete)) => "ec",
        (false, Some(End::Failed)) => "ef",
        (false, Some(End::Stopped)) => "es",
        (false, Some(End::Lost)) => "el",
        (true, Some(End::Complete)) => "tec",
        (true, Some(End::Failed)) => "tef",
        (true, Some(End::Stopped)) => "tes",
        (true, Some(End::Lost)) => "tel",
    }
}

/// The end that flags name. A letter that this version does not know is an end as well.
pub(super) fn end_of(flags: &str) -> Option<End> {
    let (_, end) = flags.split_once(CLOSING)?;
    Some(match end {
        "f" => End::Failed,
        "s" => End::Stopped,
        "l" => End::Lost,
        _ => End::Complete,
    })
}

/// The records of a reply to `XRANGE` or `XREVRANGE`.
pub(super) fn records(reply: Value) -> Result<Vec<Record>, RedisError> {
    match reply {
        Value::Array(entries) => entries.into_iter().map(record).collect(),
        Value::Nil => Ok(Vec::new()),
        _ => Err(RedisError::unexpected("entries of a stream are no array")),
    }
}

fn record(entry: Value) -> Result<Record, RedisError> {
    let malformed = || RedisError::unexpected("an entry of a stream has no id and fields");
    let Value::Array(entry) = entry else { return Err(malformed()) };
    let [Value::BulkString(id), fields] = <[Value; 2]>::try_from(entry).map_err(|_| malformed())? else {
        return Err(malformed());
    };
    let entry = str::from_utf8(&id).ok().and_then(EntryId::parse).ok_or_else(malformed)?;
    let fields = match fields {
        Value::Array(fields) => fields,
        // An entry that was deleted within the transaction of a reader.
        Value::Nil => Vec::new(),
        _ => return Err(malformed()),
    };
    let fields = Fields::new(fields);
    let mark = fields.mark.as_deref().and_then(parse_mark).unwrap_or(0);
    let position = Position { entry, mark };
    Ok(Record { position, content: fields.content().unwrap_or(Content::Foreign) })
}

/// The first value of each field that the append script writes.
#[derive(Default)]
struct Fields {
    mark: Option<Vec<u8>>,
    flags: Option<Vec<u8>>,
    before: Option<Vec<u8>>,
    block: Option<Vec<u8>>,
}

impl Fields {
    fn new(fields: Vec<Value>) -> Self {
        let mut this = Self::default();
        let mut fields = fields.into_iter();
        while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) = (fields.next(), fields.next()) {
            let field = match name.as_slice() {
                b"m" => &mut this.mark,
                b"f" => &mut this.flags,
                b"p" => &mut this.before,
                b"b" => &mut this.block,
                _ => continue,
            };
            field.get_or_insert(value);
        }
        this
    }

    fn content(self) -> Option<Content> {
        parse_mark(&self.mark?)?;
        let before = Position::parse(str::from_utf8(&self.before?).ok()?)?;
        let flags = String::from_utf8(self.flags?).ok()?;
        let end = end_of(&flags);
        let block = match self.block? {
            none if none.is_empty() && end.is_some() => None,
            block => Some(Block::new(Bytes::from(block), flags.contains(TERMINAL)).ok()?),
        };
        Some(Content::Stored { before, block, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, fields: &[(&str, &str)]) -> Value {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let fields = fields.iter().flat_map(|(name, value)| [bulk(name), bulk(value)]).collect();
        Value::Array(vec![bulk(id), Value::Array(fields)])
    }

    const BLOCK: &str = "data: 1\n\n";

    #[test]
    fn every_flag_is_read_as_it_was_written() {
        for terminal in [false, true] {
            for end in [None, Some(End::Complete), Some(End::Failed), Some(End::Stopped), Some(End::Lost)] {
                let text = flags(terminal, end);
                assert_eq!((text.contains(TERMINAL), end_of(text)), (terminal, end));
                let fields = [("m", "0000000a"), ("f", text), ("p", "0-0-00000000"), ("b", BLOCK)];
                match record(entry("7-1", &fields)).unwrap().content {
                    Content::Stored { block: Some(block), end: read, .. } => {
                        assert_eq!((block.is_terminal(), read), (terminal, end));
                    }
                    content => panic!("{content:?}"),
                }
            }
        }
    }

    #[test]
    fn a_record_that_the_script_cannot_have_written_is_foreign() {
        let good = [("m", "0000000a"), ("f", ""), ("p", "1-0-0000000b"), ("b", BLOCK)];
        assert!(matches!(record(entry("7-1", &good)).unwrap().content, Content::Stored { .. }));
        for (index, bad) in [
            (0, ("x", "")),
            (0, ("m", "0000000A")),
            (0, ("m", "a")),
            (1, ("x", "")),
            (2, ("p", "1-0")),
            (2, ("x", "")),
            (3, ("b", "")),
            (3, ("b", "id: 7\ndata: 1\n\n")),
            (3, ("x", "")),
        ] {
            let mut fields = good;
            fields[index] = bad;
            let record = record(entry("7-1", &fields)).unwrap();
            assert!(matches!(record.content, Content::Foreign), "{fields:?}");
        }
        let twice = [("m", "0000000a"), ("m", "0000000c"), ("f", ""), ("p", "1-0-0000000b"), ("b", BLOCK)];
        assert_eq!(record(entry("7-1", &twice)).unwrap().position.mark, 10, "as the script reads it");
    }

    #[test]
    fn a_malformed_reply_is_an_error() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        for reply in [
            Value::Int(7),
            Value::Array(vec![Value::Int(7)]),
            Value::Array(vec![Value::Array(Vec::new())]),
            Value::Array(vec![Value::Array(vec![bulk("7-1")])]),
            Value::Array(vec![Value::Array(vec![bulk("x"), Value::Array(Vec::new())])]),
            Value::Array(vec![Value::Array(vec![bulk("7-1"), Value::Int(7)])]),
        ] {
            assert!(records(reply.clone()).is_err(), "{reply:?}");
        }
    }
}
