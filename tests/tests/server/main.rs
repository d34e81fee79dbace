//! The promises of the server, one test per promise.

mod budget;
mod common;
mod end;
mod end_conditions;
mod frames;
mod hostile_clients;
mod keep_alive;
mod layers;
mod limits;
mod observer;
mod panics;
mod resets;
mod response_heads;
mod settings;
mod shutdown;
mod sockets;
mod stats;
mod unsendable;
