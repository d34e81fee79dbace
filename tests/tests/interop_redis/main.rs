//! A Redis server and our store on it.
//!
//! The tests are ignored because they need `redis-server`; `cargo xtask test` runs them where it is found. Each test owns its server.

mod appends;
mod cluster;
mod common;
mod connecting;
mod cut_sessions;
mod histories;
mod hostile;
mod hub;
mod keys;
mod outages;
mod proxy;
mod retention;
mod runs;
mod server;
mod shared_calls;
mod soak;
mod suite;
