//! Code that the tests share.

pub mod budget;
pub mod contracts;
pub mod cuts;
pub mod hidden;
pub mod runs;
pub mod serve;

/// Compiles the code of the README as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;

/// Our code in the comparison compiles, and so does the code that needs only crates of this workspace.
#[cfg(doctest)]
#[doc = include_str!("../../docs/compare.md")]
#[derive(Debug)]
pub struct Compare;
