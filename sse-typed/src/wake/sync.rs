//! The atomic numbers of this module: those of std, or those of loom in its models.

#[cfg(all(test, sse_typed_loom))]
pub(super) use loom::sync::atomic::AtomicU64;
#[cfg(not(all(test, sse_typed_loom)))]
pub(super) use std::sync::atomic::AtomicU64;
