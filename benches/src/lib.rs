//! The benchmarks of sse-typed: what is measured, with what it is compared, and how.
//!
//! Each group (`decode`, `typed`, `encode`, `fan_out`) lists its [`Contender`]s: ours, the peers, and the physical limits. All
//! are checked to have done the whole work before one is timed. `cargo bench` times a group with criterion; the programs
//! in `src/bin` time contenders in turns, count allocations, and write RESULTS.md.

pub mod contender;
pub mod criterion;
pub mod decode;
pub mod drive;
pub mod encode;
pub mod fan_out;
pub mod growth;
pub mod http;
pub mod idle;
pub mod input;
pub mod replay;
pub mod report;
pub mod topics;
pub mod turns;
pub mod typed;

pub use contender::{Contender, Group, Kind, Tally};

/// Every group: its id, and what makes it.
pub const GROUPS: [(&str, MakeGroup); 16] = [
    ("decode/tokens", decode::token_stream),
    ("decode/vietnamese", decode::vietnamese),
    ("decode/ticker", decode::ticker),
    ("typed/tokens", typed::token_stream),
    ("encode/60", encode::small),
    ("encode/500", encode::large),
    ("fan-out/1", fan_out::alone),
    ("fan-out/1000", fan_out::one_small),
    ("fan-out/1000-large", fan_out::one_large),
    ("fan-out/10000", fan_out::many),
    ("fan-out/1000-bursts", fan_out::bursts),
    ("fan-out/10000-bursts", fan_out::many_bursts),
    ("topics/10", topics::few),
    ("topics/1000", topics::some),
    ("topics/10000", topics::many),
    ("replay", replay::replay),
];

pub type MakeGroup = fn() -> Group;

/// Whether an id begins like one of the arguments of this program, or there are none.
pub fn is_chosen(id: &str) -> bool {
    let mut prefixes = std::env::args().skip(1).peekable();
    prefixes.peek().is_none() || prefixes.any(|prefix| id.starts_with(&*prefix))
}

/// The groups that are chosen so.
pub fn chosen() -> impl Iterator<Item = Group> {
    GROUPS.into_iter().filter(|(id, _)| is_chosen(id)).map(|(_, group)| group())
}
