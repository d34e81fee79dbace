//! The step `sim`: the deterministic simulation in `tests/sim`, one process for each seed.

use std::{
    collections::BTreeMap,
    io,
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use crate::{
    shell::{Cmd, Outcome},
    test_count::TestCount,
};

/// How many seeds CI runs.
pub(crate) const SEEDS: u32 = 200;

const MANIFEST: [&str; 4] = ["--manifest-path", "tests/sim/Cargo.toml", "--target-dir", "target/sim"];

/// What the seeds have done: the sum of each count that they print.
type Counts = BTreeMap<String, u64>;

/// Runs the tests of the simulation, and then the seeds up to this number. Does nothing on Windows.
pub(crate) fn sim(seeds: u32) -> io::Result<Outcome> {
    if cfg!(windows) {
        println!("mad-turmoil does not support Windows");
        return Ok(Outcome { succeeded: true, count: TestCount::default() });
    }
    // Without this cfg tokio cannot be seeded.
    let cargo =
        |command| Cmd::new("cargo").args([command, "--locked"]).args(MANIFEST).env("RUSTFLAGS", "--cfg tokio_unstable");
    let tests = cargo("test").run()?;
    if !tests.succeeded {
        return Ok(tests);
    }
    let (next, result) = (AtomicU32::new(0), Mutex::new((TestCount::default(), Counts::new())));
    let processes = thread::available_parallelism().map_or(1, usize::from);
    println!("$ target/sim/debug/sim --seed N    # {seeds} seeds, {processes} at a time");
    thread::scope(|scope| {
        let run = || {
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds {
                    return;
                }
                let report = run_seed(seed);
                let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
                match report {
                    Ok(report) => {
                        result.0.passed += 1;
                        add_counts(&report, &mut result.1);
                    }
                    Err(report) => {
                        result.0.failed += 1;
                        eprint!("{report}");
                    }
                }
            }
        };
        for _ in 0..processes {
            scope.spawn(run);
        }
    });
    let (count, counts) = result.into_inner().unwrap_or_else(PoisonError::into_inner);
    let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name}={count}")).collect();
    println!("{seeds} seeds: {count}; {}", counts.join(" "));
    let mut total = tests.count;
    total += count;
    Ok(Outcome { succeeded: count.failed == 0, count: total })
}

/// The output of a seed: an error if it failed.
fn run_seed(seed: u32) -> Result<String, String> {
    let output = Command::new("target/sim/debug/sim").args(["--seed", &seed.to_string()]).output();
    let output = output.map_err(|error| format!("seed {seed}: {error}\n"))?;
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(text) } else { Err(format!("{text}seed {seed}: {}\n", output.status)) }
}

/// Adds the counts of a report: `seed 3: ok, trace 4b74.., lines=908 seconds=18 ..`.
fn add_counts(report: &str, counts: &mut Counts) {
    for word in report.split_whitespace() {
        if let Some((name, number)) = word.split_once('=')
            && let Ok(number) = number.parse::<u64>()
        {
            *counts.entry(name.to_owned()).or_default() += number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_seeds_are_added_up() {
        let mut counts = Counts::new();
        for report in ["seed 3: ok, trace 4b74, lines=908 gaps=6\n", "seed 4: ok, trace 11, lines=2 lost=1\n"] {
            add_counts(report, &mut counts);
        }
        let expected = [("gaps", 6), ("lines", 910), ("lost", 1)];
        assert_eq!(counts, expected.map(|(name, count)| (name.to_owned(), count)).into());
    }
}
