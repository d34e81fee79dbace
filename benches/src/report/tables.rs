//! The tables.

use std::fmt::Write;

use super::{
    ahead::{Ahead, Best},
    records::{Records, number},
};
use crate::{
    format::{short, with_commas},
    growth::TABLES,
    idle::ALL_SETTINGS,
};

/// The names without repetitions, in their first order.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

pub(super) fn header(columns: &[&str]) -> String {
    format!("| {} |\n|---|{}\n", columns.join(" | "), "--:|".repeat(columns.len() - 1))
}

/// A line of a table. Lines of sse-typed are bold.
pub(super) fn line(ours: bool, cells: &[String]) -> String {
    let mark = if ours { "**" } else { "" };
    let cells: Vec<String> = cells.iter().map(|cell| format!("{mark}{cell}{mark}")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Notes on the groups whose id starts with the first string.
const NOTES: [(&str, &str); 7] = [
    (
        "encode/60-ready",
        "A body of sse-typed sends the events that are ready in one frame. The bodies of its peers send a frame for each event.",
    ),
    (
        "decode/consumer",
        "The consumer looks at all three, through `black_box`. In the tables above it looks at the data alone.",
    ),
    (
        "proxy",
        "The upstream sends `response.output_text.delta` of a language model. The proxy sends the text and the number of each token \
         as its own type. The body is pending between two chunks of the upstream.",
    ),
    (
        "bodies/1000",
        "A body of sse-typed makes frames, and restarts its keep-alive with each. The body of the channel has no keep-alive.",
    ),
    ("bodies/10000", "A body of sse-typed has about 310 B. 10,000 of them do not fit into the caches."),
    (
        "topics",
        "A topic of sse-typed keeps a history, gives ids, and has a ring and a queue of wakers; a channel has one buffer. With \
         10,000 of them, the time shows how much memory lies outside the caches.",
    ),
    ("replay", "Another subscriber has read each event live. A slice has up to 32 KiB of events."),
];

pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("sse-typed")
}

pub(super) fn groups(records: &Records, ahead: &mut Ahead) -> String {
    let mut text = String::new();
    for group in distinct(records.of_kind::<5>("time").map(|[id, ..]| id)) {
        let lines: Vec<_> = records.of_kind::<5>("time").filter(|[id, ..]| *id == group).collect();
        let first = lines.iter().find(|[_, _, kind, ..]| *kind == "Ours").map_or(f64::NAN, |line| number(line[4]));
        let limit = lines.iter().rfind(|[_, _, kind, ..]| *kind == "Limit");
        let (limit, floor) = limit.map_or(("", f64::NAN), |line| (line[3], number(line[4])));
        let is_delivery = ["fan-out", "bodies", "topics", "replay"].iter().any(|id| group.starts_with(id));
        let unit = if is_delivery { "delivery" } else { "event" };
        let _ = write!(text, "## {}\n\n", capital(lines[0][1]));
        for (_, note) in NOTES.iter().filter(|(id, _)| group.starts_with(id)) {
            let _ = write!(text, "{note}\n\n");
        }
        let ours = lines.iter().filter(|[_, _, kind, ..]| *kind == "Ours").map(|line| number(line[4]));
        let best = Best::lowest(ours);
        let (ns, allocations) = (format!("ns per {unit}"), format!("allocations per {unit}"));
        text += &header(&["", &ns, "× sse-typed", &format!("× {limit}"), &allocations]);
        for [_, _, kind, name, time] in lines.iter().copied() {
            let time = number(time);
            let mut allocations =
                records.of_kind::<4>("allocations").filter(|[id, other, ..]| *id == group && *other == name);
            let allocations = allocations.next().map_or(f64::NAN, |line| number(line[2]));
            let name = match kind {
                "Limit" => format!("*{name}*"),
                "Peer" => ahead.mark(best, &capital(lines[0][1]), name, time),
                _ => name.to_owned(),
            };
            text += &line(
                kind == "Ours",
                &[name, short(time), short(time / first), short(time / floor), short(allocations)],
            );
        }
        text.push('\n');
    }
    text
}

/// Fan-out on a runtime with two workers.
pub(super) fn workers(records: &Records, ahead: &mut Ahead) -> String {
    let lines: Vec<[&str; 5]> = records.of_kind("workers").collect();
    if lines.is_empty() {
        return String::new();
    }
    let title = "Fan-out on a runtime with two workers, JSON of 60 B, one event at a time";
    let mut text = format!(
        "## {title}\n\nNanoseconds of processor time for one delivery, of the whole process: the publisher, both workers, and the wake-ups of a\n\
         worker that has nothing to do. Medians of turns.\n\n"
    );
    let sizes = distinct(lines.iter().map(|line| line[0]));
    let columns: Vec<String> =
        sizes.iter().map(|tasks| format!("{} tasks", with_commas(tasks.parse().unwrap_or(0)))).collect();
    let columns: Vec<&str> = [""].into_iter().chain(columns.iter().map(String::as_str)).collect();
    text += &header(&columns);
    let time = |tasks: &str, name: &str| {
        let line = lines.iter().find(|line| line[0] == tasks && line[1] == name);
        line.map_or(f64::NAN, |line| number(line[2]))
    };
    for name in distinct(lines.iter().map(|line| line[1])) {
        let is_limit = name.starts_with("waking");
        let mut cells = vec![if is_limit { format!("*{name}*") } else { name.to_owned() }];
        cells.extend(sizes.iter().map(|tasks| {
            let (time_of_ours, shown) = (time(tasks, "sse-typed, subscriptions"), short(time(tasks, name)));
            let best = Best::lowest(std::iter::once(time_of_ours));
            let is_peer = !is_ours(name) && !is_limit;
            let contender = format!("{name} at {tasks}");
            if is_peer { ahead.mark_cell(best, title, &contender, time(tasks, name), shown) } else { shown }
        }));
        text += &line(is_ours(name), &cells);
    }
    text + "\n"
}

pub(super) fn capital(title: &str) -> String {
    title.get(..1).map_or_else(String::new, |first| first.to_uppercase() + &title[1..])
}

pub(super) fn large(records: &Records, ahead: &mut Ahead) -> String {
    let sizes = distinct(records.of_kind::<4>("large").map(|[size, ..]| size));
    let mut text = String::from(
        "## One large event, in chunks of 16 KiB\n\nMilliseconds of processor time in a fresh process, the time for 64 MiB divided by the time for 16 MiB (4 is linear), and\n\
         the peak of memory divided by the size of the data. A decoder that took over 4 s was stopped.\n\n",
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
        let largest = |name: &str| {
            let line = records.of_kind::<4>("large").find(|[size, other, ..]| *size == "64" && *other == name);
            line.map_or(f64::NAN, |line| number(line[2]))
        };
        let best = Best::lowest(["sse-typed, lending", "sse-typed, owned"].into_iter().map(largest));
        let is_limit = name.starts_with("scan");
        let shown = match is_limit {
            true => format!("*{name}*"),
            false if is_ours(name) => name.to_owned(),
            false => ahead.mark(best, "One large event of 64 MiB", name, largest(name)),
        };
        let mut cells = vec![shown];
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

pub(super) fn idle(records: &Records, ahead: &mut Ahead) -> String {
    let mut text = String::from(
        "## An idle subscription\n\nBytes per subscription, for 10,000 that wait. Its own bytes are part of the task or connection that holds it. A body of\n\
         sse-typed contains the timer of its keep-alive, its encoder, and the data for observers. With every setting it also has random\n\
         reconnection times, a lifetime, ids, a shutdown, a limit of streams, statistics and three observers.\n\n",
    );
    text += &header(&["", "heap", "own", "both"]);
    let lines: Vec<[&str; 3]> = records.of_kind("idle").collect();
    for body in [false, true] {
        let both = |line: &[&str; 3]| number(line[1]) + number(line[2]);
        let lines = lines.iter().filter(|[name, ..]| name.contains("HTTP body") == body);
        // The peers have none of the settings.
        let best = Best::lowest(lines.clone().filter(|[name, ..]| is_ours(name) && *name != ALL_SETTINGS).map(both));
        for row @ [name, heap, own] in lines {
            let sum = both(row);
            let shown =
                if is_ours(name) { (*name).to_owned() } else { ahead.mark(best, "An idle subscription", name, sum) };
            text += &line(is_ours(name), &[shown, (*heap).to_owned(), (*own).to_owned(), format!("{sum:.0}")]);
        }
    }
    text + "\n"
}

/// The part of a column's name behind a colon. Columns are compared with others that have the same.
fn measurement(column: &str) -> &str {
    column.split_once(": ").map_or("", |(_, behind)| behind)
}

pub(super) fn growth(records: &Records, ahead: &mut Ahead) -> String {
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
            let time = |name: &str| {
                let line = lines.iter().find(|[_, other, of, _]| *other == size && *of == name);
                line.map_or(f64::NAN, |line| number(line[3]))
            };
            let mut cells = vec![size.to_owned()];
            for name in &names {
                let alike = names.iter().filter(|other| is_ours(other) && measurement(other) == measurement(name));
                let best = Best::lowest(alike.map(|name| time(name)));
                let shown = short(time(name));
                let (title, _) = table.title.split_once(';').unwrap_or((table.title, ""));
                let (title, contender) = (capital(title), format!("{name} at {size}"));
                cells.push(if is_ours(name) {
                    shown
                } else {
                    ahead.mark_cell(best, &title, &contender, time(name), shown)
                });
            }
            text += &line(false, &cells);
        }
        text.push('\n');
    }
    text
}
