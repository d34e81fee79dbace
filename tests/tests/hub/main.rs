//! What the hub promises, one test per promise.

mod bodies;
mod budget;
mod closing;
mod common;
mod contiguity;
mod gaps;
mod lossless;
mod merge;
mod model;
mod only;
mod publishing;
mod remote;
mod resuming;
mod retention;
mod snapshots;
mod store;
mod stress;
mod topics;
mod values;
