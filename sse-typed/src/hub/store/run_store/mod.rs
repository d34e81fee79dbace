//! What a store keeps of runs besides their logs: one record for each key, with a lease.

mod any;
mod record;
mod run_id;
mod store;

pub use self::{
    any::AnyRunStore,
    record::{Claimed, InputHash, NewRun, RunRecord},
    run_id::{InvalidRunId, RunId, RunRef},
    store::{ReadRun, Renewed, RunEnded, RunStore},
};
