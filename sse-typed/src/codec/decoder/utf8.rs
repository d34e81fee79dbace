//! The bytes of a stream as text: the standard's "UTF-8 decode", chunk by chunk.

use std::str;

use bytes::Bytes;
use bytestring::ByteString;

/// Turns chunks of bytes into chunks of text.
///
/// A chunk is checked once and as a whole, and a [`ByteString`] remembers that it was: what is lent of it is not looked at
/// again. Values are short, and to check them one by one costs five times as much. Nor is anything behind this stage
/// concerned with bytes that are no text.
#[derive(Debug)]
pub(super) struct Utf8 {
    /// The character that the last chunk has begun.
    unfinished: Vec<u8>,
}

/// The longest piece of a character that is not finished, in bytes.
const LONGEST_UNFINISHED: usize = 3;

/// In bytes.
const SMALL: usize = 1024;

impl Utf8 {
    pub(super) const fn new() -> Self {
        Self { unfinished: Vec::new() }
    }

    pub(super) fn restart(&mut self) {
        self.unfinished.clear();
    }

    /// Whether the last chunk has begun a character, which is dropped.
    pub(super) fn take_unfinished(&mut self) -> bool {
        let any = !self.unfinished.is_empty();
        self.unfinished.clear();
        any
    }

    /// The text of the next chunk: as it lies there, if it is valid. What is not becomes U+FFFD.
    pub(super) fn decode(&mut self, mut chunk: Bytes) -> ByteString {
        if !self.unfinished.is_empty() {
            // A copy of the chunk, which only text that is not ASCII ever costs.
            self.unfinished.extend_from_slice(&chunk);
            chunk = std::mem::take(&mut self.unfinished).into();
        }
        let end = chunk.len() - unfinished(&chunk);
        if end < chunk.len() {
            self.unfinished.extend_from_slice(&chunk.split_off(end));
        }
        // The check takes the chunk, and repairing needs it: what a second reference costs is more than to look twice at a
        // small chunk, and less than to do so at a large one.
        let received = if chunk.len() < SMALL && chunk.is_ascii() { Bytes::new() } else { chunk.clone() };
        ByteString::try_from(chunk).unwrap_or_else(|_| String::from_utf8_lossy(&received).into_owned().into())
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    if bytes.last().is_none_or(u8::is_ascii) {
        return 0;
    }
    let tail = &bytes[bytes.len().saturating_sub(LONGEST_UNFINISHED)..];
    let Some(start) = tail.iter().rposition(|byte| is_first_byte(*byte)) else { return 0 };
    match str::from_utf8(&tail[start..]) {
        Err(error) if error.error_len().is_none() => tail.len() - start,
        _ => 0,
    }
}

/// Whether a character of several bytes may begin with this one.
const fn is_first_byte(byte: u8) -> bool {
    byte >= 0b1100_0000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that are text, nearly text, and pieces of it.
    fn nearly_text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec!["a", "é", "€", "🦀", "\u{FEFF}", "\u{10FFFF}"])
                .prop_map(|text| text.as_bytes().to_vec()),
            prop::sample::select(vec![0xC0, 0xC3, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xF5, 0xFF])
                .prop_map(|byte| vec![byte]),
            prop::sample::select(vec![0x80, 0x82, 0x90, 0x9F, 0xA0, 0xBF]).prop_map(|byte| vec![byte]),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_text_is_that_of_the_whole(
            input in nearly_text(),
            mut cuts in prop::collection::vec(0_usize..40, 0..6),
        ) {
            cuts.sort_unstable();
            let mut utf8 = Utf8::new();
            let mut start = 0;
            let mut text = String::new();
            for end in cuts.into_iter().chain([input.len()]) {
                let end = end.clamp(start, input.len());
                text += &utf8.decode(Bytes::copy_from_slice(&input[start..end]));
                start = end;
            }
            prop_assert!(utf8.unfinished.len() <= LONGEST_UNFINISHED);
            // What is held back is a character's beginning, and U+FFFD only if nothing follows.
            text += &String::from_utf8_lossy(&utf8.unfinished);
            prop_assert_eq!(text, String::from_utf8_lossy(&input));
        }
    }
}
