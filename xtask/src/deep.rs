//! The steps of `cargo xtask test --deep`: searches that take longer than CI waits. `--only` selects among them.

use std::{env, io};

use crate::{
    fuzz, packed,
    programs::Program,
    shell::{Cmd, Outcome},
    sim, soak,
    steps::{Context, Step, run_all},
};

/// How long a fuzz target runs, in seconds.
const FUZZ_SECONDS: u32 = 600;

/// The seeds of the simulation of power losses.
const CRASH_SEEDS: &str = "10000";

/// The seeds of the simulation of servers, stores and clients.
const SIM_SEEDS: u32 = 2000;

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "crash",
        about: "the simulated power losses of the file store, with 10,000 seeds",
        needs: &[],
        uses: &[],
        run: |context| crash(context).run(),
    },
    Step {
        name: "fuzz",
        about: "each fuzz target for 10 minutes",
        needs: &[Program::Cxx, Program::CargoFuzz],
        uses: &[],
        run: |_| run_all(&fuzz::run(FUZZ_SECONDS)?),
    },
    Step {
        name: "minimal",
        about: "the published crates with the oldest dependencies that they permit, on the MSRV if it is installed",
        needs: &[],
        uses: &[],
        run: packed::minimal_versions,
    },
    Step {
        name: "mutants",
        about: "mutants of the library that no test notices, a day for all; SSE_TYPED_MUTANTS='sse-typed/src/hub/**' selects files",
        needs: &[Program::CargoMutants],
        uses: &[],
        run: mutants,
    },
    Step {
        name: "sim",
        about: "the simulation of servers, a store and clients under faults, with 2,000 seeds",
        needs: &[],
        uses: &[],
        run: |_| sim::sim(SIM_SEEDS),
    },
    soak::STEP,
];

/// One test of the simulation runs all seeds. It prints its progress.
fn crash(context: &Context) -> Cmd {
    let test = ["-p", "tests", "--test", "stores", "crash", "--", "--nocapture"];
    context.cargo("test", &test).env("SSE_TYPED_CRASH_SEEDS", CRASH_SEEDS)
}

/// The tests outside of the library that find the most mutants for their time.
const MUTANT_TESTS: [&str; 8] = ["--test", "hub", "--test", "runs", "--test", "executors", "--test", "lifecycle"];

/// Mutates the library, first under its unit tests. Each mutant is a build, and that of the package `tests` is the slower one, so
/// only the mutants that are left run under its tests.
fn mutants(_: &Context) -> io::Result<Outcome> {
    let files = env::var("SSE_TYPED_MUTANTS").ok();
    // Mutants that are left are an error of this command and the work of the next one.
    mutants_under(files.as_deref(), &["--", "--lib"]).run()?;
    let tests = [&["--iterate", "--test-package", "tests", "--"], &MUTANT_TESTS[..]].concat();
    mutants_under(files.as_deref(), &tests).run()
}

/// Runs the mutants of these files. The exclusions are in `.cargo/mutants.toml`.
fn mutants_under(files: Option<&str>, tests: &[&str]) -> Cmd {
    let mut cmd =
        Cmd::new("cargo").args(["mutants", "-p", "sse-typed", "--all-features", "--output", "target/mutants"]);
    if let Some(files) = files {
        cmd = cmd.args(["--file", files]);
    }
    // A build without debug information is faster, and nobody debugs a mutant.
    cmd.args(tests).env("CARGO_PROFILE_TEST_DEBUG", "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_deep_step_has_a_different_name() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn power_losses_are_simulated_with_more_seeds_than_in_ci() {
        let context = Context { all: true, not_run: String::new() };
        assert_eq!(
            crash(&context).to_string(),
            "SSE_TYPED_CRASH_SEEDS=10000 cargo test --locked -p tests --test stores crash -- --nocapture"
        );
    }
    #[test]
    fn mutants_run_first_under_the_unit_tests_and_those_left_under_the_other_tests() {
        let mutants = "CARGO_PROFILE_TEST_DEBUG=0 cargo mutants -p sse-typed --all-features --output target/mutants";
        assert_eq!(mutants_under(None, &["--", "--lib"]).to_string(), format!("{mutants} -- --lib"));
        let of_the_hub = mutants_under(Some("sse-typed/src/hub/**"), &["--iterate"]).to_string();
        assert_eq!(of_the_hub, format!("{mutants} --file 'sse-typed/src/hub/**' --iterate"));
    }
}
