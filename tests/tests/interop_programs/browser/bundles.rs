//! The pages of the examples, from TypeScript to what a browser loads.

use std::env;

use tokio::process::Command;

use crate::program::{Program, finished, found, script_path};

/// `SSE_TYPED_UPDATE=1` writes them.
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
