//! The benchmarks of sse-typed: what is measured, with what it is compared, and how.
//!
//! Each group (`decode`, `typed`, `encode`, `fan_out`) lists its [`Contender`]s: ours, the peers, and the physical limits. All
//! are checked to have done the whole work before one is timed. `cargo bench` times a group with criterion; the programs
//! in `src/bin` time contenders in turns, count allocations, and write RESULTS.md.

#![allow(missing_docs, reason = "a program's parts, not a library's")]

pub mod contender;
pub mod criterion;
pub mod decode;
pub mod drive;
pub mod encode;
pub mod fan_out;
pub mod input;
pub mod turns;
pub mod typed;

pub use contender::{Contender, Group, Kind, Tally};

/// Every group: its id, and what makes it.
pub const GROUPS: [(&str, MakeGroup); 11] = [
    ("decode/tokens", decode::token_stream),
    ("decode/vietnamese", decode::vietnamese),
    ("decode/ticker", decode::ticker),
    ("typed/tokens", typed::token_stream),
    ("encode/60", encode::small),
    ("encode/500", encode::large),
    ("fan-out/1000", fan_out::one_small),
    ("fan-out/1000-large", fan_out::one_large),
    ("fan-out/10000", fan_out::many),
    ("fan-out/1000-bursts", fan_out::bursts),
    ("fan-out/10000-bursts", fan_out::many_bursts),
];

pub type MakeGroup = fn() -> Group;

/// The groups whose ids begin like one of the arguments of this program; all if there are none.
pub fn chosen() -> impl Iterator<Item = Group> {
    let prefixes: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen = move |id: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| id.starts_with(&**prefix));
    GROUPS.into_iter().filter(move |(id, _)| is_chosen(id)).map(|(_, group)| group())
}
