//! The tables.

use std::fmt::Write;

use super::records::{Records, number};
use crate::{
    format::{short, with_commas},
    growth::TABLES,
};

/// The names without repetitions, in their first order.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

fn header(columns: &[&str]) -> String {
    format!("| {} |\n|---|{}\n", columns.join(" | "), "--:|".repeat(columns.len() - 1))
}

/// A line of a table. Lines of sse-typed are bold.
fn line(ours: bool, cells: &[String]) -> String {
    let mark = if ours { "**" } else { "" };
    let cells: Vec<String> = cells.iter().map(|cell| format!("{mark}{cell}{mark}")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Notes on the groups whose id starts with the first string.
const NOTES: [(&str, &str); 4] = [
    (
        "fan-out/1000",
        "A body of sse-typed restarts its keep-alive with each frame, which reads the clock (22 ns), and makes frames. The \
         receivers of the channel do neither.",
    ),
    ("fan-out/10000", "A body of sse-typed has about 350 B. 10,000 of them do not fit into the caches."),
    (
        "topics",
        "A topic of sse-typed keeps a history, gives ids, and has a ring and a queue of wakers; a channel has one buffer. With \
         10,000 of them, the time shows how much memory lies outside the caches.",
    ),
    ("replay", "A slice has up to 32 KiB of events, whether another subscriber has read them live or not."),
];

fn is_ours(name: &str) -> bool {
    name.starts_with("sse-typed")
}

pub(super) fn groups(records: &Records) -> String {
    let mut text = String::new();
    for group in distinct(records.of_kind::<5>("time").map(|[id, ..]| id)) {
        let lines: Vec<_> = records.of_kind::<5>("time").filter(|[id, ..]| *id == group).collect();
        let first = lines.iter().find(|[_, _, kind, ..]| *kind == "Ours").map_or(f64::NAN, |line| number(line[4]));
        let limit = lines.iter().rfind(|[_, _, kind, ..]| *kind == "Limit");
        let (limit, floor) = limit.map_or(("", f64::NAN), |line| (line[3], number(line[4])));
        let is_delivery = ["fan-out", "topics", "replay"].iter().any(|id| group.starts_with(id));
        let unit = if is_delivery { "delivery" } else { "event" };
        let _ = write!(text, "## {}\n\n", capital(lines[0][1]));
        for (_, note) in NOTES.iter().filter(|(id, _)| group.starts_with(id)) {
            let _ = write!(text, "{note}\n\n");
        }
        let (ns, allocations) = (format!("ns per {unit}"), format!("allocations per {unit}"));
        text += &header(&["", &ns, "× sse-typed", &format!("× {limit}"), &allocations]);
        for [_, _, kind, name, time] in lines {
            let time = number(time);
            let mut allocations =
                records.of_kind::<4>("allocations").filter(|[id, other, ..]| *id == group && *other == name);
            let allocations = allocations.next().map_or(f64::NAN, |line| number(line[2]));
            let name = if kind == "Limit" { format!("*{name}*") } else { name.to_owned() };
            text += &line(
                kind == "Ours",
                &[name, short(time), short(time / first), short(time / floor), short(allocations)],
            );
        }
        text.push('\n');
    }
    text
}

fn capital(title: &str) -> String {
    title.get(..1).map_or_else(String::new, |first| first.to_uppercase() + &title[1..])
}

pub(super) fn large(records: &Records) -> String {
    let sizes = distinct(records.of_kind::<4>("large").map(|[size, ..]| size));
    let mut text = String::from(
        "## One large event, in chunks of 16 KiB\n\nMilliseconds in a fresh process, the time for 64 MiB divided by the time for 16 MiB (4 is linear), and the peak of memory\n\
         divided by the size of the data. A decoder that took over 4 s was stopped.\n\n",
    );
    let sized: Vec<String> = sizes.iter().map(|size| format!("{size} MiB")).collect();
    let mut columns = vec![""];
    columns.extend(sized.iter().map(String::as_str));
    columns.extend(["64 ÷ 16", "peak"]);
    text += &header(&columns);
    for name in distinct(records.of_kind::<4>("large").map(|[_, name, ..]| name)) {
        let of = |size: &str| {
            records.of_kind::<4>("large").find(|[other_size, other, ..]| *other_size == size && *other == name)
        };
        let mut cells = vec![name.to_owned()];
        cells.extend(sizes.iter().map(|size| match of(size) {
            Some([_, _, "over", _]) => "over 4 s".to_owned(),
            Some([_, _, time, _]) => short(number(time)),
            None => "-".to_owned(),
        }));
        let time = |size| of(size).map_or(f64::NAN, |line| number(line[2]));
        cells.push(short(time("64") / time("16")));
        // Of the largest event that it has read.
        let peak =
            sizes.iter().rev().filter_map(|size| of(size)).map(|line| number(line[3])).find(|peak| !peak.is_nan());
        cells.push(peak.map_or_else(|| "-".to_owned(), |peak| format!("{peak:.2} x")));
        text += &line(is_ours(name), &cells);
    }
    text + "\n"
}

pub(super) fn idle(records: &Records) -> String {
    let mut text = String::from(
        "## An idle subscription\n\nBytes per subscription, for 10,000 that wait. Its own bytes are part of the task or connection that holds it. A body of\n\
         sse-typed contains the timer of its keep-alive, its encoder, and the data for observers.\n\n",
    );
    text += &header(&["", "heap", "own"]);
    for [name, heap, own] in records.of_kind("idle") {
        text += &line(is_ours(name), &[name.to_owned(), heap.to_owned(), own.to_owned()]);
    }
    text + "\n"
}

pub(super) fn http(records: &Records) -> String {
    let mut text = String::new();
    for burst in distinct(records.of_kind::<4>("http").map(|[burst, ..]| burst)) {
        let at_once = if burst == "1" { "one event at a time".to_owned() } else { format!("{burst} events at a time") };
        let lines: Vec<_> = records.of_kind::<4>("http").filter(|[other, ..]| *other == burst).collect();
        let rate = |begin: &str| {
            lines.iter().find(|[_, name, ..]| name.starts_with(begin)).map_or(f64::NAN, |line| number(line[2]))
        };
        let (raw, axum) = (rate("raw"), rate("axum: broadcast"));
        let _ = write!(
            text,
            "## HTTP/1.1, 1,000 connections, {at_once}\n\nServer and load generator are two processes on these cores, over loopback, each on one thread. A burst is published when\n\
             all connections have received the burst before.\n\n"
        );
        text += &header(&[
            "",
            "deliveries per second",
            "× axum's broadcast",
            "× raw TCP",
            "server, ns of processor per delivery",
        ]);
        for [_, name, rate, time] in lines {
            let rate = number(rate);
            let name_shown = if name.starts_with("raw") { format!("*{name}*") } else { name.to_owned() };
            text += &line(
                is_ours(name),
                &[name_shown, with_commas(rate as u64), short(rate / axum), short(rate / raw), short(number(time))],
            );
        }
        text.push('\n');
    }
    text
}

pub(super) fn connects(records: &Records) -> String {
    let mut text = String::from(
        "## Connections that are opened\n\nEight threads open connections without a pause, read the head of the response and close them. The growth is that of the\n\
         server's memory in three seconds of it, after two seconds to warm up. The last column is the time until 1,000 connections that are\n\
         opened at once have their heads: the backlog of tokio's listeners is 128, and that of `Server::bind` 4,096.\n\n",
    );
    text += &header(&["", "connections per second", "growth, bytes", "1,000 at once, ms"]);
    for [server, rate, growth, at_once] in records.of_kind("connects") {
        let [rate, growth, at_once] = [rate, growth, at_once].map(|word| with_commas(number(word) as u64));
        text += &line(is_ours(server), &[server.to_owned(), rate, growth, at_once]);
    }
    text + "\n"
}

pub(super) fn memory(records: &Records) -> String {
    let mut text = String::from(
        "## Memory of open connections\n\nHow much the memory of the server's process grows with these connections, each of which has received an event. The\n\
         kernel's buffers are not included.\n\n",
    );
    text += &header(&["", "connections", "bytes per connection"]);
    for [server, settings, connections, bytes] in records.of_kind("memory") {
        let name = match server {
            "sse-typed: hub, hyper" => format!("sse-typed: hub, {settings}"),
            other => other.to_owned(),
        };
        let connections = with_commas(number(connections) as u64);
        text += &line(is_ours(server), &[name, connections, with_commas(number(bytes) as u64)]);
    }
    text + "\n"
}

pub(super) fn growth(records: &Records) -> String {
    let mut text = String::from("## How cost grows\n\n");
    for table in TABLES {
        let lines: Vec<_> = records.of_kind::<4>("growth").filter(|[id, ..]| *id == table.id).collect();
        if lines.is_empty() {
            continue;
        }
        let names = distinct(lines.iter().map(|[_, _, name, _]| *name));
        let _ = write!(text, "### {}\n\n{}\n\n", capital(table.title), table.note);
        let mut columns = vec![""];
        columns.extend(&names);
        text += &header(&columns);
        for size in distinct(lines.iter().map(|[_, size, ..]| *size)) {
            let time = |name| lines.iter().find(|[_, other, of, _]| *other == size && *of == name);
            let mut cells = vec![size.to_owned()];
            cells.extend(names.iter().map(|name| short(time(*name).map_or(f64::NAN, |line| number(line[3])))));
            text += &line(false, &cells);
        }
        text.push('\n');
    }
    text
}
