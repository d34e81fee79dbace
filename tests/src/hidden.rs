//! Types that nobody else can name, in ones that others can. Its test is its compilation.
#![deny(private_bounds, private_interfaces, unnameable_types)]

use serde::{Deserialize, Serialize};
use sse_typed::SseEvent;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Hidden(u8);

/// A struct with fields of its own.
#[derive(Debug, PartialEq, SseEvent)]
pub struct Shown {
    hidden: Hidden,
    list: Vec<Hidden>,
}

/// A struct around an event type of its own.
#[derive(Debug, PartialEq, SseEvent)]
pub struct Around(Hidden);
