//! The pages of the examples, compiled from TypeScript to bundles.

use std::env;

use tokio::process::Command;

use crate::program::{Program, finished, found, script_path};

/// With `SSE_TYPED_UPDATE=1` it writes the bundles.
#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_pages_of_the_examples_are_strict_typescript_and_their_bundles_are_current() {
    let test = "the_pages_of_the_examples_are_strict_typescript_and_their_bundles_are_current";
    if !found(test, &[Program::Node, Program::NpmPackages]) {
        return;
    }
    let mut command = Command::new("node");
    command.arg(script_path("pages.mjs")).args(env::var_os("SSE_TYPED_UPDATE").map(|_| "--write"));
    finished(command).await;
}
