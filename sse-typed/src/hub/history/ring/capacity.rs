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
