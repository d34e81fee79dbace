//! The test suite of stores of runs.

mod claims;
mod ends;
mod keys;
mod leases;

use std::{fmt, future::Future, time::Duration};

use tokio::time::timeout;

use crate::{
    hub::{Block, LogOptions, Retention},
    runs::{Claimed, NewRun, RunRecord, RunStore},
};

/// A lease and a keep time that do not expire during a test.
const LONG: Duration = Duration::from_secs(3600);

/// A lease and a keep time that a test waits for.
const SHORT: Duration = Duration::from_millis(300);

/// The time after which a short lease has expired.
const LATER: Duration = Duration::from_millis(450);

/// The time limit of each call of the store.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Tests that a store keeps the promises of [`RunStore`].
///
/// `make` makes an empty store. It is called several times, and the stores must not share keys. `pass` lets time pass on the
/// clock of the store: it sleeps, or it advances a clock that the test controls. The suite asks for less than a second at a time.
/// The suite runs within a Tokio runtime with its timer.
///
/// The promises of [`EventStore`](crate::hub::EventStore) are tested by [`event_store`](super::event_store).
///
/// ```
/// use sse_typed::{hub::MemoryStore, testing};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(
/// testing::run_store(async || MemoryStore::default(), tokio::time::sleep)
/// # );
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// When a promise is broken. The message names it.
pub async fn run_store<S: RunStore>(make: impl AsyncFn() -> S, pass: impl AsyncFn(Duration)) {
    claims::a_key_is_claimed_once(&make().await).await;
    claims::a_repeated_claim_has_the_same_outcome(&make().await).await;
    claims::a_run_is_replaced_by_its_id_once_it_has_ended(&make().await).await;
    claims::a_record_says_what_was_claimed(&make().await).await;
    claims::a_dropped_call_has_happened_or_not(&make().await).await;
    leases::a_run_is_lost_once_its_lease_has_expired_and_not_before(&make().await, &pass).await;
    leases::a_renewal_holds_the_lease(&make().await, &pass).await;
    leases::a_released_lease_has_expired(&make().await).await;
    leases::an_abandoned_run_is_lost_at_the_latest_with_its_lease(&make().await, &pass).await;
    leases::a_request_to_stop_is_reported(&make().await).await;
    leases::readers_elsewhere_count_for_as_long_as_their_lease(&make().await, &pass).await;
    ends::the_first_end_wins(&make().await).await;
    ends::an_end_closes_the_log_and_wakes_its_followers(&make().await).await;
    ends::the_last_event_ends_the_subscriptions(&make().await).await;
    ends::a_run_that_is_not_the_current_one_is_missing(&make().await).await;
    ends::a_run_is_kept_for_its_time(&make().await, &pass).await;
    ends::a_run_that_begins_anew_has_another_log(&make().await).await;
    keys::a_key_may_be_any_text(&make().await).await;
    keys::an_invalid_key_is_an_error(&make().await).await;
    keys::records_are_listed_by_prefix_in_pages(&make().await).await;
    keys::a_thousand_runs_are_renewed_in_one_call(&make().await).await;
}

/// The answer of a call, which must succeed within the time limit.
async fn answer<T, E: fmt::Display>(call: impl Future<Output = Result<T, E>>) -> T {
    match timeout(TIME_LIMIT, call).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => panic!("the store fails: {error}"),
        Err(_) => panic!("the store does not answer"),
    }
}

fn new_run() -> NewRun {
    NewRun::new("owner", LONG, LONG)
}

/// Claims a key, which must be free.
async fn start<S: RunStore>(store: &S, key: &str, new: &NewRun) -> RunRecord {
    match answer(store.claim(key, new)).await {
        Claimed::Started(record) => record,
        Claimed::Exists(record) => panic!("a key without a run can be claimed: {key:?} has {record:?}"),
    }
}

async fn find<S: RunStore>(store: &S, key: &str) -> Option<RunRecord> {
    answer(store.find(key)).await
}

fn block(text: &str) -> Block {
    Block::new(format!("data: {text}\n\n"), false).unwrap_or_else(|error| panic!("{error}"))
}

fn last() -> Block {
    Block::new("event: done\ndata: \n\n", true).unwrap_or_else(|error| panic!("{error}"))
}

/// The options of the log of a run.
fn options() -> LogOptions {
    LogOptions::new().retain(Retention::events(100_000)).sole_writer()
}
