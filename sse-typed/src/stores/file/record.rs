//! The bytes of what is stored. All numbers are big-endian.

use std::time::Duration;

use bytes::Bytes;

use super::{
    error::FileStoreError,
    position::{Mark, Position},
};
use crate::hub::{Block, End, LogOptions};

/// Milliseconds since 1970.
pub(super) type Millis = u64;

/// The key of an event: those of a log are together, in the order of their numbers.
pub(super) fn event_key(log: u64, n: u64) -> [u8; 16] {
    pair(log, n)
}

pub(super) fn pair(a: u64, b: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&a.to_be_bytes());
    key[8..].copy_from_slice(&b.to_be_bytes());
    key
}

pub(super) fn halves(key: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_be_bytes(*key);
    // The lower half.
    (u64::try_from(both >> 64).unwrap_or(u64::MAX), both as u64)
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) mark: Mark,
    /// The mark of the event before it: it proves which position the record follows.
    pub(super) before: Mark,
    pub(super) at: Millis,
    pub(super) terminal: bool,
    /// It was stored with the end of the log.
    pub(super) last: bool,
    pub(super) bytes: &'a [u8],
}

const RECORD_HEAD: usize = 17;
const TERMINAL: u8 = 1;
const LAST: u8 = 2;

impl<'a> Record<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let flags = if self.terminal { TERMINAL } else { 0 } | if self.last { LAST } else { 0 };
        let mut out = Vec::with_capacity(RECORD_HEAD + self.bytes.len());
        out.extend_from_slice(&self.mark.0.to_be_bytes());
        out.extend_from_slice(&self.before.0.to_be_bytes());
        out.extend_from_slice(&self.at.to_be_bytes());
        out.push(flags);
        out.extend_from_slice(self.bytes);
        out
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, FileStoreError> {
        let mut fields = Fields(bytes);
        let (mark, before, at) = (Mark(fields.u32()?), Mark(fields.u32()?), fields.u64()?);
        let flags = fields.u8()?;
        if flags & !(TERMINAL | LAST) != 0 {
            return Err(FileStoreError::corrupt("an event has unknown flags"));
        }
        Ok(Self { mark, before, at, terminal: flags & TERMINAL != 0, last: flags & LAST != 0, bytes: fields.0 })
    }

    pub(super) fn block(&self) -> Result<Block, FileStoreError> {
        Block::new(Bytes::copy_from_slice(self.bytes), self.terminal)
            .map_err(|error| FileStoreError::corrupt(error.to_string()))
    }
}

/// What is stored of a log besides its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number, in the keys of its events.
    pub(super) log: u64,
    /// The number of the oldest event that is kept; one more than `head` if none is.
    pub(super) first: u64,
    /// The number of the newest event, whether it is kept or not.
    pub(super) head: u64,
    pub(super) head_mark: Mark,
    /// Numbers up to this one are those of events before the log was last removed by a call.
    pub(super) base: u64,
    /// The bytes of the events that are kept.
    pub(super) bytes: u64,
    /// When it was last changed: by an append, a close or a removal.
    pub(super) at: Millis,
    pub(super) state: State,
    pub(super) idle_ttl: Option<Millis>,
    pub(super) closed_ttl: Option<Millis>,
    /// The time of its entry in the table of expiry, which is never later than it expires.
    pub(super) due: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Closed(End),
    /// Its events are removed. The row stays for a time, so that numbers are not used again.
    Removed,
}

/// How long the row of a removed log is kept.
const REMOVED_TTL: Millis = 24 * 3600 * 1000;

impl Row {
    /// A log without events.
    pub(super) const fn empty(log: u64, mark: Mark) -> Self {
        Self {
            log,
            first: 1,
            head: 0,
            head_mark: mark,
            base: 0,
            bytes: 0,
            at: 0,
            state: State::Open,
            idle_ttl: None,
            closed_ttl: None,
            due: None,
        }
    }

    pub(super) const fn head(&self) -> Position {
        Position { n: self.head, mark: self.head_mark }
    }

    /// How many events are kept.
    pub(super) const fn len(&self) -> u64 {
        (self.head + 1).saturating_sub(self.first)
    }

    pub(super) const fn end(&self) -> Option<End> {
        match self.state {
            State::Closed(end) => Some(end),
            State::Open | State::Removed => None,
        }
    }

    pub(super) fn configure(&mut self, options: &LogOptions) {
        self.idle_ttl = options.idle_ttl_after().map(millis);
        self.closed_ttl = options.closed_ttl_after().map(millis);
    }

    /// When it expires, if nothing happens to it before.
    pub(super) fn expires(&self) -> Option<Millis> {
        let ttl = match self.state {
            State::Open => self.idle_ttl,
            State::Closed(_) => self.closed_ttl.or(self.idle_ttl),
            State::Removed => Some(REMOVED_TTL),
        };
        // The greatest number encodes `None`.
        ttl.map(|ttl| self.at.saturating_add(ttl).min(NONE - 1))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(77);
        for number in [self.log, self.first, self.head, self.base, self.bytes, self.at] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for option in [self.idle_ttl, self.closed_ttl, self.due] {
            out.extend_from_slice(&option.unwrap_or(NONE).to_be_bytes());
        }
        out.extend_from_slice(&self.head_mark.0.to_be_bytes());
        out.push(self.state.code());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, FileStoreError> {
        let mut fields = Fields(bytes);
        let (log, first, head, base) = (fields.u64()?, fields.u64()?, fields.u64()?, fields.u64()?);
        if head == u64::MAX || first <= base || first > head + 1 {
            return Err(FileStoreError::corrupt("a log counts its events wrongly"));
        }
        Ok(Self {
            log,
            first,
            head,
            base,
            bytes: fields.u64()?,
            at: fields.u64()?,
            idle_ttl: fields.option()?,
            closed_ttl: fields.option()?,
            due: fields.option()?,
            head_mark: Mark(fields.u32()?),
            state: State::from_code(fields.u8()?)?,
        })
    }
}

impl State {
    const fn code(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Removed => 1,
            Self::Closed(End::Complete) => 2,
            Self::Closed(End::Failed) => 3,
            Self::Closed(End::Stopped) => 4,
            Self::Closed(End::Lost) => 5,
        }
    }

    fn from_code(code: u8) -> Result<Self, FileStoreError> {
        Ok(match code {
            0 => Self::Open,
            1 => Self::Removed,
            2 => Self::Closed(End::Complete),
            3 => Self::Closed(End::Failed),
            4 => Self::Closed(End::Stopped),
            5 => Self::Closed(End::Lost),
            _ => return Err(FileStoreError::corrupt("a log has an unknown state")),
        })
    }
}

/// Encodes `None`.
const NONE: u64 = u64::MAX;

pub(super) fn millis(time: Duration) -> Millis {
    u64::try_from(time.as_millis()).unwrap_or(NONE).min(NONE - 1)
}

/// The fields that are left.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], FileStoreError> {
        let (field, rest) =
            self.0.split_first_chunk().ok_or_else(|| FileStoreError::corrupt("a record is too short"))?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u8(&mut self) -> Result<u8, FileStoreError> {
        self.take().map(u8::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, FileStoreError> {
        self.take().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, FileStoreError> {
        self.take().map(u64::from_be_bytes)
    }

    fn option(&mut self) -> Result<Option<u64>, FileStoreError> {
        self.u64().map(|number| (number != NONE).then_some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_rows_are_read_as_they_were_written() {
        let record =
            Record { mark: Mark(1), before: Mark(2), at: 3, terminal: true, last: false, bytes: b"data: x\n\n" };
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes).unwrap(), record);
        assert!(Record::decode(&bytes[..16]).unwrap_err().is_corrupt());

        for state in [State::Open, State::Removed, State::Closed(End::Failed), State::Closed(End::Lost)] {
            let mut row = Row::empty(7, Mark(9));
            (row.first, row.head, row.state, row.closed_ttl, row.due) = (4, 5, state, Some(0), Some(8));
            let bytes = row.encode();
            assert_eq!(Row::decode(&bytes).unwrap(), row);
            assert!(Row::decode(&bytes[1..]).unwrap_err().is_corrupt());
        }
    }

    #[test]
    fn keys_sort_by_log_and_then_by_number() {
        assert_eq!(halves(&event_key(3, 5)), (3, 5));
        assert!(event_key(1, u64::MAX) < event_key(2, 0) && event_key(2, 255) < event_key(2, 256));
    }
}
