//! The fuzz targets.

use std::{fs, io, path::Path};

use crate::shell::Cmd;

/// The targets in `fuzz/Cargo.toml`.
const TARGETS: &[&str] = &["decode", "round_trip", "client", "hub", "ids", "records", "derive", "server"];

/// The commands that run each target for a number of seconds, on a stable compiler.
pub(crate) fn run(seconds: u32) -> io::Result<Vec<Cmd>> {
    TARGETS.iter().map(|target| run_target(target, seconds)).collect()
}

/// Runs a target from its corpus and its seeds, if it has any.
fn run_target(target: &str, seconds: u32) -> io::Result<Cmd> {
    let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    fs::create_dir_all(&corpus)?;
    let seeds = Path::new(&seeds).exists().then_some(seeds);
    let run = Cmd::new("cargo").args(["fuzz", "run", "--target-dir", "target/fuzz", target, &corpus]).args(seeds);
    let time = format!("-max_total_time={seconds}");
    Ok(run
        .args(["--", &time, "-dict=fuzz/event-stream.dict", "-timeout=10", "-verbosity=0", "-print_final_stats=1"])
        .env("RUSTC_BOOTSTRAP", "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_run() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        let (_, targets) = manifest.split_once("[[bin]]").unwrap();
        let names = targets.lines().filter_map(|line| line.strip_prefix("name = ")).map(|name| name.trim_matches('"'));
        assert_eq!(names.collect::<Vec<_>>(), TARGETS);
    }
}
