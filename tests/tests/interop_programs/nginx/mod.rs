//! Streams through nginx.

mod passing;
mod process;
mod times;
