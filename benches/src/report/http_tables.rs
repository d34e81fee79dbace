//! The tables of servers and clients over sockets.

use super::{
    ahead::{Ahead, Best},
    records::{Records, number},
    tables::{distinct, header, is_ours, line},
};
use crate::format::{short, with_commas};

fn whole(field: &str) -> String {
    let value = number(field);
    if value < 0.0 { format!("-{}", with_commas(-value as u64)) } else { with_commas(value as u64) }
}

/// A name as the tables show it: limits in italics, peers that are ahead with a mark.
fn shown(ahead: &mut Ahead, best: Best, table: &str, name: &str, value: f64) -> String {
    match name {
        _ if name.starts_with("raw TCP") || name.starts_with("tokio's") => format!("*{name}*"),
        _ if is_ours(name) => name.to_owned(),
        _ => ahead.mark(best, table, name, value),
    }
}

pub(super) fn speed(records: &Records, ahead: &mut Ahead) -> String {
    let all: Vec<[&str; 5]> = records.of_kind("http").collect();
    let mut text = String::new();
    for version in distinct(all.iter().map(|line| line[0])) {
        let of_version = || all.iter().filter(move |line| line[0] == version);
        for burst in distinct(of_version().map(|line| line[1])) {
            let lines: Vec<&[&str; 5]> = of_version().filter(|line| line[1] == burst).collect();
            let at_once =
                if burst == "1" { "one event at a time".to_owned() } else { format!("{burst} events at a time") };
            let streams = if version == "2" { "100 streams on each of 10 connections" } else { "1,000 connections" };
            let title = format!("HTTP/{version}, {streams}, {at_once}");
            text += &format!(
                "## {title}\n\nServer and load generator are two processes on these cores, over loopback, each on one thread. A burst is published when\n\
                 all streams have received the burst before. All servers are open, and take turns of 200 ms. The processor time is that of\n\
                 these turns, without the time in which connections are opened.\n\n"
            );
            let rate = |begin: &str| {
                lines.iter().find(|[_, _, name, ..]| name.starts_with(begin)).map_or(f64::NAN, |line| number(line[3]))
            };
            let (raw, axum) = (rate("raw"), rate("axum: broadcast"));
            let ours = lines.iter().filter(|[_, _, name, ..]| is_ours(name)).map(|line| number(line[3]));
            let best = Best::highest(ours);
            let times = lines.iter().filter(|[_, _, name, ..]| is_ours(name)).map(|line| number(line[4]));
            let least = Best::lowest(times);
            let mut columns =
                vec!["", "deliveries per second", "× axum's broadcast", "server, ns of processor per delivery"];
            if raw.is_finite() {
                columns.insert(3, "× raw TCP");
            }
            text += &header(&columns);
            for [_, _, name, rate, time] in lines.iter().copied() {
                let rate = number(rate);
                let name_shown = shown(ahead, best, &title, name, rate);
                let time_shown = short(number(time));
                let time_shown = match is_ours(name) || name.starts_with("raw") {
                    true => time_shown,
                    false => {
                        ahead.mark_cell(least, &format!("{title}, processor time"), name, number(time), time_shown)
                    }
                };
                let mut cells = vec![name_shown, with_commas(rate as u64), short(rate / axum), time_shown];
                if raw.is_finite() {
                    cells.insert(3, short(rate / raw));
                }
                text += &line(is_ours(name), &cells);
            }
            text.push('\n');
        }
    }
    text
}

pub(super) fn latency(records: &Records, ahead: &mut Ahead) -> String {
    let all: Vec<[&str; 6]> = records.of_kind("latency").collect();
    let mut text = String::new();
    for receivers in distinct(all.iter().map(|line| line[0])) {
        let lines = all.iter().filter(|line| line[0] == receivers);
        let title = format!("From publishing to the last of {} receivers", whole(receivers));
        text += &format!(
            "## {title}\n\nOne event, over HTTP/1.1. The time is from the command to the server until the load generator has read the event from the last\n\
             connection. Microseconds. The load generator is one thread, and reads each connection by itself.\n\n"
        );
        text += &header(&["", "events", "p50", "p99", "p99.9"]);
        let best = Best::lowest(lines.clone().filter(|line| is_ours(line[1])).map(|line| number(line[3])));
        for [_, name, events, p50, p99, p999] in lines {
            let name_shown = shown(ahead, best, &format!("{title}, p50"), name, number(p50));
            text += &line(is_ours(name), &[name_shown, whole(events), whole(p50), whole(p99), whole(p999)]);
        }
        text.push('\n');
    }
    text
}

pub(super) fn resume(records: &Records, ahead: &mut Ahead) -> String {
    let lines: Vec<[&str; 5]> = records.of_kind("resume").collect();
    if lines.is_empty() {
        return String::new();
    }
    let title = "1,000 clients resume at once, from 100,000 events";
    let mut text = format!(
        "## {title}\n\nEach client sends the id of the first event, and receives all others: 100 million events. Another subscriber has read the\n\
         history of the hub live. The growth is the peak of the server's memory above that before. The lists of the peers are not trimmed, and have\n\
         no live events.\n\n"
    );
    text += &header(&["", "events per second", "server, ns of processor per event", "seconds", "growth, KiB"]);
    let best = Best::highest(lines.iter().filter(|line| is_ours(line[0])).map(|line| number(line[1])));
    for [name, rate, time, seconds, growth] in lines.iter().copied() {
        let name_shown = shown(ahead, best, title, name, number(rate));
        let growth = with_commas(number(growth) as u64 >> 10);
        text += &line(is_ours(name), &[name_shown, whole(rate), short(number(time)), short(number(seconds)), growth]);
    }
    text + "\n"
}

pub(super) fn clients(records: &Records, ahead: &mut Ahead) -> String {
    let mut text = String::new();
    let lines: Vec<[&str; 4]> = records.of_kind("client").collect();
    if !lines.is_empty() {
        let title = "A whole client: typed, reconnecting, over a socket";
        text += &format!(
            "## {title}\n\nThe token stream of 154 B per event, in chunks of HTTP/1.1, from a server that always has more. The processor time is that of\n\
             the client's thread, with its part of the kernel. Clients take turns, each with a new connection. The limit reads and counts, without HTTP.\n\n"
        );
        text += &header(&["", "events per second", "ns of processor per event", "× sse-typed"]);
        let ours = lines.iter().filter(|line| is_ours(line[1])).map(|line| number(line[3]));
        let best = Best::lowest(ours.clone());
        let first = ours.clone().next().unwrap_or(f64::NAN);
        for [_, name, rate, time] in lines.iter().copied() {
            let time = number(time);
            let name_shown = shown(ahead, best, title, name, time);
            text += &line(is_ours(name), &[name_shown, whole(rate), short(time), short(time / first)]);
        }
        text.push('\n');
    }
    let lines: Vec<[&str; 3]> = records.of_kind("client-memory").collect();
    if !lines.is_empty() {
        let title = "Memory of 10,000 idle sources";
        text += &format!(
            "## {title}\n\nHow much the memory of the client's process grows with open sources, each in a task and with a connection, and each of which has\n\
             received an event. The sources share one client. The buffer of hyper's connection is the largest part.\n\n"
        );
        text += &header(&["", "bytes per source"]);
        let best = Best::lowest(lines.iter().filter(|line| is_ours(line[0])).map(|line| number(line[2])));
        for [name, _, bytes] in lines.iter().copied() {
            let name_shown = shown(ahead, best, title, name, number(bytes));
            text += &line(is_ours(name), &[name_shown, whole(bytes)]);
        }
        text.push('\n');
    }
    text
}

pub(super) fn memory(records: &Records, ahead: &mut Ahead) -> String {
    let mut text = String::from(
        "## Memory of open connections\n\nHow much the memory of the server's process grows with these connections, each of which has received an event. The\n\
         kernel's buffers are not included. The server of `durable-streams` stores its streams in files, and has one worker thread here.\n\n",
    );
    text += &header(&["", "connections", "bytes per connection"]);
    let lines: Vec<[&str; 4]> = records.of_kind("memory").collect();
    for [server, settings, connections, bytes] in lines.iter().copied() {
        let alike = lines.iter().filter(|line| is_ours(line[0]) && line[2] == connections);
        let best = Best::lowest(alike.map(|line| number(line[3])));
        let name = match server {
            "sse-typed: hub, hyper" => format!("sse-typed: hub, {settings}"),
            other => shown(ahead, best, &format!("Memory of {} connections", whole(connections)), other, number(bytes)),
        };
        text += &line(is_ours(server), &[name, whole(connections), whole(bytes)]);
    }
    text + "\n"
}

pub(super) fn slope(records: &Records) -> String {
    let lines: Vec<[&str; 6]> = records.of_kind("slope").collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "### With the memory of the kernel\n\nBytes per connection. Both ends of each connection are on this machine, so the kernel's columns count two sockets, two files and\n\
         two entries of epoll. Slab is the kernel's memory for them, from `/proc/meminfo`; TCP buffers are from `/proc/net/sockstat`. The last\n\
         column is the decrease of `MemAvailable`, with the process of the load generator: other programs change it, too.\n\n",
    );
    text += &header(&["", "connections", "process", "slab, both ends", "TCP buffers, both ends", "MemAvailable, all"]);
    for [server, connections, process, slab, tcp, available] in lines {
        let name = if is_ours(server) { server.to_owned() } else { format!("*{server}*") };
        text += &line(
            is_ours(server),
            &[name, whole(connections), whole(process), whole(slab), whole(tcp), whole(available)],
        );
    }
    text + "\n"
}

pub(super) fn connects(records: &Records) -> String {
    let mut text = String::from(
        "## Connections that are opened\n\nEight threads open connections without a pause, read the head of the response and close them. The growth is that of the\n\
         server's memory in three seconds of it, after two seconds to warm up. The last column is the time until 1,000 connections that are\n\
         opened at once have their heads: the backlog of tokio's listeners is 128, and that of `Server::bind` 4,096.\n\n",
    );
    text += &header(&["", "connections per second", "growth, bytes", "1,000 at once, ms"]);
    for [server, rate, growth, at_once] in records.of_kind("connects") {
        let [rate, growth, at_once] = [rate, growth, at_once].map(whole);
        text += &line(is_ours(server), &[server.to_owned(), rate, growth, at_once]);
    }
    text + "\n"
}
