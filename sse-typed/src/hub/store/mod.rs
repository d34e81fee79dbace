//! Stores: the histories of many keys over one engine.

mod any;
mod event_store;
mod health;
mod key;
mod memory;
mod options;
#[cfg(feature = "runs")]
pub(crate) mod run_store;

pub(crate) use self::key::check_key;
#[cfg(all(any(feature = "file", feature = "redis"), feature = "runs"))]
pub(crate) use self::key::check_run_key;
pub use self::{
    any::AnyStore,
    event_store::EventStore,
    health::{Health, HealthReporter, StoreError, StoreState},
    memory::{MemoryStore, MemoryStoreError, MemoryStoreLog},
    options::LogOptions,
};
