//! Histories in a folder: an embedded engine, a thread that writes and two that read.

mod batch;
mod committer;
mod core;
mod engine;
mod error;
mod folder;
#[cfg(all(fuzzing, feature = "runs"))]
pub(super) mod fuzzing;
mod hooks;
mod job;
mod log;
mod position;
mod read;
mod reader;
mod record;
#[cfg(feature = "runs")]
mod runs;
mod storage;
mod store;
#[cfg(test)]
mod tests;
mod trace;
mod writer;

pub use self::{
    error::FileStoreError,
    hooks::Hooks,
    log::FileLog,
    storage::{Files, Storage},
    store::{Durability, FileStore, FileStoreBuilder},
};
