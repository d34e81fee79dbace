//! What the scripts of runs reply.

use std::{
    fmt::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use redis::Value;

use super::super::{
    error::{Kind, RedisError},
    position::Position,
    record::end_of_letter,
};
use crate::runs::{InputHash, ReadRun, Renewed, RunEnded, RunRecord, RunRef};

/// The reply of a script: an array whose first text is mostly the name of the outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a>(&'a [Value]);

pub(super) fn not_understood() -> RedisError {
    RedisError::unexpected("a script of runs sent an unknown reply")
}

impl<'a> Reply<'a> {
    pub(super) fn of(reply: &'a Value) -> Result<Self, RedisError> {
        match reply {
            Value::Array(values) if !values.is_empty() => Ok(Self(values)),
            _ => Err(not_understood()),
        }
    }

    /// A reply that has this many values and no name.
    pub(super) fn all(reply: &'a Value, len: usize) -> Result<Self, RedisError> {
        match reply {
            Value::Array(values) if values.len() == len => Ok(Self(values)),
            _ => Err(not_understood()),
        }
    }

    /// Returns the error that a reply is.
    pub(super) fn check(reply: &Value) -> Result<(), RedisError> {
        let Ok(reply) = Reply::of(reply) else { return Ok(()) };
        match reply.outcome() {
            "damaged" => Err(Kind::DamagedRun(reply.text(1)?.to_owned()).into()),
            "newer format" => Err(Kind::NewerFormat(reply.text(1)?.to_owned()).into()),
            "missing right" => {
                let (command, error) = (reply.text(1)?, reply.text(2)?);
                Err(RedisError::new(Kind::MissingRight(format!("{command} ({error})")), error.to_owned()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn outcome(&self) -> &'a str {
        self.text(0).unwrap_or_default()
    }

    pub(super) fn text(&self, n: usize) -> Result<&'a str, RedisError> {
        match self.0.get(n) {
            Some(Value::BulkString(text)) => str::from_utf8(text).map_err(|_| not_understood()),
            _ => Err(not_understood()),
        }
    }

    fn position(&self, n: usize) -> Result<Position, RedisError> {
        Position::parse(self.text(n)?).ok_or_else(not_understood)
    }

    fn duration(&self, n: usize) -> Result<Duration, RedisError> {
        duration(self.text(n)?)
    }

    /// The run of this key that is a value of the reply.
    pub(super) fn run(&self, n: usize, key: &str) -> Result<RunRecord, RedisError> {
        let run = Reply::of(self.0.get(n).unwrap_or(&Value::Nil))?;
        let damaged = || RedisError::from(Kind::DamagedRun(key.to_owned()));
        let since = UNIX_EPOCH.checked_add(run.duration(1)?).ok_or_else(damaged)?;
        // What another program wrote may be no text.
        let owner = run.text(2).map_err(|_| damaged())?;
        let id = run.text(0)?.parse().map_err(|_| damaged())?;
        let mut record = RunRecord::new(RunRef::new(key, id), since, owner, run.duration(4)?);
        record.input = match run.text(3).map_err(|_| damaged())? {
            "" => None,
            digits => Some(input_of(digits).ok_or_else(damaged)?),
        };
        record.is_stop_asked = !run.text(5).map_err(|_| damaged())?.is_empty();
        if let Some(letter) = run.text(6).map_err(|_| damaged())?.strip_prefix('e') {
            (record.end, record.lease_left) = (Some(end_of_letter(letter)), None);
        }
        record.last = match run.text(7)? {
            "" => None,
            _ => Some(run.position(7)?).filter(|last| *last != Position::BEGINNING).map(Position::id),
        };
        Ok(record)
    }

    /// The runs of a list.
    pub(super) fn runs(&self) -> Result<Vec<RunRecord>, RedisError> {
        let listed = self.0.iter().skip(2).map(|listed| {
            let listed = Reply::of(listed)?;
            listed.run(1, listed.text(0)?)
        });
        listed.collect()
    }

    pub(super) fn ended(&self) -> Result<RunEnded, RedisError> {
        match self.outcome() {
            "now" => Ok(RunEnded::Now(self.position(1)?.id())),
            "before" => Ok(RunEnded::Before(end_of_letter(self.text(1)?))),
            "leased" => Ok(RunEnded::Leased(self.duration(1)?)),
            "missing" => Ok(RunEnded::Missing),
            _ => Err(not_understood()),
        }
    }
}

/// What a renewal says about a run of this process.
pub(super) fn renewed(text: &str) -> Result<Renewed, RedisError> {
    let held = |is_stop_asked, is_read_elsewhere| Renewed::Held { is_stop_asked, is_read_elsewhere };
    Ok(match text {
        "missing" => Renewed::Missing,
        "held" => held(false, false),
        "held stop" => held(true, false),
        "held read" => held(false, true),
        "held stop read" => held(true, true),
        _ => Renewed::Ended(end_of_letter(text.strip_prefix("ended ").ok_or_else(not_understood)?)),
    })
}

/// What a renewal says about a run that this process reads.
pub(super) fn read_run(text: &str) -> Result<ReadRun, RedisError> {
    Ok(match text.split_once(' ') {
        None if text == "missing" => ReadRun::Missing,
        Some(("ended", letter)) => ReadRun::Ended(end_of_letter(letter)),
        Some(("running", left)) => ReadRun::Running(duration(left)?),
        _ => return Err(not_understood()),
    })
}

fn duration(millis: &str) -> Result<Duration, RedisError> {
    millis.parse().map(Duration::from_millis).map_err(|_| not_understood())
}

pub(super) fn hex(input: &InputHash) -> String {
    let mut digits = String::with_capacity(64);
    for byte in input.as_bytes() {
        // A `String` takes all text.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

fn input_of(digits: &str) -> Option<InputHash> {
    let digits: &[u8; 64] = digits.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(InputHash::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::End;

    fn texts(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| Value::BulkString(text.as_bytes().to_vec())).collect())
    }

    #[test]
    fn a_run_is_read_as_the_scripts_write_it() {
        let input = InputHash::of(b"input");
        let run = ["00000000000000ff", "1700000000123", "a", &hex(&input), "70", "1", "", "7-1-0000000a"];
        let reply = Value::Array(vec![texts(&["found"]), texts(&run)]);
        let record = Reply::of(&reply).unwrap().run(1, "k").unwrap();
        assert_eq!((record.run.run.as_u64(), &*record.run.key, &*record.owner), (255, "k", "a"));
        assert_eq!((record.input, record.is_stop_asked, record.end), (Some(input), true, None));
        assert_eq!(record.lease_left, Some(Duration::from_millis(70)));
        assert_eq!(record.last.unwrap().as_str(), "7-1-0000000a");
        for (letter, end) in
            [("ec", End::Complete), ("ef", End::Failed), ("es", End::Stopped), ("el", End::Lost), ("e", End::Complete)]
        {
            let run = ["00000000000000ff", "1", "a", "", "0", "", letter, "0-0-00000000"];
            let reply = Value::Array(vec![Value::Nil, texts(&run)]);
            let record = Reply::of(&reply).unwrap().run(1, "k").unwrap();
            assert_eq!((record.end, record.lease_left, record.last, record.input), (Some(end), None, None, None));
        }
    }

    #[test]
    fn a_damaged_record_is_an_error_that_names_it() {
        let whole = ["00000000000000ff", "1", "a", "", "0", "", "", ""];
        let read = |run: Value| Reply::of(&Value::Array(vec![Value::Nil, run])).unwrap().run(1, "k");
        assert!(read(texts(&whole)).is_ok());
        for (n, text) in [(0, "ff"), (3, "ab"), (3, &"+f".repeat(32))] {
            let mut run = whole;
            run[n] = text;
            let error = read(texts(&run)).unwrap_err();
            assert!(error.is_damaged_run() && error.to_string().contains("\"k\""), "{error}");
        }
        let Value::Array(mut run) = texts(&whole) else { unreachable!() };
        run[2] = Value::BulkString(vec![0xff]);
        assert!(read(Value::Array(run)).unwrap_err().is_damaged_run());
        let error = Reply::check(&texts(&["newer format", "7"])).unwrap_err();
        assert!(error.is_newer_format(), "{error}");
    }

    #[test]
    fn every_answer_of_a_script_is_read() {
        let held = |is_stop_asked, is_read_elsewhere| Renewed::Held { is_stop_asked, is_read_elsewhere };
        for (text, expected) in [
            ("missing", Renewed::Missing),
            ("held", held(false, false)),
            ("held stop", held(true, false)),
            ("held read", held(false, true)),
            ("held stop read", held(true, true)),
            ("ended f", Renewed::Ended(End::Failed)),
        ] {
            assert_eq!(renewed(text).unwrap(), expected);
        }
        let ended = |reply: &[&str]| Reply::of(&texts(reply)).unwrap().ended().unwrap();
        assert_eq!(ended(&["missing"]), RunEnded::Missing);
        assert_eq!(ended(&["before", "s"]), RunEnded::Before(End::Stopped));
        assert_eq!(ended(&["leased", "70"]), RunEnded::Leased(Duration::from_millis(70)));
        assert!(matches!(ended(&["now", "7-1-0000000a"]), RunEnded::Now(id) if id.as_str() == "7-1-0000000a"));
        assert!(Reply::all(&texts(&["a", "b"]), 2).is_ok());
        assert!(Reply::all(&texts(&["a", "b"]), 3).is_err());
    }

    #[test]
    fn an_answer_that_no_script_gives_is_an_error() {
        for text in ["", "held x", "end", "running 1"] {
            assert!(renewed(text).is_err(), "{text}");
        }
        for text in ["", "held", "running", "running x"] {
            assert!(read_run(text).is_err(), "{text}");
        }
        for reply in [Value::Nil, Value::Array(Vec::new()), Value::Int(7)] {
            assert!(Reply::of(&reply).is_err());
        }
        assert!(Reply::of(&texts(&["now", "x"])).unwrap().ended().is_err());
    }
}
