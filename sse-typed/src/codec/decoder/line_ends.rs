//! Finds the line ends of a chunk. Each byte is examined once, 64 at a time.

use memchr::memchr2;

/// Finds the line ends of one chunk in order: every CR and every LF, including both of a CRLF.
#[derive(Debug)]
pub(super) struct LineEnds {
    /// The line ends of the last block that were not returned yet. Bit 0 is the block's first byte.
    pending: u64,
    /// The start of the next block.
    next_block: usize,
}

const BLOCK: usize = u64::BITS as usize;

/// After this many blocks without a line end, the line counts as long.
const LONG_LINE_BLOCKS: usize = 4;

impl LineEnds {
    pub(super) const fn new() -> Self {
        Self { pending: 0, next_block: 0 }
    }

    /// The line ends of a chunk of this length that is not searched.
    pub(super) const fn none_in(length: usize) -> Self {
        Self { pending: 0, next_block: length }
    }

    /// The position of the next line end, if there is one.
    #[inline]
    pub(super) fn next(&mut self, chunk: &[u8]) -> Option<usize> {
        if self.pending == 0 {
            if self.next_block >= chunk.len() {
                return None;
            }
            self.search(chunk);
            if self.pending == 0 {
                return None;
            }
        }
        let end = self.next_block - BLOCK + self.pending.trailing_zeros() as usize;
        self.pending &= self.pending - 1;
        Some(end)
    }

    /// Advances to the next block with a line end.
    #[inline(never)]
    fn search(&mut self, chunk: &[u8]) {
        let (blocks, _) = chunk[self.next_block..].as_chunks::<BLOCK>();
        for block in blocks.iter().take(LONG_LINE_BLOCKS) {
            self.next_block += BLOCK;
            self.pending = in_block(block);
            if self.pending != 0 {
                return;
            }
        }
        if blocks.len() > LONG_LINE_BLOCKS {
            // A single search is faster for a long line. The next block begins at the end of the line.
            let rest = &chunk[self.next_block..];
            self.next_block += memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        }
        let rest = &chunk[self.next_block..];
        if !rest.is_empty() {
            self.next_block += BLOCK;
            self.pending = rest.first_chunk::<BLOCK>().map_or_else(|| in_rest(rest, chunk), in_block);
        }
    }
}

const fn is_line_end(byte: u8) -> bool {
    // Without a branch, so that the compiler can compare many bytes at once.
    (byte == b'\n') | (byte == b'\r')
}

/// Whether a small chunk has a line end. For up to 64 bytes this is faster than a call of `memchr2`.
#[inline]
pub(super) fn has_line_end(chunk: &[u8]) -> bool {
    match chunk.len() {
        ..8 => chunk.iter().any(|byte| is_line_end(*byte)),
        8..16 => is_in_first_or_last::<8>(chunk),
        16..32 => is_in_first_or_last::<16>(chunk),
        32..=64 => is_in_first_or_last::<32>(chunk),
        _ => memchr2(b'\r', b'\n', chunk).is_some(),
    }
}

/// Whether a piece of `N` to `2 * N` bytes has a line end. Its first and its last `N` bytes take a few vector instructions each.
// Inlined into other loops, the compiler would compare the bytes one by one.
#[inline(never)]
fn is_in_first_or_last<const N: usize>(piece: &[u8]) -> bool {
    let (Some(first), Some(last)) = (piece.first_chunk::<N>(), piece.last_chunk::<N>()) else { return false };
    let in_first = first.iter().fold(false, |any, byte| any | is_line_end(*byte));
    let in_last = last.iter().fold(false, |any, byte| any | is_line_end(*byte));
    in_first | in_last
}

/// The line ends of a block as a set of bits.
///
/// This is safe and portable code that compilers turn into vector instructions on every target: compare, keep one bit of each
/// byte, and add eight bytes at a time. It takes 3 ns for any block. A search that restarts after each line end (`memchr2`)
/// takes 5 ns per line, and an event has three lines.
#[inline(always)]
fn in_block(block: &[u8; BLOCK]) -> u64 {
    let mut bits = [0; BLOCK];
    for (index, (bit, byte)) in bits.iter_mut().zip(block).enumerate() {
        *bit = if is_line_end(*byte) { 1_u8 << (index % 8) } else { 0 };
    }
    let mut found = 0;
    for (index, group) in bits.as_chunks::<8>().0.iter().enumerate() {
        found |= u64::from(group.iter().sum::<u8>()) << (8 * index);
    }
    found
}

/// The line ends of `rest`, the end of the chunk, which is shorter than a block.
#[inline(never)]
fn in_rest(rest: &[u8], chunk: &[u8]) -> u64 {
    if rest.len() < 8 {
        let bits = rest.iter().enumerate().map(|(index, byte)| u64::from(is_line_end(*byte)) << index);
        return bits.fold(0, |found, bit| found | bit);
    }
    if let Some(last) = chunk.last_chunk::<BLOCK>() {
        // The last block of the chunk, without the bytes that were examined before.
        return in_block(last) >> (BLOCK - rest.len());
    }
    match rest.len() {
        ..16 => in_first_and_last::<8>(rest),
        16..32 => in_first_and_last::<16>(rest),
        _ => in_first_and_last::<32>(rest),
    }
}

/// The line ends of a piece of `N` to `2 * N` bytes. Copying its first and its last `N` bytes into a block is faster than a copy
/// of variable length.
#[inline(always)]
fn in_first_and_last<const N: usize>(piece: &[u8]) -> u64 {
    let (Some(first), Some(last)) = (piece.first_chunk::<N>(), piece.last_chunk::<N>()) else { return 0 };
    let mut block = [0; BLOCK];
    block[..N].copy_from_slice(first);
    block[N..2 * N].copy_from_slice(last);
    let found = in_block(&block);
    let in_first = found & ((1 << N) - 1);
    in_first | (found >> N) << (piece.len() - N)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Arbitrary bytes, and runs that are as long as a long line.
    fn chunk() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            1 => prop::sample::select(vec![b'\n', b'\r']),
            // Adjacent values, and values that differ in one bit.
            1 => prop::sample::select(vec![0, 9, 11, 12, 14, 0x8A, 0x8D, 0xFF]),
            4 => any::<u8>(),
        ];
        let piece = prop_oneof![
            prop::collection::vec(byte, 0..100),
            (0..3 * LONG_LINE_BLOCKS * BLOCK).prop_map(|length| vec![b'-'; length]),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_line_end_is_found_once_and_in_order(chunk in chunk()) {
            let mut line_ends = LineEnds::new();
            let found: Vec<_> = std::iter::from_fn(|| line_ends.next(&chunk)).collect();
            let expected: Vec<_> = (0..chunk.len()).filter(|&at| matches!(chunk[at], b'\n' | b'\r')).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(line_ends.next(&chunk), None);
        }

        #[test]
        fn a_chunk_has_a_line_end_if_there_is_one_at_any_position(mut chunk in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(has_line_end(&chunk), chunk.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
            chunk.fill(b'-');
            prop_assert!(!has_line_end(&chunk));
            for at in 0..chunk.len() {
                chunk[at] = b'\n';
                prop_assert!(has_line_end(&chunk));
                chunk[at] = b'-';
            }
        }
    }
}
