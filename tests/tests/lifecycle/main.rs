//! How streams, connections and servers end, with servers that run.

mod common;
mod disconnect;
mod graceful;
mod guard;
mod stalled;
mod tls;
