//! The step `loom`: the models of the tasks that wait.

use std::io;

use crate::{
    shell::Outcome,
    steps::{Context, Step},
};

/// The filter of the test runner. Other unit tests cannot run with the types of loom.
const MODELS: &str = "wake::queue::models::";

pub(crate) const STEP: Step = Step {
    name: "loom",
    about: "the queue of waiting tasks, in every order of its threads",
    needs: &[],
    uses: &[],
    run,
};

fn run(context: &Context) -> io::Result<Outcome> {
    // RUSTFLAGS rebuild every dependency, so they have a target directory of their own.
    let build =
        ["-p", "sse-typed", "--no-default-features", "--features", "server", "--lib", "--target-dir", "target/loom"];
    context.cargo("test", &build).args(["--", MODELS]).env("RUSTFLAGS", "--cfg sse_typed_loom").run()
}
