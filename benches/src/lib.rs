//! The benchmarks of sse-typed.
//!
//! Each group (`decode`, `typed`, `encode`, `fan_out`, `topics`, `replay`, `proxy`) lists its [contenders](contender::Contender):
//! sse-typed, its peers, and limits such as raw TCP. Every contender is checked to have done the whole work before one is
//! timed. `cargo bench` times a group with criterion. The programs in `src/bin` time contenders in turns, count allocations,
//! and write RESULTS.md.

pub mod clients;
pub mod contender;
pub mod criterion;
pub mod decode;
pub mod drive;
pub mod encode;
pub mod fan_out;
pub mod format;
pub mod groups;
pub mod growth;
pub mod http;
pub mod idle;
pub mod input;
pub mod market;
pub mod proxy;
pub mod replay;
pub mod report;
pub mod timing;
pub mod topics;
pub mod typed;
