//! The standard's "UTF-8 decode", chunk by chunk.

use std::str;

use bytes::Bytes;
use bytestring::ByteString;

/// Decodes chunks of bytes into chunks of text.
///
/// Each chunk is validated once as a whole, and its [`ByteString`] records that. So slices of it need no validation: values are
/// short, and validating each of them costs five times as much. The code after this step deals with valid text only.
#[derive(Debug)]
pub(super) struct Utf8Decoder {
    /// The bytes of a character that the last chunk began.
    unfinished: Vec<u8>,
}

/// The longest part of an unfinished character, in bytes.
const LONGEST_UNFINISHED: usize = 3;

/// Chunks below this size are first checked for ASCII, in bytes.
const SMALL_CHUNK: usize = 1024;

impl Utf8Decoder {
    pub(super) const fn new() -> Self {
        Self { unfinished: Vec::new() }
    }

    pub(super) fn restart(&mut self) {
        self.unfinished.clear();
    }

    /// Whether the last chunk began a character.
    pub(super) const fn has_unfinished(&self) -> bool {
        !self.unfinished.is_empty()
    }

    /// Discards a character that the last chunk began. Returns whether there was one.
    pub(super) fn discard_unfinished(&mut self) -> bool {
        let any = !self.unfinished.is_empty();
        self.unfinished.clear();
        any
    }

    /// The text of the next chunk, without a copy if it is valid. Invalid bytes become U+FFFD.
    pub(super) fn decode(&mut self, mut chunk: Bytes) -> ByteString {
        if !self.unfinished.is_empty() {
            // This copies the chunk. It only happens for text that is not ASCII.
            self.unfinished.extend_from_slice(&chunk);
            chunk = std::mem::take(&mut self.unfinished).into();
        }
        let end = chunk.len() - unfinished(&chunk);
        if end < chunk.len() {
            self.unfinished.extend_from_slice(&chunk.split_off(end));
        }
        // The validation consumes the chunk, and the replacement of invalid bytes needs it again. For a small chunk a check for
        // ASCII is cheaper than a second reference; for a large one it is not.
        if chunk.len() < SMALL_CHUNK && is_ascii(&chunk) {
            return ByteString::try_from(chunk).unwrap_or_default();
        }
        let received = chunk.clone();
        ByteString::try_from(chunk).unwrap_or_else(|_| String::from_utf8_lossy(&received).into_owned().into())
    }
}

/// Whether all bytes are ASCII.
///
/// `[u8]::is_ascii` examines 64 bytes at a time, and the remaining ones one by one. For an event of 154 bytes that takes 150
/// instructions, and this function 50.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    // The last block overlaps the one before it.
    let Some(last) = bytes.last_chunk() else { return bytes.is_ascii() };
    bytes.as_chunks().0.iter().all(is_ascii_block) && is_ascii_block(last)
}

fn is_ascii_block(block: &[u8; 32]) -> bool {
    // Without a branch, so that the compiler can combine many bytes at once.
    !block.iter().fold(false, |any, byte| any | !byte.is_ascii())
}

/// How many bytes at the end are the beginning of an unfinished character.
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

/// Whether this byte may begin a character of several bytes.
const fn is_first_byte(byte: u8) -> bool {
    byte >= 0b1100_0000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_byte_that_is_not_ascii_is_found_at_any_position() {
        for length in 0..100 {
            let mut bytes = vec![b'a'; length];
            assert!(is_ascii(&bytes), "{length} bytes");
            for at in 0..length {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "byte {at} of {length}");
                bytes[at] = b'a';
            }
        }
    }

    /// Bytes that are valid UTF-8, almost valid, or parts of characters.
    fn almost_utf8() -> impl Strategy<Value = Vec<u8>> {
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
        fn split_anywhere_the_text_equals_that_of_the_whole_input(
            input in almost_utf8(),
            mut cuts in prop::collection::vec(0_usize..40, 0..6),
        ) {
            cuts.sort_unstable();
            let mut utf8 = Utf8Decoder::new();
            let mut start = 0;
            let mut text = String::new();
            for end in cuts.into_iter().chain([input.len()]) {
                let end = end.clamp(start, input.len());
                text += &utf8.decode(Bytes::copy_from_slice(&input[start..end]));
                start = end;
            }
            prop_assert!(utf8.unfinished.len() <= LONGEST_UNFINISHED);
            // The bytes held back are the beginning of a character. They become U+FFFD only at the end of the input.
            text += &String::from_utf8_lossy(&utf8.unfinished);
            prop_assert_eq!(text, String::from_utf8_lossy(&input));
        }
    }
}
