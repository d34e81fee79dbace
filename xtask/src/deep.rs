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
        about: "mutants of the library that its unit tests do not notice; SSE_TYPED_MUTANTS='sse-typed/src/hub/**' selects files",
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

/// Mutates the library. Only its unit tests are run, because a mutant that needs other packages takes minutes.
fn mutants(_: &Context) -> io::Result<Outcome> {
    let mut cmd =
        Cmd::new("cargo").args(["mutants", "-p", "sse-typed", "--all-features", "--output", "target/mutants"]);
    if let Some(files) = env::var_os("SSE_TYPED_MUTANTS") {
        cmd = cmd.args(["--file", &files.to_string_lossy()]);
    }
    cmd.args(["--", "--lib"]).run()
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
}
