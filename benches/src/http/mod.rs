//! Servers and a load generator for them, each in its own process, over loopback.
//!
//! A server has two ports: on one it sends events, and on the other it receives the command to publish. The load generator sends the
//! command when all connections have received the whole burst before. So no connection is ever behind, and every contender
//! sends the same events.

pub mod connection;
pub mod durable;
pub mod kernel;
pub mod load;
pub mod process;
pub mod protocol;
pub mod resume;
pub mod serve;
pub mod storm;
