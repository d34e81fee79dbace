//! The runs of the server: short work with numbered tokens, which outlives the connections of its readers.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use axum::{
    extract::{Path, State},
    response::IntoResponse,
};
use sse_typed::{
    LastEventId, SseEvent,
    runs::{AnyRunStore, BoxError, RunWriter, Runs},
};
use tokio::time::sleep;

use crate::random::Random;

/// The contract of `/runs/{key}`.
#[derive(Clone, Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum RunEvent {
    Token {
        /// The execution of the producer.
        execution: u64,
        /// The first of an execution is 0.
        index: u64,
    },
    #[sse(terminal)]
    Done { execution: u64, tokens: u64 },
    #[sse(terminal, failed)]
    Failed { reason: String },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Lost,
}

/// How soon a run is lost when its process is killed. Short, so that it happens during a soak.
const LEASE: Duration = Duration::from_secs(3);
/// How long an ended run can be read: longer than a reader may be away.
const KEEP: Duration = Duration::from_secs(60);
/// The tokens of a run, and the time between two of them.
const TOKENS: u64 = 60;
const PAUSE: Duration = Duration::from_millis(50);

/// The runs of a process.
pub(crate) fn runs(store: AnyRunStore, name: &str) -> Runs<RunEvent, AnyRunStore> {
    Runs::builder().lease(LEASE).keep(KEEP).build_on(store, name)
}

/// Starts the run of the key, or joins it.
pub(crate) async fn start(
    State(runs): State<Runs<RunEvent, AnyRunStore>>,
    Path(key): Path<String>,
    last_event_id: LastEventId,
) -> impl IntoResponse {
    runs.public().start(key, produce).respond::<axum::body::Body>(last_event_id).await
}

/// One run in eight fails, and one panics.
async fn produce(run: RunWriter<RunEvent, AnyRunStore>) -> Result<RunEvent, BoxError> {
    static EXECUTIONS: AtomicU64 = AtomicU64::new(0);
    // No two processes have the same, unless they have the same number one after the other.
    let execution = u64::from(std::process::id()) << 32 | EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    let mut random = Random::new(execution, 1);
    let tokens = random.below(TOKENS);
    for index in 0..tokens {
        sleep(random.around(PAUSE)).await;
        run.publish(&RunEvent::Token { execution, index }).await?;
    }
    match random.below(8) {
        0 => Err("the work failed".into()),
        // Without the message of a panic.
        1 => resume_unwind(Box::new("the producer")),
        _ => Ok(RunEvent::Done { execution, tokens }),
    }
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/soak_runs.json");
    assert_compatible(path, &Contract::of::<RunEvent>(), Policy::both().stored_history());
}
