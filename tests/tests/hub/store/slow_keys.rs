//! How many keys the task of a store reads at once, and what keys whose reads fail or never answer do to the others.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{FutureExt, StreamExt};
use sse_typed::hub::{EventStore, Start};
use tokio::time::{Instant, sleep, timeout};

use super::{
    following::{hub, store, take, ticks, ticks_of},
    settle,
};
use crate::common::Feed;

#[tokio::test]
async fn at_most_64_keys_are_read_at_once() {
    let store = store();
    let mut followed = Vec::new();
    for n in 0..1_000 {
        let hub = hub(&store, &n.to_string());
        let mut live = hub.subscribe(Start::Live);
        assert!(live.next().now_or_never().is_none());
        followed.push((hub, live));
    }
    settle().await;
    store.controls.most_under_way.store(0, Ordering::Relaxed);
    let reads = store.reads();
    store.controls.holds_reads.send_replace(true);
    store.wakes().all_changed();
    settle().await;
    assert_eq!(store.reads(), reads + 64);
    store.controls.holds_reads.send_replace(false);
    settle().await;
    assert_eq!((store.reads(), store.controls.most_under_way.load(Ordering::Relaxed)), (reads + 1_000, 64));
}

#[tokio::test(start_paused = true)]
async fn keys_whose_reads_fail_or_panic_hold_up_no_other_and_are_read_again() {
    for panics in [false, true] {
        let store = store();
        let name = if panics { &store.controls.panics } else { &store.controls.fails };
        *name.lock().unwrap() = Some("bad");
        let mut followed = Vec::new();
        for n in 0..200 {
            let hub = hub(&store, &format!("bad/{n}"));
            let mut live = hub.subscribe(Start::Earliest);
            assert!(live.next().now_or_never().is_none());
            followed.push((hub, live));
        }
        settle().await;
        let good = hub(&store, "good");
        let mut live = good.subscribe(Start::Live);
        for n in 0..100 {
            let began = Instant::now();
            good.publish(&Feed::Tick(n)).await.unwrap();
            assert_eq!(take(&mut live, 1).await, ticks([n]));
            assert_eq!(began.elapsed(), Duration::ZERO);
        }
        // Once the pauses have grown, each of them is read every five seconds.
        sleep(Duration::from_secs(60)).await;
        let reads = store.reads();
        sleep(Duration::from_secs(60)).await;
        let per_key = (store.reads() - reads) as f64 / 200.0;
        assert!((11.0..=13.0).contains(&per_key), "{per_key}");
        *name.lock().unwrap() = None;
        for (n, (hub, live)) in followed.iter_mut().enumerate() {
            hub.publish(&Feed::Tick(n as u64)).await.unwrap();
            assert_eq!(take(live, 1).await, ticks([n as u64]), "panics: {panics}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_whose_reads_never_answer_hold_up_others_once_for_thirty_seconds() {
    assert_eq!(held_up_by_hanging_keys(100).await, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn many_keys_whose_reads_never_answer_hold_up_others_once_for_thirty_seconds_for_each_32_of_them() {
    let held_up = held_up_by_hanging_keys(320).await;
    assert!(held_up <= 10 * Duration::from_secs(30), "{held_up:?}");
}

/// How long the first event of a key is held up by this many other keys whose reads never answer. Later events are not.
async fn held_up_by_hanging_keys(keys: u64) -> Duration {
    let store = store();
    *store.controls.hangs.lock().unwrap() = Some("bad");
    let mut followed = Vec::new();
    for n in 0..keys {
        let hub = hub(&store, &format!("bad/{n}"));
        let mut live = hub.subscribe(Start::Live);
        assert!(live.next().now_or_never().is_none());
        followed.push((hub, live));
    }
    settle().await;
    let good = hub(&store, "good");
    let mut live = good.subscribe(Start::Live);
    let began = Instant::now();
    good.publish(&Feed::Tick(0)).await.unwrap();
    let first = timeout(Duration::from_secs(3_600), live.next()).await.unwrap().unwrap();
    assert_eq!(ticks_of(&first), ticks([0]));
    let held_up = began.elapsed();
    // The rest of the keys.
    sleep(Duration::from_secs(30)).await;
    for n in 1..200 {
        let began = Instant::now();
        good.publish(&Feed::Tick(n)).await.unwrap();
        assert_eq!(take(&mut live, 1).await, ticks([n]));
        assert_eq!(began.elapsed(), Duration::ZERO, "event {n}");
        sleep(Duration::from_secs(2)).await;
    }
    *store.controls.hangs.lock().unwrap() = None;
    for (n, (hub, live)) in followed.iter_mut().enumerate() {
        hub.publish(&Feed::Tick(n as u64)).await.unwrap();
        assert_eq!(timeout(Duration::from_secs(600), take(live, 1)).await.unwrap(), ticks([n as u64]));
    }
    held_up
}
