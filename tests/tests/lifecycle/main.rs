//! The end of streams, connections and servers, tested on running servers.

mod common;
mod disconnect;
mod graceful;
mod guard;
mod stalled;
mod tls;
