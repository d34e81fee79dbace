//! The TypeScript of event types: each attribute and each form of data, as committed files, which the interop tests compile
//! and run. Those of `wire_formats` stand beside them.
//!
//!     SSE_TYPED_UPDATE=1 cargo test -p tests --test typescript --test wire_formats
#![allow(dead_code, reason = "types that are only looked at")]

use tests::contracts;

mod fields;
mod forms;
mod names;
mod nested;
