//! Frees memory of collections that were larger than they are now.
//!
//! A collection shrinks to twice its length once its capacity is more than four times its length. So between two moves
//! its length has halved or doubled, and moving costs a constant for each element that is added or removed.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// An empty collection keeps capacity for this many elements.
const ELEMENTS: usize = 64;

/// An empty buffer keeps this capacity, in bytes.
const BUFFER: usize = 1 << 10;

fn is_too_much(capacity: usize, len: usize, kept: usize) -> bool {
    capacity / 4 > len.max(kept)
}

pub(super) fn shrink_queue<T>(queue: &mut VecDeque<T>) {
    if is_too_much(queue.capacity(), queue.len(), ELEMENTS) {
        queue.shrink_to(queue.len() * 2);
    }
}

pub(super) fn shrink_map<K: Eq + Hash, V>(map: &mut HashMap<K, V>) {
    if is_too_much(map.capacity(), map.len(), ELEMENTS) {
        map.shrink_to(map.len() * 2);
    }
}

/// Halves the capacity of an empty buffer that last held `len` bytes. It only halves it, because the sizes of bursts
/// differ.
pub(super) fn shrink_buffer(buffer: &mut Vec<u8>, len: usize) {
    if is_too_much(buffer.capacity(), len, BUFFER) {
        buffer.shrink_to(buffer.capacity() / 2);
    }
}

/// Frees the memory of an empty buffer that is not needed soon.
pub(super) fn free_buffer(buffer: &mut Vec<u8>) {
    if buffer.capacity() > BUFFER {
        *buffer = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_or_map_with_more_than_four_times_the_capacity_it_needs_shrinks_to_twice_its_length() {
        for (capacity, len, shrinks) in [(1_024, 300, false), (1_024, 200, true), (250, 10, false), (1_024, 10, true)] {
            let mut queue = VecDeque::with_capacity(capacity);
            queue.extend(0..len);
            shrink_queue(&mut queue);
            assert_eq!((queue.len(), queue.capacity()), (len, if shrinks { len * 2 } else { capacity }));
        }
        // The capacity of a map is a power of two less an eighth.
        for (capacity, len, shrunk) in [(1_792, 448, 1_792), (1_792, 447, 896), (448, 10, 28), (224, 10, 224)] {
            let mut map = HashMap::with_capacity(capacity);
            map.extend((0..len).map(|n| (n, ())));
            assert_eq!(map.capacity(), capacity);
            shrink_map(&mut map);
            assert_eq!((map.len(), map.capacity()), (len, shrunk));
        }
    }

    #[test]
    fn an_empty_buffer_shrinks_by_half_or_is_freed() {
        for (capacity, len, shrinks) in [(64 << 10, 20 << 10, false), (64 << 10, 9 << 10, true), (4 << 10, 0, false)] {
            let mut buffer = Vec::with_capacity(capacity);
            shrink_buffer(&mut buffer, len);
            assert_eq!(buffer.capacity(), if shrinks { capacity / 2 } else { capacity });
        }
        for (capacity, kept) in [(BUFFER, BUFFER), (BUFFER + 1, 0)] {
            let mut buffer = Vec::with_capacity(capacity);
            free_buffer(&mut buffer);
            assert_eq!(buffer.capacity(), kept);
        }
    }
}
