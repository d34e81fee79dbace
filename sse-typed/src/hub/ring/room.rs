//! Giving back the memory of collections that were larger than they are now.
//!
//! A collection shrinks to twice what it holds once it has room for more than four times that. So between two moves its
//! length has halved or doubled, and moving costs a constant for each element that comes or goes.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// The room of this many elements is kept by an empty collection.
const ELEMENTS: usize = 64;

/// The room that is kept by an empty buffer, in bytes.
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

/// Halves the room of an empty buffer that was filled to `len` last. It halves only, because the sizes of bursts differ.
pub(super) fn shrink_buffer(buffer: &mut Vec<u8>, len: usize) {
    if is_too_much(buffer.capacity(), len, BUFFER) {
        buffer.shrink_to(buffer.capacity() / 2);
    }
}

/// Frees an empty buffer that will not be needed soon.
pub(super) fn free_buffer(buffer: &mut Vec<u8>) {
    if buffer.capacity() > BUFFER {
        *buffer = Vec::new();
    }
}
