//! What the server promises, one test per promise.

mod common;
mod end;
mod frames;
mod keep_alive;
mod layers;
mod observer;
mod policy;
mod sockets;
