//! The plot: a panel per kind of work, with a bar per contender.

use std::fmt::Write;

use super::records::{Records, number};
use crate::format::{short, with_commas};

/// A panel: a group, a title, and the contenders that it shows.
struct Panel {
    records: &'static str,
    id: &'static str,
    title: &'static str,
    shown: &'static [(&'static str, &'static str)],
}

/// sse-typed is the first of each. A name in parentheses is a limit.
const PANELS: [Panel; 8] = [
    Panel {
        records: "time",
        id: "decode/tokens",
        title: "decode, untyped: ns per event of 154 B (shorter is better)",
        shown: &[
            ("sse-typed, lending", "sse-typed, lent"),
            ("sse-typed, owned", "sse-typed, owned"),
            ("sse-core", "sse-core"),
            ("sse-stream", "sse-stream"),
            ("eventsource-client", "eventsource-client"),
            ("sseer", "sseer"),
            ("russe", "russe"),
            ("eventsource-stream", "eventsource-stream"),
            ("CR/LF scan + UTF-8 check of std", "(scan, UTF-8 check)"),
        ],
    },
    Panel {
        records: "time",
        id: "typed/tokens",
        title: "decode, typed: ns per event of 154 B",
        shown: &[
            ("sse-typed", "sse-typed"),
            ("sse-core + match + from_str", "sse-core, match"),
            ("sse-stream + match + from_str", "sse-stream, match"),
            ("eventsource-stream + match + from_str", "eventsource-stream, match"),
            ("eventsource-stream + serde(tag)", "eventsource-stream, serde(tag)"),
            ("serde_json::from_str alone", "(serde_json alone)"),
        ],
    },
    Panel {
        records: "time",
        id: "encode/60",
        title: "encode: ns per event of 60 B of JSON, in an HTTP body",
        shown: &[
            ("sse-typed", "sse-typed"),
            ("sse-stream + to_string", "sse-stream"),
            ("russe + to_string", "russe"),
            ("warp", "warp"),
            ("axum", "axum"),
            ("serde_json::to_writer into a reused Vec", "(serde_json alone)"),
        ],
    },
    Panel {
        records: "time",
        id: "fan-out/1000",
        title: "fan-out to 1,000 tasks, without HTTP: ns per delivery",
        shown: &[
            ("sse-typed, subscriptions", "sse-typed"),
            ("broadcast of Bytes, recv", "broadcast of Bytes"),
            ("a clone of Bytes", "(a clone of Bytes)"),
        ],
    },
    Panel {
        records: "time",
        id: "bodies/1000",
        title: "fan-out to 1,000 HTTP bodies, one event at a time: ns per delivery",
        shown: BODIES,
    },
    Panel {
        records: "time",
        id: "bodies/1000-bursts",
        title: "fan-out to 1,000 HTTP bodies, in bursts of 16: ns per delivery",
        shown: BODIES,
    },
    Panel {
        records: "http",
        id: "1",
        title: "HTTP/1.1, 1,000 connections, one at a time: deliveries per second (longer is better)",
        shown: SERVERS,
    },
    Panel {
        records: "http",
        id: "32",
        title: "HTTP/1.1, 1,000 connections, 32 at a time: deliveries per second (longer is better)",
        shown: SERVERS,
    },
];

const BODIES: &[(&str, &str)] = &[
    ("sse-typed, HTTP bodies", "sse-typed"),
    ("broadcast of Bytes, StreamBody", "broadcast of Bytes"),
    ("axum: broadcast of the enum, json_data each", "broadcast of the enum, axum"),
    ("a clone of Bytes", "(a clone of Bytes)"),
];

const SERVERS: &[(&str, &str)] = &[
    ("sse-typed: hub, Server", "sse-typed, Server"),
    ("sse-typed: hub, hyper", "sse-typed, hyper"),
    ("sse-typed: hub, axum", "sse-typed, axum"),
    ("broadcast of Bytes, hyper", "broadcast of Bytes, hyper"),
    ("axum: broadcast of the enum, json_data each", "broadcast of the enum, axum"),
    ("raw TCP", "(raw TCP)"),
];

const WIDTH: u32 = 760;
const LABEL: u32 = 230;
const BAR: u32 = 15;
const GAP: u32 = 6;
/// The width of the number after the longest bar.
const NUMBER: u32 = 80;

/// Readable on light and dark pages: the background is transparent.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600;font-size:14px}text.limit{fill:#59636e}\
rect{fill:#8c959f}rect.ours{fill:#0969da}rect.limit{fill:none;stroke:#59636e;stroke-dasharray:3 2}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}text.limit{fill:#9198a1}rect{fill:#656c76}rect.ours{fill:#4493f8}\
rect.limit{stroke:#9198a1}}";

pub(super) fn svg(records: &Records) -> String {
    let mut body = String::new();
    let mut y = 8;
    for panel in &PANELS {
        let values = panel.values(records);
        if !values.is_empty() {
            draw(&mut body, &mut y, panel.title, &values);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" role=\"img\" \
         aria-label=\"Times of sse-typed, its peers and the limits\">\n<style>{STYLE}</style>\n{body}</svg>\n"
    )
}

impl Panel {
    fn values(&self, records: &Records) -> Vec<(&'static str, f64)> {
        let value = |name: &str| match self.records {
            "time" => records
                .of_kind::<5>("time")
                .find(|[id, _, _, other, _]| *id == self.id && *other == name)
                .map(|line| number(line[4])),
            _ => records
                .of_kind::<5>("http")
                .find(|[version, id, other, ..]| *version == "1.1" && *id == self.id && *other == name)
                .map(|line| number(line[3])),
        };
        self.shown.iter().filter_map(|(name, label)| Some((*label, value(name)?))).collect()
    }
}

fn draw(body: &mut String, y: &mut u32, title: &str, values: &[(&str, f64)]) {
    let most = values.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    *y += 16;
    let _ = writeln!(body, "<text class=\"title\" x=\"0\" y=\"{y}\">{title}</text>");
    *y += 10;
    for (label, value) in values {
        let limit = label.starts_with('(');
        let kind = if label.starts_with("sse-typed") {
            "ours"
        } else if limit {
            "limit"
        } else {
            "peer"
        };
        let label = if limit { &label[1..label.len() - 1] } else { label };
        let width = (f64::from(WIDTH - LABEL - NUMBER) * value / most).max(1.0);
        let (middle, label_end) = (*y + BAR - 3, LABEL - 8);
        let number = if *value >= 10_000.0 { with_commas((value / 1e3).round() as u64 * 1_000) } else { short(*value) };
        let _ = writeln!(
            body,
            "<text class=\"{kind} label\" x=\"{label_end}\" y=\"{middle}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"{kind}\" x=\"{LABEL}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>\
             <text class=\"{kind}\" x=\"{:.1}\" y=\"{middle}\">{number}</text>",
            f64::from(LABEL) + width + 6.0
        );
        *y += BAR + GAP;
    }
    *y += 14;
}
