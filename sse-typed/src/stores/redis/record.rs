use bytes::Bytes;
use redis::Value;

use super::{
    error::{Kind, RedisError},
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

/// The format of records that the append script writes.
const FORMAT: &str = "1";

/// The flag of a terminal event.
const TERMINAL: char = 't';

/// The flag of a record that closes the log. The letter of the end follows it.
const CLOSING: char = 'e';

/// The flags of a new record.
pub(super) fn flags(terminal: bool, end: Option<End>) -> &'static str {
    match (terminal, end) {
        (false, None) => "-",
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

/// The mark and the flags of a new record, as the scripts take them.
pub(super) fn head(mark: u32, terminal: bool, end: Option<End>) -> String {
    format!("{mark:08x} {}", flags(terminal, end))
}

/// The end that flags name.
pub(super) fn end_of(flags: &str) -> Option<End> {
    flags.split_once(CLOSING).map(|(_, letter)| end_of_letter(letter))
}

/// The end with this letter. One that this version does not know is an end as well.
pub(super) fn end_of_letter(letter: &str) -> End {
    match letter {
        "f" => End::Failed,
        "s" => End::Stopped,
        "l" => End::Lost,
        _ => End::Complete,
    }
}

/// The letter of an end.
#[cfg(feature = "runs")]
pub(super) fn letter(end: End) -> &'static str {
    flags(false, Some(end)).trim_start_matches(CLOSING)
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
    let [header, block] = stored_fields(fields);
    let header = header.as_deref().and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
    let Some(header) = Header::parse(header)? else {
        return Ok(Record { position: Position { entry, mark: 0 }, content: Content::Foreign });
    };
    let position = Position { entry, mark: header.mark };
    Ok(Record { position, content: header.content(block).unwrap_or(Content::Foreign) })
}

/// The values of the two fields that the append script writes.
fn stored_fields(fields: Vec<Value>) -> [Option<Vec<u8>>; 2] {
    let mut fields = fields.into_iter();
    ["h", "b"].map(|expected| match (fields.next(), fields.next()) {
        (Some(Value::BulkString(name)), Some(Value::BulkString(value))) if name == expected.as_bytes() => Some(value),
        _ => None,
    })
}

/// The header of a record: `<format> <mark> <flags> <total> <trimmed> <position of the record before it>`.
///
/// The two numbers are those by which the append script limits the bytes of a history.
struct Header<'h> {
    mark: u32,
    flags: &'h str,
    before: &'h str,
}

impl<'h> Header<'h> {
    /// `None` if the append script cannot have written it.
    ///
    /// # Errors
    ///
    /// If a newer version of the append script may have written it.
    fn parse(text: &'h str) -> Result<Option<Self>, RedisError> {
        let Some((format, rest)) = text.split_once(' ') else { return Ok(None) };
        if format != FORMAT {
            return if is_number(format) { Err(Kind::NewerFormat(format.to_owned()).into()) } else { Ok(None) };
        }
        let mut parts = rest.splitn(5, ' ');
        let mut next = || parts.next();
        Ok((|| {
            let mark = parse_mark(next()?.as_bytes())?;
            let flags = next().filter(|text| is_flags(text))?;
            let _total = next().filter(|text| is_number(text))?;
            let _trimmed = next().filter(|text| is_number(text))?;
            Some(Self { mark, flags, before: next()? })
        })())
    }

    fn content(&self, block: Option<Vec<u8>>) -> Option<Content> {
        let before = Position::parse(self.before)?;
        let end = end_of(self.flags);
        let block = match block? {
            none if none.is_empty() && end.is_some() => None,
            block => Some(Block::new(Bytes::from(block), self.flags.contains(TERMINAL)).ok()?),
        };
        Some(Content::Stored { before, block, end })
    }
}

fn is_flags(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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
    fn a_stream_without_entries_and_an_entry_without_fields_are_read() {
        assert!(records(Value::Nil).unwrap().is_empty());
        let deleted = Value::Array(vec![Value::BulkString(b"7-1".to_vec()), Value::Nil]);
        assert!(matches!(record(deleted).unwrap().content, Content::Foreign));
        assert!(records(Value::Int(1)).is_err());
    }

    #[test]
    fn every_flag_is_read_as_it_was_written() {
        for terminal in [false, true] {
            for end in [None, Some(End::Complete), Some(End::Failed), Some(End::Stopped), Some(End::Lost)] {
                let text = flags(terminal, end);
                assert_eq!((text.contains(TERMINAL), end_of(text)), (terminal, end));
                let header = format!("1 0000000a {text} 9 0 0-0-00000000");
                match record(entry("7-1", &[("h", &header), ("b", BLOCK)])).unwrap().content {
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
        let header = "1 0000000a - 9 0 1-0-0000000b";
        let good = [("h", header), ("b", BLOCK)];
        assert!(matches!(record(entry("7-1", &good)).unwrap().content, Content::Stored { .. }));
        let read = |fields: &[(&str, &str)]| {
            let record = record(entry("7-1", fields)).unwrap();
            assert!(matches!(record.content, Content::Foreign), "{fields:?}");
            record.position.mark
        };
        // The script compares the mark of a header whose beginning is well-formed.
        for header in ["1 0000000a - 9 0 1-0", "1 0000000a - 9 0 ", "1 0000000a - 9 0 1-0-0000000b "] {
            assert_eq!(read(&[("h", header), ("b", BLOCK)]), 10);
        }
        for block in ["", "id: 7\ndata: 1\n\n"] {
            assert_eq!(read(&[("h", header), ("b", block)]), 10);
        }
        assert_eq!(read(&[("h", header), ("x", BLOCK)]), 10);
        for header in [
            "",
            "1",
            "x 0000000a - 9 0 1-0-0000000b",
            " 1 0000000a - 9 0 1-0-0000000b",
            "1  0000000a - 9 0 1-0-0000000b",
            "1 0000000A - 9 0 1-0-0000000b",
            "1 a - 9 0 1-0-0000000b",
            "1 0000000a  9 0 1-0-0000000b",
            "1 0000000a ! 9 0 1-0-0000000b",
            "1 0000000a - -9 0 1-0-0000000b",
            "1 0000000a - 9  1-0-0000000b",
            "1 0000000a - 9 0",
        ] {
            assert_eq!(read(&[("h", header), ("b", BLOCK)]), 0, "{header}");
        }
        assert_eq!(read(&[("x", ""), ("h", header), ("b", BLOCK)]), 0);
        assert_eq!(read(&[]), 0);
    }

    #[test]
    fn a_record_of_a_newer_format_is_an_error_that_names_the_format() {
        for header in ["2 0000000a - 9 0 1-0-0000000b", "17 x"] {
            let error = record(entry("7-1", &[("h", header), ("b", BLOCK)])).unwrap_err();
            assert!(error.is_newer_format(), "{error:?}");
            let format = header.split(' ').next().unwrap();
            assert_eq!(
                error.to_string(),
                format!("a record has format {format}, and this version of sse-typed reads format 1: use a newer one")
            );
        }
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
