//! The TypeScript of event types: each attribute and each form of data, as committed files, which the interop tests compile
//! and run. The files of `wire_formats` are in the same folder.
//!
//!     SSE_TYPED_UPDATE=1 cargo test -p tests --test typescript --test wire_formats
#![allow(dead_code, reason = "types that are only looked at")]

use tests::contracts;

mod fields;
mod forms;
mod names;
mod nested;
