//! The TypeScript that the tests in Node and in browsers use.

use std::path::{Path, PathBuf};

use sse_typed::{
    codec::describe::DescribeEvent,
    typescript::{self, Options, TypeScript},
};

/// Asserts that the file of that name in `browser/contracts` is the TypeScript of `E`, which imports the runtime that all of
/// these files share.
#[track_caller]
pub fn assert_current<E: DescribeEvent<TypeScript> + ?Sized>(name: &str, options: &Options) {
    let folders = name.matches('/').count();
    let path = if folders == 0 { "./".to_owned() } else { "../".repeat(folders) };
    assert_exact::<E>(name, &options.clone().runtime_at(path + RUNTIME));
}

/// Asserts that the file of that name is the TypeScript of `E` with exactly these options: the runtime is inline by default.
#[track_caller]
pub fn assert_exact<E: DescribeEvent<TypeScript> + ?Sized>(name: &str, options: &Options) {
    typescript::assert_current::<E>(path(name), options);
}

/// Asserts that the shared runtime is current.
#[track_caller]
pub fn assert_runtime_current() {
    typescript::assert_runtime_current(path(RUNTIME));
}

const RUNTIME: &str = "sse_typed.ts";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/contracts").join(name)
}
