//! What the tests share.

pub mod budget;
pub mod contracts;
pub mod hidden;
pub mod scripted;
pub mod serve;

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
