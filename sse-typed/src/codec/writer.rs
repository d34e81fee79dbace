use std::{
    borrow::Cow,
    fmt::{self, Display, Write as _},
    time::Duration,
};

use serde::Serialize;

use super::json;
use crate::event::{EncodeError, EncodeErrorKind, EventId, MESSAGE};

/// Writes the fields of one event: what [`EncodeEvent::encode`](super::EncodeEvent::encode) is given.
///
/// There is no way to raw bytes: whatever is passed, no field and no second event can be forged. Fields may be written in
/// any order. Data written twice becomes further lines.
#[derive(Debug)]
pub struct EventWriter<'a> {
    out: &'a mut Vec<u8>,
    /// The event has said something of itself.
    begun: bool,
    has_id: bool,
    /// The event has an id of its own, be it one that cannot be written.
    owns_id: bool,
    has_retry: bool,
    has_data: bool,
}

impl<'a> EventWriter<'a> {
    #[inline]
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, begun: false, has_id: false, owns_id: false, has_retry: false, has_data: false }
    }

    #[inline]
    pub(super) const fn has_id(&self) -> bool {
        self.has_id
    }

    #[inline]
    pub(super) const fn owns_id(&self) -> bool {
        self.owns_id
    }

    /// Marks the event as one with an id of its own, which is about to be written.
    pub(crate) const fn mark_own_id(&mut self) {
        self.owns_id = true;
    }

    #[inline]
    pub(crate) const fn begun(&self) -> bool {
        self.begun
    }

    /// Writes what the event's envelope carries. That alone is no event.
    #[inline]
    pub(super) fn envelope(&mut self, id: Option<&EventId>, retry: Option<Duration>) {
        if let Some(id) = id {
            self.wire_id(id.as_str());
        }
        if let Some(retry) = retry {
            self.retry(retry);
        }
        self.begun = false;
    }

    /// Passes over the id that the event brings.
    #[cfg(feature = "hub")]
    pub(super) const fn omit_id(&mut self) {
        self.has_id = true;
    }

    /// Writes the id of an event that brought none, before its other fields: `start` is where they begin. The prefix was
    /// made by us.
    pub(super) fn number(&mut self, start: usize, prefix: &str, number: u64) {
        let end = self.out.len();
        // Neither a number nor a vector fails.
        let _ = writeln!(Text(self.out), "id: {prefix}{number}");
        let length = self.out.len() - end;
        self.out[start..].rotate_right(length);
        self.has_id = true;
    }

    /// Writes the `event:` field. An empty name and `message` need none, and none is written.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::EventType`] when the name has CR or LF.
    pub fn event_type(&mut self, name: &str) -> Result<(), EncodeError> {
        self.begun = true;
        if let Some(at) = memchr::memchr2(b'\r', b'\n', name.as_bytes()) {
            let cause = format!("a line end at byte {at}, which cannot stand in an `event:` line");
            return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
        }
        if !name.is_empty() && name != MESSAGE {
            self.field(b"event: ", name.as_bytes());
        }
        Ok(())
    }

    /// Writes a name that the derive has checked. Where this is inlined it is one copy of known length.
    #[inline]
    pub(crate) fn checked_event_type(&mut self, name: &'static str) {
        self.begun = true;
        self.field(b"event: ", name.as_bytes());
    }

    /// Writes the `id:` field. An id that the event's envelope has given already wins.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::Id`] when the id cannot travel: see [`EventId`].
    pub fn id(&mut self, id: impl Display) -> Result<(), EncodeError> {
        self.begun = true;
        self.mark_own_id();
        if self.has_id {
            return Ok(());
        }
        let start = self.out.len();
        let written = write!(Text(self.out), "id: {id}").map_err(|error| EncodeError::new(EncodeErrorKind::Id, error));
        let checked = written.and_then(|()| {
            let id = &self.out[start + b"id: ".len()..];
            EventId::check(id).map_err(|error| EncodeError::new(EncodeErrorKind::Id, error))
        });
        self.out.push(b'\n');
        self.has_id = checked.is_ok();
        self.unless(checked, start)
    }

    /// Writes an id as it was received: it may be one that [`id`](Self::id) refuses, as long as it is one line.
    pub(crate) fn received_id(&mut self, id: &str) -> Result<(), EncodeError> {
        self.mark_own_id();
        if let Some(at) = memchr::memchr3(b'\r', b'\n', 0, id.as_bytes()) {
            let cause = match id.as_bytes().get(at) {
                Some(0) => format!("a NUL at byte {at}, for which clients ignore the whole `id:` line"),
                _ => format!("a line end at byte {at}, which cannot stand in an `id:` line"),
            };
            return Err(EncodeError::new(EncodeErrorKind::Id, cause));
        }
        self.wire_id(id);
        Ok(())
    }

    /// Takes back what was written since `start`, if it came to nothing: who goes on behind an error has a clean block.
    fn unless(&mut self, result: Result<(), EncodeError>, start: usize) -> Result<(), EncodeError> {
        if result.is_err() {
            self.out.truncate(start);
        }
        result
    }

    /// Writes an id that came from a wire, or was checked when it was made.
    pub(crate) fn wire_id(&mut self, id: &str) {
        self.begun = true;
        self.mark_own_id();
        if !self.has_id {
            self.field(b"id: ", id.as_bytes());
            self.has_id = true;
        }
    }

    /// Writes the `retry:` field, in whole milliseconds, rounded up. One that the event's envelope has given wins.
    pub fn retry(&mut self, retry: Duration) {
        self.begun = true;
        if !self.has_retry {
            let millis = retry.as_nanos().div_ceil(1_000_000);
            let millis = u64::try_from(millis).unwrap_or(u64::MAX);
            // Neither a number nor a vector fails.
            let _ = writeln!(Text(self.out), "retry: {millis}");
            self.has_retry = true;
        }
    }

    /// Writes `data` as JSON.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::Data`] when `data` cannot be serialised.
    #[inline]
    pub fn json<T: Serialize + ?Sized>(&mut self, data: &T) -> Result<(), EncodeError> {
        self.data(|out| json::write(out, data).map_err(|error| EncodeError::new(EncodeErrorKind::Data, error)))
    }

    /// Writes `data` as text. Each of its lines becomes a `data:` line: CRLF, CR and LF all arrive as LF.
    ///
    /// # Errors
    ///
    /// [`EncodeErrorKind::Data`] when the `Display` of `data` fails.
    pub fn text(&mut self, data: impl Display) -> Result<(), EncodeError> {
        self.data(|out| {
            let written = write!(Text(out), "{data}");
            written.map(|()| true).map_err(|error| EncodeError::new(EncodeErrorKind::Data, error))
        })
    }

    /// Writes data by `write`, which says whether it may have line ends.
    #[inline]
    fn data(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<bool, EncodeError>) -> Result<(), EncodeError> {
        self.begun = true;
        let start = self.out.len();
        self.out.extend_from_slice(b"data: ");
        match write(self.out) {
            Ok(may_have_lines) => {
                if may_have_lines {
                    self.split_lines(start + b"data: ".len());
                }
                self.out.push(b'\n');
                self.has_data = true;
                Ok(())
            }
            Err(error) => self.unless(Err(error), start),
        }
    }

    /// How much is written, for [`data_behind`](Self::data_behind).
    pub(crate) const fn len(&self) -> usize {
        self.out.len()
    }

    /// The data that was written behind `start`, as it will arrive.
    pub(crate) fn data_behind(&self, start: usize) -> Cow<'_, str> {
        // All that is written is text.
        data_of(std::str::from_utf8(&self.out[start..]).unwrap_or_default())
    }

    /// Splits the data that begins at `start` into lines, if it has any.
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

    #[inline]
    fn field(&mut self, name: &[u8], value: &[u8]) {
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(value);
        self.out.push(b'\n');
    }

    /// Ends the block. An event without a data line would never be dispatched, so it gets one.
    #[inline]
    pub(super) fn finish(self) {
        if !self.has_data {
            self.out.extend_from_slice(b"data: \n");
        }
        self.out.push(b'\n');
    }
}

/// The data of written fields, as it will arrive.
pub(crate) fn data_of(fields: &str) -> Cow<'_, str> {
    let mut lines = fields.split('\n').filter_map(|line| line.strip_prefix("data: "));
    let first = lines.next().unwrap_or_default();
    match lines.next() {
        None => Cow::Borrowed(first),
        Some(second) => Cow::Owned([first, second].into_iter().chain(lines).collect::<Vec<_>>().join("\n")),
    }
}

/// Text that is written to bytes. (`io::Write` panics where a `Display` fails.)
struct Text<'a>(&'a mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
