//! What the tests share.

pub mod scripted;
pub mod serve;
