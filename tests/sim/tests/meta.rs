//! Tests of the simulation itself, and the seeds that have found a fault.

use std::process::{Command, Output};

/// The faults that `--inject` knows, each with a part of the violation that it must be found by.
const INJECTED: [(&str, &str); 16] = [
    ("drop-event", ": receives event "),
    ("repeat-event", ": receives event "),
    ("swap-events", ": receives event "),
    ("hide-gap", ": receives event "),
    ("lose-append", " was acknowledged as "),
    ("deny-append", " is stored, and its publisher received an error"),
    ("second-run", " begins, and these have not ended: "),
    ("no-end", " has 0 ends, "),
    ("stopped-end", " has returned Some(Failed("),
    ("stale-snapshot", " lacks "),
    ("no-snapshot", " before the snapshot"),
    ("needless-snapshot", ": a snapshot at "),
    ("endless-drain", " is not drained at its deadline"),
    ("leak-stream", " has shut down, and topic "),
    ("early-farewell", " after the farewell of the server"),
    ("forget-part", ": receives event "),
];

/// In how many seeds an injected fault must be found at least once.
const SEEDS: u64 = 60;

fn sim(seed: u64, args: &[&str]) -> Output {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_sim"));
    sim.args(["--seed", &seed.to_string()]).args(args).output().expect("the simulation starts")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let mut histories = Vec::new();
    for seed in 0..20 {
        let [first, second] = [sim(seed, &["--print"]), sim(seed, &["--print"])];
        assert!(first.status.success(), "{}", text(&sim(seed, &[])));
        assert_eq!(first.stdout, second.stdout, "seed {seed}");
        histories.push(first.stdout);
    }
    histories.dedup();
    assert_eq!(histories.len(), 20, "each seed gives another history");
}

#[test]
fn the_oracle_finds_each_injected_fault() {
    for (fault, violation) in INJECTED {
        let found = (0..SEEDS).map(|seed| sim(seed, &["--inject", fault])).any(|output| {
            let report = text(&output);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{fault}: {report}");
            report.contains(violation)
        });
        assert!(found, "{fault} is not found in {SEEDS} seeds by `{violation}`");
    }
}

/// One seed for each line of `seeds.txt`.
#[test]
fn the_seeds_that_found_a_fault_pass() {
    for line in include_str!("../seeds.txt").lines().filter(|line| !line.starts_with('#')) {
        let seed =
            line.split_whitespace().next().and_then(|seed| seed.parse().ok()).expect("a line begins with a seed");
        let output = sim(seed, &[]);
        assert!(output.status.success(), "{}", text(&output));
    }
}
