//! The goals of the project, and whether this run met them.

use super::{
    records::{Records, number},
    tables::{header, is_ours, line},
};
use crate::{
    format::{short, with_commas},
    idle::ALL_SETTINGS,
};

/// A goal, with the value of this run.
struct Goal {
    about: String,
    goal: f64,
    higher_is_better: bool,
    measured: f64,
    /// How both are printed.
    unit: &'static str,
    /// The section of `profiles/` that shows where the rest is, for a goal that is missed.
    profile: &'static str,
}

impl Goal {
    fn at_most(about: impl Into<String>, goal: f64, measured: f64, unit: &'static str, profile: &'static str) -> Self {
        Self { about: about.into(), goal, higher_is_better: false, measured, unit, profile }
    }

    fn at_least(about: impl Into<String>, goal: f64, measured: f64, unit: &'static str, profile: &'static str) -> Self {
        Self { higher_is_better: true, ..Self::at_most(about, goal, measured, unit, profile) }
    }

    fn is_met(&self) -> bool {
        if self.higher_is_better { self.measured >= self.goal } else { self.measured <= self.goal }
    }

    fn row(&self) -> String {
        let shown = |value: f64| match value {
            _ if value >= 10_000.0 => with_commas(value as u64),
            _ if self.unit == " ×" => format!("{value:.2}"),
            _ => short(value),
        };
        let sign = if self.higher_is_better { "≥" } else { "≤" };
        let missed = || format!("no: [{}](profiles/{}.md)", self.profile, self.profile);
        line(
            false,
            &[
                self.about.clone(),
                format!("{sign} {}{}", shown(self.goal), self.unit),
                format!("{}{}", shown(self.measured), self.unit),
                if self.is_met() { "yes".to_owned() } else { missed() },
            ],
        )
    }
}

/// The section, without goals that were not measured.
pub(super) fn section(records: &Records) -> String {
    let goals = goals(records);
    let measured: Vec<_> = goals.iter().filter(|goal| goal.measured.is_finite()).collect();
    if measured.is_empty() {
        return String::new();
    }
    let met = measured.iter().filter(|goal| goal.is_met()).count();
    let rows: String = measured.iter().map(|goal| goal.row()).collect();
    format!(
        "## Goals\n\n{met} of {} are met. For each of the others, a profile shows where the rest goes.\n\n{}{rows}\n",
        measured.len(),
        header(&["", "goal", "measured", "met"]),
    )
}

fn goals(records: &Records) -> Vec<Goal> {
    // The first row of sse-typed in each table is the one for which the goal is set.
    let ours = |group: &str| {
        let mut lines = records.of_kind::<5>("time").filter(|[id, _, kind, ..]| *id == group && *kind == "Ours");
        lines.next().map_or(f64::NAN, |line| number(line[4]))
    };
    // The limit that the tables divide by is the last one.
    let of_limit = |group: &str| {
        let limits = records.of_kind::<5>("time").filter(|[id, _, kind, ..]| *id == group && *kind == "Limit");
        ours(group) / limits.last().map_or(f64::NAN, |line| number(line[4]))
    };
    let growth = |table: &str, size: &str, name: &str| {
        let found = records.of_kind::<4>("growth").find(|line| line[0] == table && line[1] == size && line[2] == name);
        found.map_or(f64::NAN, |line| number(line[3]))
    };
    let rate = |burst: &str, name: &str| {
        let lines = records.of_kind::<5>("http").filter(|line| line[0] == "1.1" && line[1] == burst);
        lines.filter(|line| line[2].starts_with(name)).map(|line| number(line[3])).fold(f64::NAN, f64::max)
    };
    let memory = records.of_kind::<4>("memory").find(|line| line[0] == "sse-typed: hub, Server" && line[2] == "19000");
    let settings = records.of_kind::<3>("idle").find(|line| line[0] == ALL_SETTINGS);
    let connects = records.of_kind::<4>("connects").find(|line| line[0] == "sse-typed: hub, Server");
    let source = records.of_kind::<3>("client-memory").find(|line| is_ours(line[0]));
    let two_workers = records.of_kind::<5>("workers").find(|line| line[0] == "1000" && is_ours(line[1]));
    let owned = records.of_kind::<4>("large").find(|line| line[0] == "64" && line[1] == "sse-typed, owned");

    let mut goals = vec![
        Goal::at_most(
            "an idle stream of `Server`, of 19,000",
            1024.0,
            memory.map_or(f64::NAN, |line| number(line[3])),
            " B",
            "server",
        ),
        Goal::at_least(
            "HTTP/1.1, one at a time ÷ raw TCP",
            0.9,
            rate("1", "sse-typed: hub, Server") / rate("1", "raw TCP"),
            " ×",
            "server",
        ),
        Goal::at_least(
            "HTTP/1.1, 32 at a time ÷ raw TCP",
            0.95,
            rate("32", "sse-typed: hub, ") / rate("32", "raw TCP"),
            " ×",
            "server",
        ),
        Goal::at_least(
            "connections opened per second",
            10_000.0,
            connects.map_or(f64::NAN, |line| number(line[1])),
            "",
            "server",
        ),
        Goal::at_most(
            "growth of memory while they are opened and closed",
            65_536.0,
            connects.map_or(f64::NAN, |line| number(line[2])),
            " B",
            "server",
        ),
        Goal::at_most(
            "fan-out to 1,000 subscriptions on two workers",
            100.0,
            two_workers.map_or(f64::NAN, |line| number(line[2])),
            " ns",
            "server",
        ),
        Goal::at_most(
            "a stream with every setting of the layer",
            500.0,
            settings.map_or(f64::NAN, |line| number(line[1]) + number(line[2])),
            " B",
            "encode",
        ),
        Goal::at_most("encode 60 B, one at a time ÷ limit", 1.6, of_limit("encode/60"), " ×", "encode"),
        Goal::at_most("encode 500 B, one at a time ÷ limit", 1.2, of_limit("encode/500"), " ×", "encode"),
        Goal::at_most("decode, typed ÷ from_str alone", 1.15, of_limit("typed/tokens"), " ×", "decode"),
        Goal::at_most(
            "decode, and look at type, data and id ÷ limit",
            1.3,
            of_limit("decode/consumer"),
            " ×",
            "decode",
        ),
        Goal::at_most(
            "peak of one event of 64 MiB, owned ÷ its size",
            1.3,
            owned.map_or(f64::NAN, |line| number(line[3])),
            " ×",
            "decode",
        ),
        Goal::at_most(
            "an idle source of the client",
            20_480.0,
            source.map_or(f64::NAN, |line| number(line[2])),
            " B",
            "client",
        ),
    ];
    for (table, sizes, peer, work) in [
        ("chunk-size", ["1", "16", "64"], "sse-core", "decode, bytes in a chunk"),
        ("event-size", ["16,384", "262,144", "4,194,304"], "sse-stream", "decode, bytes in an event"),
    ] {
        goals.extend(sizes.map(|size| {
            let measured = growth(table, size, "sse-typed, lending") / growth(table, size, peer);
            Goal::at_most(format!("{work}: {size} ÷ {peer}"), 1.0, measured, " ×", "decode")
        }));
    }
    goals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_names_its_profile() {
        let mut records = Records::default();
        records.read(
            "memory\tsse-typed: hub, Server\thyper\t19000\t1000\nhttp\t1.1\t1\traw TCP\t200000\t3000\n\
             http\t1.1\t1\tsse-typed: hub, Server\t160000\t4000\ngrowth\tchunk-size\t16\tsse-typed, lending\t90.0\n\
             growth\tchunk-size\t16\tsse-core\t100.0\n",
        );
        let text = section(&records);
        for row in [
            "2 of 3 are met",
            "| an idle stream of `Server`, of 19,000 | ≤ 1,024 B | 1,000 B | yes |",
            "| HTTP/1.1, one at a time ÷ raw TCP | ≥ 0.90 × | 0.80 × | no: [server](profiles/server.md) |",
            "| decode, bytes in a chunk: 16 ÷ sse-core | ≤ 1.00 × | 0.90 × | yes |",
        ] {
            assert!(text.contains(row), "{text}");
        }
    }

    #[test]
    fn a_goal_that_was_not_measured_is_left_out() {
        assert_eq!(section(&Records::default()), "");
    }
}
