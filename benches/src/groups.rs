//! The groups, by id.

use crate::{contender::Group, decode, encode, fan_out, proxy, replay, topics, typed};

/// Every group: its id, and the function that makes it.
pub const GROUPS: [(&str, MakeGroup); 28] = [
    ("decode/tokens", decode::token_stream),
    ("decode/vietnamese", decode::vietnamese),
    ("decode/ticker", decode::ticker),
    ("decode/consumer", decode::consumer),
    ("typed/tokens", typed::token_stream),
    ("encode/60", encode::small),
    ("encode/60-ready", encode::small_ready),
    ("encode/500", encode::large),
    ("encode/500-ready", encode::large_ready),
    ("proxy/tokens", proxy::one_by_one),
    ("proxy/chunks", proxy::lagging),
    ("fan-out/1", fan_out::one_subscriber),
    ("bodies/1", fan_out::one_body),
    ("fan-out/1000", fan_out::small_events),
    ("bodies/1000", fan_out::small_events_to_bodies),
    ("fan-out/1000-large", fan_out::large_events),
    ("bodies/1000-large", fan_out::large_events_to_bodies),
    ("fan-out/10000", fan_out::many_subscribers),
    ("bodies/10000", fan_out::many_bodies),
    ("fan-out/1000-bursts", fan_out::bursts),
    ("bodies/1000-bursts", fan_out::bursts_to_bodies),
    ("fan-out/10000-bursts", fan_out::bursts_to_many),
    ("bodies/10000-bursts", fan_out::bursts_to_many_bodies),
    ("topics/10", topics::ten),
    ("topics/1000", topics::thousand),
    ("topics/10000", topics::ten_thousand),
    ("replay", replay::replay),
    ("bodies/replay", replay::to_bodies),
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
