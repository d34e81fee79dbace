//! Runs in a Redis server. The tests of what [`Runs`](sse_typed::runs::Runs) promises are in `tests/runs`, for every store.

mod process;
mod processes;
mod records;
mod suite;
