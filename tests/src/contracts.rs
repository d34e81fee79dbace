//! The TypeScript that the tests in Node and in browsers use.

use std::path::Path;

use sse_typed::{
    codec::describe::DescribeEvent,
    typescript::{self, Options, TypeScript},
};

/// Asserts that the file of that name in `browser/contracts` is the TypeScript of `E`.
#[track_caller]
pub fn assert_current<E: DescribeEvent<TypeScript> + ?Sized>(name: &str, options: &Options) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/contracts").join(name);
    typescript::assert_current::<E>(path, options);
}
