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
        let (blocks, _) = chunk[self.next_block..].as_chunks();
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
            self.pending = rest.first_chunk().map_or_else(|| in_rest(rest, chunk), in_block);
        }
    }
}

const fn is_line_end(byte: u8) -> bool {
    // Without a branch, so that the compiler can compare many bytes at once.
    (byte == b'\n') | (byte == b'\r')
}

/// Whether a small chunk has a line end. A call of `memchr2` costs as much as looking at eight bytes.
#[inline]
pub(super) fn has_line_end(chunk: &[u8]) -> bool {
    if chunk.len() < 8 { chunk.iter().any(|byte| is_line_end(*byte)) } else { memchr2(b'\r', b'\n', chunk).is_some() }
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
    if rest.len() < FEW_BYTES {
        let bits = rest.iter().enumerate().map(|(index, byte)| u64::from(is_line_end(*byte)) << index);
        return bits.fold(0, |found, bit| found | bit);
    }
    let (block, seen) = match chunk.last_chunk() {
        Some(last) => (*last, BLOCK - rest.len()),
        None => {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            (block, 0)
        }
    };
    in_block(&block) >> seen
}

/// Fewer bytes than this are examined one by one.
const FEW_BYTES: usize = 32;

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
    }
}
