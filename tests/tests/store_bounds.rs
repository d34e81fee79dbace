//! What 100,000 idle keys of a store cost. In a process of its own, because it counts the memory of all threads.

use std::{alloc::System, time::Duration};

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Gap, SseEvent,
    hub::{Block, EventLog, EventStore, Hub, MemoryStore, Start, Topics},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::{runtime::Handle, task::yield_now, time::sleep};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const KEYS: usize = 100_000;

#[derive(SseEvent)]
enum Chat {
    Said(u64),
    #[sse(gap)]
    Missed(Gap),
}

fn heap() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

#[tokio::test(start_paused = true)]
async fn idle_keys_take_1700_bytes_each_one_task_and_no_periodic_work() {
    let store = MemoryStore::default();
    let rooms = Topics::<u64, Chat, _>::on(store.clone(), "rooms", Hub::builder());
    let mut subscriptions = Vec::with_capacity(KEYS);
    let before = heap();
    for room in 0..KEYS as u64 {
        let mut subscription = rooms.subscribe(&room, Start::Live);
        assert!(subscription.next().now_or_never().is_none());
        subscriptions.push(subscription);
    }
    // At most 64 keys at a time.
    for _ in 0..KEYS / 16 {
        yield_now().await;
    }
    // The vector itself is from before.
    let each = (heap() - before) / KEYS;
    println!("{each} bytes on the heap for each idle key, its hub, topic and subscription");
    assert!(each <= 1_700, "{each}");
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 1);

    // A paused clock jumps from timer to timer, and the thread parks for each. A timer of an hour takes a few steps of
    // tokio's wheel.
    let parked = Handle::current().metrics().worker_park_count(0);
    sleep(Duration::from_secs(3600)).await;
    let parked = Handle::current().metrics().worker_park_count(0) - parked;
    assert!(parked <= 8, "the only timer is that of the test: {parked}");

    // They are followed nevertheless.
    for room in (0..KEYS as u64).step_by(999) {
        let log = store.log(&format!("rooms/{room}"));
        log.append(&Block::new(format!("event: Said\ndata: {room}\n\n"), false).unwrap()).await.unwrap();
        assert_eq!(subscriptions[room as usize].next().await.unwrap().len(), 1);
    }
}
