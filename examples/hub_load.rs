//! Measures a hub: deliveries per second to many subscribers, and the memory of an idle subscription.
//!
//! `cargo run --release --example hub_load [-- SUBSCRIBERS]`

use std::{
    error::Error,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Instant,
};

use futures_util::{Stream, StreamExt};
use sse_typed::{Gap, Hub, SseEvent, Subscription, hub::Start};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::task::yield_now;

#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Price {
    Changed {
        symbol: String,
        cents: u64,
    },
    #[sse(gap)]
    Missed(Gap),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let subscribers = match std::env::args().nth(1) {
        None => 10_000,
        Some(count) => count.parse().map_err(|error| format!("`{count}` is not a number of subscribers: {error}"))?,
    };
    let hub = Hub::<Price>::builder().build();
    println!("{subscribers} subscribers, {} threads", tokio::runtime::Handle::current().metrics().num_workers());
    if cfg!(debug_assertions) {
        println!("This build is not optimised. Try: cargo run --release --example hub_load -- {subscribers}");
    }

    measure_idle(&hub, subscribers);
    let delivered = Arc::new(AtomicU64::new(0));
    for _ in 0..subscribers {
        let (mut events, delivered) = (hub.subscribe(Start::Live), Arc::clone(&delivered));
        tokio::spawn(async move {
            while let Some(entries) = events.next().await {
                delivered.fetch_add(entries.len() as u64, Ordering::Relaxed);
            }
        });
    }
    // Every task waits for an event before the first measurement.
    deliver(&hub, &delivered, subscribers, 1, 1).await?;

    measure("one event at a time", &hub, &delivered, subscribers, 200, 1).await?;
    measure("bursts of 16", &hub, &delivered, subscribers, 100, 16).await?;

    let stalled = hub.subscribe(Start::Live);
    measure("with a stalled subscriber, one event at a time", &hub, &delivered, subscribers, 200, 1).await?;
    measure("with a stalled subscriber, bursts of 16", &hub, &delivered, subscribers, 100, 16).await?;
    println!("the stalled subscriber is {} events behind", stalled.lag());
    Ok(())
}

/// Prints the memory of subscriptions that wait for an event.
fn measure_idle(hub: &Hub<Price>, subscribers: usize) {
    let mut waiting: Vec<Subscription<Price>> = Vec::with_capacity(subscribers);
    let before = memory();
    for _ in 0..subscribers {
        let mut events = hub.subscribe(Start::Live);
        let polled = pin!(&mut events).poll_next(&mut Context::from_waker(Waker::noop()));
        debug_assert!(matches!(polled, Poll::Pending));
        waiting.push(events);
    }
    let used = memory().saturating_sub(before);
    let own = size_of::<Subscription<Price>>();
    let each = used / subscribers.max(1) as u64;
    println!("{each} bytes for an idle subscription, {own} of them in its task or response");
}

async fn measure(
    name: &str,
    hub: &Hub<Price>,
    delivered: &AtomicU64,
    subscribers: usize,
    rounds: u64,
    burst: u64,
) -> Result<(), Box<dyn Error>> {
    let (began, before) = (Instant::now(), memory());
    deliver(hub, delivered, subscribers, rounds, burst).await?;
    let seconds = began.elapsed().as_secs_f64();
    let deliveries = (rounds * burst * subscribers as u64) as f64;
    let growth = memory().saturating_sub(before) >> 10;
    println!("{name}: {:.2} million deliveries per second, {growth} KiB more memory", deliveries / seconds / 1e6);
    Ok(())
}

/// Publishes bursts, each after all subscribers have received the one before.
async fn deliver(
    hub: &Hub<Price>,
    delivered: &AtomicU64,
    subscribers: usize,
    rounds: u64,
    burst: u64,
) -> Result<(), Box<dyn Error>> {
    for round in 0..rounds {
        let before = delivered.load(Ordering::Relaxed);
        for n in 0..burst {
            hub.publish(&Price::Changed { symbol: "KIWI".to_owned(), cents: round * burst + n }).await?;
        }
        while delivered.load(Ordering::Relaxed) < before + burst * subscribers as u64 {
            yield_now().await;
        }
    }
    Ok(())
}

/// The resident memory of this process, in bytes.
fn memory() -> u64 {
    let Ok(own) = sysinfo::get_current_pid() else { return 0 };
    let mut system = System::new();
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[own]),
        false,
        ProcessRefreshKind::nothing().with_memory(),
    );
    system.process(own).map_or(0, sysinfo::Process::memory)
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/hub_load.json");
    assert_compatible(path, &Contract::of::<Price>(), Policy::both());
}
