//! The cost of runs that are kept, and of runs that wait.

use std::{alloc::System, fs, future::pending, time::Duration};

use futures_util::{StreamExt, stream};
use redis_store::Result;
use sse_typed::runs::{AnyRunStore, Runs};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use crate::{Answer, Store, TIMEOUT, TOKEN};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RUNS: usize = 10_000;
/// The tokens of each run, before its last event.
const TOKENS: usize = 10;
/// The starts at once.
const CONCURRENCY: usize = 100;
/// One lease, in which leases are renewed three times.
const IDLE: Duration = Duration::from_secs(15);

/// The bytes of a run that has ended, and the tasks and the processor time while nothing runs. Then the bytes of a run whose
/// producer waits, and the tasks and the processor time while all wait.
///
/// # Errors
///
/// If the store fails, or a run does not end.
pub async fn cost(store: &Store) -> Result<Vec<String>> {
    let (empty, empty_size) = (heap(), store.size().await?);
    let ended = store.runs("ended");
    start_all(&ended, true).await?;
    timeout(TIMEOUT, wait_until_ended(&ended)).await??;
    sleep(Duration::from_secs(2)).await;
    let kept = heap() - empty;
    let size = store.size().await?.zip(empty_size).map(|(size, empty)| size.saturating_sub(empty));
    let ended_cpu = processor_time_while_idle().await;
    let ended_tasks = tasks();

    let before = heap();
    let waiting = store.runs("waiting");
    start_all(&waiting, false).await?;
    sleep(Duration::from_secs(2)).await;
    let waits = heap() - before;
    let waiting_cpu = processor_time_while_idle().await;
    Ok(vec![
        per_run(kept),
        size.map_or_else(String::new, |size| per_run(size as isize)),
        ended_cpu.as_millis().to_string(),
        ended_tasks.to_string(),
        per_run(waits),
        waiting_cpu.as_millis().to_string(),
        tasks().to_string(),
    ])
}

/// Starts all runs. Each ends after its tokens, or waits after the first.
async fn start_all(runs: &Runs<Answer, AnyRunStore>, ends: bool) -> Result<()> {
    let answers = runs.public();
    let start = |key: usize| {
        let started = answers.start(key.to_string(), move |run| async move {
            run.publish(&TOKEN).await?;
            if !ends {
                pending::<()>().await;
            }
            for _ in 1..TOKENS {
                run.publish(&TOKEN).await?;
            }
            Ok(Answer::Done)
        });
        async { started.await.map(drop) }
    };
    let mut starts = stream::iter(0..RUNS).map(start).buffer_unordered(CONCURRENCY);
    while let Some(started) = starts.next().await {
        started?;
    }
    Ok(())
}

/// Returns when the store has all runs, and none of them runs.
async fn wait_until_ended(runs: &Runs<Answer, AnyRunStore>) -> Result<()> {
    loop {
        let (mut found, mut running, mut after) = (0, 0, None);
        loop {
            let page = runs.list(after.as_deref(), 1000).await?;
            found += page.len();
            running += page.iter().filter(|run| run.is_running()).count();
            let Some(last) = page.last() else { break };
            after = Some(last.cursor().to_owned());
        }
        if (found, running) == (RUNS, 0) {
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn per_run(bytes: isize) -> String {
    (bytes / RUNS as isize).to_string()
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// The bytes that are allocated now.
fn heap() -> isize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    // `bytes_reallocated` is not added: memory that grew in place is already in `bytes_allocated`.
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

async fn processor_time_while_idle() -> Duration {
    let before = processor_time();
    sleep(IDLE).await;
    processor_time() - before
}

/// Of this process, from the kernel's ticks of 10 ms. Zero where it is not known.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may contain anything. After it come the state and then numbers, of which the 12th and 13th are these times.
    let Some((_, numbers)) = stat.rsplit_once(") ") else { return Duration::ZERO };
    let ticks = numbers.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(10 * ticks)
}
