//! Public event types with private types inside. The test is that this compiles.
#![deny(private_bounds, private_interfaces, unnameable_types)]

use serde::{Deserialize, Serialize};
use sse_typed::SseEvent;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Hidden(u8);

/// A struct with fields of a private type.
#[derive(Debug, PartialEq, SseEvent)]
pub struct Shown {
    hidden: Hidden,
    list: Vec<Hidden>,
}

/// A struct around a private type.
#[derive(Debug, PartialEq, SseEvent)]
pub struct Around(Hidden);
