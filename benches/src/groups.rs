//! The groups, by id.

use crate::{contender::Group, decode, encode, fan_out, replay, topics, typed};

/// Every group: its id, and the function that makes it.
pub const GROUPS: [(&str, MakeGroup); 17] = [
    ("decode/tokens", decode::token_stream),
    ("decode/vietnamese", decode::vietnamese),
    ("decode/ticker", decode::ticker),
    ("decode/consumer", decode::consumer),
    ("typed/tokens", typed::token_stream),
    ("encode/60", encode::small),
    ("encode/500", encode::large),
    ("fan-out/1", fan_out::one_subscriber),
    ("fan-out/1000", fan_out::small_events),
    ("fan-out/1000-large", fan_out::large_events),
    ("fan-out/10000", fan_out::many_subscribers),
    ("fan-out/1000-bursts", fan_out::bursts),
    ("fan-out/10000-bursts", fan_out::bursts_to_many),
    ("topics/10", topics::ten),
    ("topics/1000", topics::thousand),
    ("topics/10000", topics::ten_thousand),
    ("replay", replay::replay),
];

/// Makes a group, and checks its contenders.
pub type MakeGroup = fn() -> Group;

/// Whether `id` starts with one of the arguments of this program. True without arguments.
pub fn is_chosen(id: &str) -> bool {
    let mut prefixes = std::env::args().skip(1).peekable();
    prefixes.peek().is_none() || prefixes.any(|prefix| id.starts_with(&*prefix))
}

/// The groups that the arguments of this program choose.
pub fn chosen() -> impl Iterator<Item = Group> {
    GROUPS.into_iter().filter(|(id, _)| is_chosen(id)).map(|(_, group)| group())
}
