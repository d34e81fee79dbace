//! Stores: many keys, one task.

mod dormancy;
mod following;
mod last;
mod memory;
mod memory_growth;
mod model;
mod slow_keys;
mod stress;
mod test_store;
mod topics;
mod wakes;

use sse_typed::{
    hub::{AnyStore, MemoryStore},
    runs::AnyRunStore,
    testing,
};
use tokio::task::yield_now;

use self::test_store::TestStore;

/// Gives other tasks as many turns as they can use.
async fn settle() {
    for _ in 0..300 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_memory_store_is_a_store() {
    testing::event_store(async |options| MemoryStore::new(options)).await;
}

#[tokio::test]
async fn a_store_of_any_type_is_a_store() {
    testing::event_store(async |options| AnyStore::new(MemoryStore::new(options))).await;
}

#[tokio::test(start_paused = true)]
async fn a_memory_store_is_a_store_of_runs() {
    testing::run_store(async || MemoryStore::default(), tokio::time::sleep).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_of_runs_of_any_type_is_a_store_of_runs() {
    testing::run_store(async || AnyRunStore::new(MemoryStore::default()), tokio::time::sleep).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_whose_reads_fail_and_panic_is_a_store() {
    testing::event_store(async |options| TestStore::slow_and_failing(MemoryStore::new(options))).await;
}
