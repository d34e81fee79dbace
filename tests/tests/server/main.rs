//! What the server promises, one test per promise.

mod answers;
mod budget;
mod common;
mod end;
mod end_conditions;
mod frames;
mod keep_alive;
mod layers;
mod limits;
mod observer;
mod panics;
mod policy;
mod shutdown;
mod sockets;
mod stats;
mod unsendable;
