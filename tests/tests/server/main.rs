//! What the server promises, one test per promise.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

mod common;
mod end;
mod frames;
mod keep_alive;
mod layers;
mod observer;
mod policy;
mod sockets;
