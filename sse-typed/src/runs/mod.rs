//! Runs: work that outlives the connection that asked for it.

pub use crate::hub::run_store::{
    AnyRunStore, Claimed, InputHash, InvalidRunId, NewRun, ReadRun, Renewed, RunEnded, RunId, RunRecord, RunRef,
    RunStore,
};
