//! Finds blocks that one side writes and the other misreads.
//!
//! [`values`] enumerates the values of the writer's schema, guided by the reader's. [`blocks`] makes blocks of them. Only the
//! interpreters of both sides decide whether a block is a witness.

pub(super) mod blocks;
pub(super) mod random;
pub(super) mod shape;
mod smallest;
pub(super) mod values;
