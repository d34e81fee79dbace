//! Runs: work that outlives the connection that asked for it.

mod builder;
mod control;
mod end_events;
mod error;
mod keeper;
mod key;
mod producer;
mod registry;
mod run;
#[expect(clippy::module_inception, reason = "the handle of all runs, beside its parts")]
mod runs;
mod scope;
mod start;
mod status;
mod trace;
mod trust;
mod writer;

pub use self::{
    builder::RunsBuilder,
    error::{BoxError, RunsError, WriteError},
    run::Run,
    runs::Runs,
    scope::Scope,
    start::{StartRun, Started},
    status::{RunState, RunStatus},
    writer::RunWriter,
};
use crate::hub::run_store;
pub use crate::hub::run_store::{
    AnyRunStore, Claimed, InputHash, InvalidRunId, NewRun, ReadRun, Renewed, RunEnded, RunId, RunRecord, RunRef,
    RunStore,
};
