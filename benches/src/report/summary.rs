//! The summary: a line for each kind of work.

use super::{
    records::{Records, number},
    tables::{header, is_ours, line},
};
use crate::format::{short, with_commas};

/// The groups of the summary, by id, and the work in short.
const GROUPS: [(&str, &str); 10] = [
    ("decode/tokens", "decode, untyped, ns per event"),
    ("decode/consumer", "the same, and look at type, data and id"),
    ("typed/tokens", "decode, typed, ns per event"),
    ("encode/60", "encode, one at a time, ns per event"),
    ("encode/60-ready", "encode, all ready, ns per event"),
    ("proxy/tokens", "typed proxy, one token at a time, ns"),
    ("fan-out/1000", "fan-out to 1,000 subscriptions, ns per delivery"),
    ("bodies/1000", "fan-out to 1,000 HTTP bodies, ns per delivery"),
    ("topics/1000", "1,000 topics, ns per event"),
    ("bodies/replay", "replay to HTTP bodies, ns per event"),
];

/// A measured contender.
struct Measured<'a> {
    name: &'a str,
    value: f64,
}

pub(super) fn table(records: &Records) -> String {
    let mut text = header(&["", "sse-typed", "best peer", "peer ÷ sse-typed", "limit"]);
    for (group, work) in GROUPS {
        let of = |wanted: &str| {
            let lines = records.of_kind::<5>("time").filter(|[id, _, kind, ..]| *id == group && *kind == wanted);
            lines.map(|[_, _, _, name, time]| Measured { name, value: number(time) }).collect::<Vec<_>>()
        };
        text += &row(work, &of("Ours"), &of("Peer"), of("Limit").last(), false);
    }
    for (version, burst, work) in [
        ("1.1", "1", "HTTP/1.1, one at a time, deliveries per second"),
        ("1.1", "32", "HTTP/1.1, 32 at a time, deliveries per second"),
        ("2", "1", "HTTP/2, one at a time, deliveries per second"),
        ("2", "32", "HTTP/2, 32 at a time, deliveries per second"),
    ] {
        let lines = records.of_kind::<5>("http").filter(|line| line[0] == version && line[1] == burst);
        text += &by_name(work, lines.map(|line| (line[2], line[3])), true);
    }
    let latency = |receivers: &'static str| {
        records.of_kind::<6>("latency").filter(move |line| line[0] == receivers).map(|line| (line[1], line[3]))
    };
    text += &by_name("to the last of 1,000 receivers, p50, us", latency("1000"), false);
    text += &by_name("to the last of 10,000 receivers, p50, us", latency("10000"), false);
    let resumed = records.of_kind::<5>("resume").map(|line| (line[0], line[1]));
    text += &by_name("1,000 clients resume, events per second", resumed, true);
    let clients = records.of_kind::<4>("client").map(|line| (line[1], line[3]));
    text += &by_name("whole client, ns of processor per event", clients, false);
    let sources = records.of_kind::<3>("client-memory").map(|line| (line[0], line[2]));
    text += &by_name("idle source of a client, bytes", sources, false);
    let memory = records.of_kind::<4>("memory").filter(|line| line[2] == "19000").map(|line| (line[0], line[3]));
    text + &by_name("idle stream of a server, bytes", memory, false)
}

fn by_name<'a>(work: &str, lines: impl Iterator<Item = (&'a str, &'a str)>, higher_is_better: bool) -> String {
    let (mut ours, mut peers, mut limit) = (Vec::new(), Vec::new(), None);
    for (name, value) in lines {
        let measured = Measured { name, value: number(value) };
        match name {
            _ if is_ours(name) => ours.push(measured),
            _ if name.starts_with("raw TCP") || name.starts_with("tokio's") => limit = Some(measured),
            _ => peers.push(measured),
        }
    }
    row(work, &ours, &peers, limit.as_ref(), higher_is_better)
}

fn row(
    work: &str,
    ours: &[Measured<'_>],
    peers: &[Measured<'_>],
    limit: Option<&Measured<'_>>,
    higher: bool,
) -> String {
    let best = |of: &[Measured<'_>]| {
        let values = of.iter().enumerate().map(|(number, measured)| (number, measured.value));
        let best = values.reduce(|one, other| if (other.1 > one.1) == higher { other } else { one });
        best.map(|(number, _)| number)
    };
    let (Some(our_best), peer) = (best(ours), best(peers).map(|number| &peers[number])) else { return String::new() };
    let ours = ours[our_best].value;
    let shown = |value: f64| if value >= 10_000.0 { with_commas(value as u64) } else { short(value) };
    let ahead = peer.is_some_and(|peer| if higher { peer.value > ours } else { peer.value < ours });
    let mark = if ahead { "▲ " } else { "" };
    let cells = [
        work.to_owned(),
        shown(ours),
        peer.map_or_else(|| "-".to_owned(), |peer| format!("{mark}{} ({})", shown(peer.value), peer.name)),
        peer.map_or_else(|| "-".to_owned(), |peer| short(peer.value / ours)),
        limit.map_or_else(|| "-".to_owned(), |limit| shown(limit.value)),
    ];
    line(false, &cells)
}
