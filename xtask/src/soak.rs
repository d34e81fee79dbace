//! The soak of each store: the example `soak` under all faults.

use std::io;

use crate::{
    programs::Program,
    shell::{Cmd, Outcome},
    steps::{Context, Step, run_all},
};

/// How long each store is soaked.
const DURATION: &str = "10m";

/// The example starts a Redis of its own.
const STORES: [&str; 3] = ["memory", "file:target/soak", "redis"];

pub(crate) const STEP: Step = Step {
    name: "soak",
    about: "the example `soak` for 10 minutes with each store, under all faults",
    needs: &[Program::Redis],
    uses: &[],
    run,
};

fn run(context: &Context) -> io::Result<Outcome> {
    run_all(&STORES.map(|store| soak(context, store)))
}

fn soak(context: &Context, store: &str) -> Cmd {
    let example = ["--release", "-p", "examples", "--features", "redis", "--example", "soak"];
    context.cargo("run", &example).args(["--", "--store", store, "--duration", DURATION])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_soaked_with_all_faults_in_a_release_build() {
        let context = Context { all: true, not_run: String::new() };
        assert_eq!(
            soak(&context, "memory").to_string(),
            "cargo run --locked --release -p examples --features redis --example soak -- --store memory --duration 10m"
        );
    }
}
