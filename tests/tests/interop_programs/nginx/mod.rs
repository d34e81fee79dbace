//! Streams through nginx.

mod forwarding;
mod process;
mod timeouts;
