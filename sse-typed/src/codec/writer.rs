use std::{
    borrow::Cow,
    fmt::{self, Display, Write as _},
    time::Duration,
};

use serde::Serialize;

use super::json;
use crate::event::{EncodeError, EncodeErrorKind, EventId, MESSAGE};

/// Writes the fields of one event. [`EncodeEvent::encode`](super::EncodeEvent::encode) receives it.
///
/// It gives no access to the raw bytes, so no value can forge a field or a second event. Fields may be written in any order.
/// Data that is written twice becomes further lines.
#[derive(Debug)]
pub struct EventWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The event itself has written a field, besides those of its envelope.
    has_content: bool,
    has_id: bool,
    /// The event has an id of its own, even if that cannot be written.
    has_own_id: bool,
    has_retry: bool,
    has_data: bool,
    /// The empty line that ends the block is written. It is written together with the end of the data, which is mostly the last
    /// field.
    is_ended: bool,
}

impl<'a> EventWriter<'a> {
    #[inline]
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            has_content: false,
            has_id: false,
            has_own_id: false,
            has_retry: false,
            has_data: false,
            is_ended: false,
        }
    }

    #[inline]
    pub(super) const fn has_id(&self) -> bool {
        self.has_id
    }

    #[inline]
    pub(super) const fn has_own_id(&self) -> bool {
        self.has_own_id
    }

    /// Records that the event has an id of its own, before it is written.
    pub(crate) const fn mark_own_id(&mut self) {
        self.has_own_id = true;
    }

    #[inline]
    pub(crate) const fn has_content(&self) -> bool {
        self.has_content
    }

    /// Writes the id and reconnection time of the event's envelope. They alone do not make an event.
    #[inline]
    pub(super) fn write_envelope(&mut self, id: Option<&EventId>, retry: Option<Duration>) {
        if let Some(id) = id {
            self.valid_id(id.as_str());
        }
        if let Some(retry) = retry {
            self.retry(retry);
        }
        self.has_content = false;
    }

    /// Suppresses the event's own id.
    #[cfg(feature = "hub")]
    pub(super) const fn omit_id(&mut self) {
        self.has_id = true;
    }

    /// Writes a numbered id before the other fields of the event, which begin at `start`. The prefix must be valid in an id.
    pub(super) fn insert_numbered_id(&mut self, start: usize, prefix: &str, number: u64) {
        let end = self.out.len();
        // Neither formatting a number nor writing to a vector fails.
        let _ = writeln!(FmtWriter(self.out), "id: {prefix}{number}");
        let length = self.out.len() - end;
        self.out[start..].rotate_right(length);
        self.has_id = true;
    }

    /// Writes the `event:` field. For an empty name and for `message` it writes no field, because clients need none.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::EventType`] if the name contains CR or LF.
    pub fn event_type(&mut self, name: &str) -> Result<(), EncodeError> {
        self.has_content = true;
        if let Some(at) = memchr::memchr2(b'\r', b'\n', name.as_bytes()) {
            let cause = format!("it has a line end at byte {at}, which would end the `event:` line");
            return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
        }
        if !name.is_empty() && name != MESSAGE {
            self.field(b"event: ", name.as_bytes());
        }
        Ok(())
    }

    /// Writes an event type that the derive has checked. Inlined, it is one append of known length.
    #[inline]
    pub(crate) fn checked_event_type(&mut self, name: &'static str) {
        const BEGIN: &[u8] = b"event: ";
        self.has_content = true;
        let mut line = [0; 40];
        let end = BEGIN.len() + name.len();
        if end >= line.len() {
            return self.field(BEGIN, name.as_bytes());
        }
        self.reopen();
        line[..BEGIN.len()].copy_from_slice(BEGIN);
        line[BEGIN.len()..end].copy_from_slice(name.as_bytes());
        line[end] = b'\n';
        self.out.extend_from_slice(&line[..=end]);
    }

    /// Writes the `id:` field, unless the [`Event`](crate::Event) around the value has an id, which takes precedence.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::Id`] if the id is not valid: see [`EventId`].
    pub fn id(&mut self, id: impl Display) -> Result<(), EncodeError> {
        self.has_content = true;
        self.mark_own_id();
        if self.has_id {
            return Ok(());
        }
        self.reopen();
        let start = self.out.len();
        let written =
            write!(FmtWriter(self.out), "id: {id}").map_err(|error| EncodeError::new(EncodeErrorKind::Id, error));
        let checked = written.and_then(|()| {
            let id = &self.out[start + b"id: ".len()..];
            EventId::check(id).map_err(|error| EncodeError::new(EncodeErrorKind::Id, error))
        });
        self.out.push(b'\n');
        self.has_id = checked.is_ok();
        self.truncate_if_err(checked, start)
    }

    /// Writes a received id. Unlike [`id`](Self::id), it accepts every id that is one line without NUL.
    pub(crate) fn received_id(&mut self, id: &str) -> Result<(), EncodeError> {
        self.mark_own_id();
        if let Some(at) = memchr::memchr3(b'\r', b'\n', 0, id.as_bytes()) {
            let cause = match id.as_bytes().get(at) {
                Some(0) => format!("it has a NUL at byte {at}, and clients ignore an `id:` line with a NUL"),
                _ => format!("it has a line end at byte {at}, which would end the `id:` line"),
            };
            return Err(EncodeError::new(EncodeErrorKind::Id, cause));
        }
        self.valid_id(id);
        Ok(())
    }

    /// Discards everything written since `start` if `result` is an error, so that an implementation that continues after an
    /// error has a clean block.
    fn truncate_if_err(&mut self, result: Result<(), EncodeError>, start: usize) -> Result<(), EncodeError> {
        if result.is_err() {
            self.out.truncate(start);
        }
        result
    }

    /// Writes an id that is known to be valid in an `id:` line.
    pub(crate) fn valid_id(&mut self, id: &str) {
        self.has_content = true;
        self.mark_own_id();
        if !self.has_id {
            self.field(b"id: ", id.as_bytes());
            self.has_id = true;
        }
    }

    /// Writes the `retry:` field, rounded up to whole milliseconds, unless the [`Event`](crate::Event) around the value has a
    /// reconnection time, which takes precedence.
    pub fn retry(&mut self, retry: Duration) {
        self.has_content = true;
        if !self.has_retry {
            self.reopen();
            let millis = retry.as_nanos().div_ceil(1_000_000);
            let millis = u64::try_from(millis).unwrap_or(u64::MAX);
            // Neither formatting a number nor writing to a vector fails.
            let _ = writeln!(FmtWriter(self.out), "retry: {millis}");
            self.has_retry = true;
        }
    }

    /// Writes `data` as JSON.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::Data`] if `data` cannot be serialized.
    #[inline]
    pub fn json<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), EncodeError> {
        self.data(|out| json::write(out, data).map_err(|error| EncodeError::new(EncodeErrorKind::Data, error)))
    }

    /// Writes `data` as text. Each of its lines becomes a `data:` line. CRLF, CR and LF all arrive as LF.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::Data`] if the `Display` implementation of `data` fails.
    pub fn text(&mut self, data: impl Display) -> Result<(), EncodeError> {
        self.data(|out| {
            let written = write!(FmtWriter(out), "{data}");
            written.map(|()| true).map_err(|error| EncodeError::new(EncodeErrorKind::Data, error))
        })
    }

    /// Writes data by `write`, which returns whether the data may contain line ends.
    #[inline]
    fn data(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<bool, EncodeError>) -> Result<(), EncodeError> {
        self.has_content = true;
        self.reopen();
        let start = self.out.len();
        self.out.extend_from_slice(b"data: ");
        match write(self.out) {
            Ok(may_have_lines) => {
                if may_have_lines {
                    self.split_lines(start + b"data: ".len());
                }
                self.out.extend_from_slice(b"\n\n");
                (self.has_data, self.is_ended) = (true, true);
                Ok(())
            }
            Err(error) => self.truncate_if_err(Err(error), start),
        }
    }

    /// The number of bytes written, as the start for [`data_since`](Self::data_since).
    pub(crate) const fn len(&self) -> usize {
        // The next field replaces the empty line.
        self.out.len() - self.is_ended as usize
    }

    /// The data written since `start`, as a client receives it.
    pub(crate) fn data_since(&self, start: usize) -> Cow<'_, str> {
        // Only text was written.
        data_in_fields(std::str::from_utf8(&self.out[start..]).unwrap_or_default())
    }

    /// Splits the data that begins at `start` into `data:` lines at its line ends.
    fn split_lines(&mut self, start: usize) {
        if memchr::memchr2(b'\r', b'\n', &self.out[start..]).is_none() {
            return;
        }
        let data = self.out.split_off(start);
        let mut rest = &data[..];
        while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
            self.out.extend_from_slice(&rest[..end]);
            self.out.extend_from_slice(b"\ndata: ");
            let end_of_line = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
            rest = &rest[end + end_of_line..];
        }
        self.out.extend_from_slice(rest);
    }

    /// Removes the empty line that ends the block, because another field follows.
    #[inline]
    fn reopen(&mut self) {
        if self.is_ended {
            self.out.pop();
            self.is_ended = false;
        }
    }

    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.reopen();
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(value);
        self.out.push(b'\n');
    }

    /// Ends the block. An event without a `data:` line gets an empty one, because clients would not dispatch it.
    #[inline]
    pub(super) fn finish(self) {
        if !self.has_data {
            self.out.extend_from_slice(b"data: \n\n");
        } else if !self.is_ended {
            self.out.push(b'\n');
        }
    }
}

/// The data of encoded fields, as a client receives it.
pub(crate) fn data_in_fields(fields: &str) -> Cow<'_, str> {
    let mut lines = fields.split('\n').filter_map(|line| line.strip_prefix("data: "));
    let first = lines.next().unwrap_or_default();
    match lines.next() {
        None => Cow::Borrowed(first),
        Some(second) => Cow::Owned([first, second].into_iter().chain(lines).collect::<Vec<_>>().join("\n")),
    }
}

/// Writes formatted text to bytes. (`write!` to an `io::Write` panics if a `Display` implementation fails.)
struct FmtWriter<'a>(&'a mut Vec<u8>);

impl fmt::Write for FmtWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
