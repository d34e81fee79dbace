//! The wake-ups of a store, polled in any way.

use std::{
    pin::pin,
    task::{Context, Poll},
};

use futures_util::{FutureExt, Stream, StreamExt};
use sse_typed::hub::{EventStore, Hub, Interest, MemoryStore, Start, Wakes};
use tests::budget::{out_of_budget, poll_once};

use super::settle;
use crate::common::{Feed, WakeCounter};

#[tokio::test]
async fn a_change_after_the_call_of_wait_is_never_missed() {
    let wakes = Wakes::new();
    for is_all in [false, true] {
        for polls in 0..3 {
            let mut woken = pin!(wakes.wait("a"));
            for spent in [true, false].into_iter().take(polls) {
                assert!(poll_once(spent, |cx| woken.as_mut().poll(cx)).await.is_pending());
            }
            wakes.changed("b", None);
            assert!(poll_once(true, |cx| woken.as_mut().poll(cx)).await.is_pending());
            if is_all {
                wakes.all_changed();
            } else {
                wakes.changed("a", None);
            }
            out_of_budget(|cx| woken.as_mut().poll(cx)).await;
        }
    }
}

#[test]
fn the_last_waker_is_woken_and_a_dropped_one_is_not() {
    let wakes = Wakes::new();
    let (mut woken, dropped) = (Box::pin(wakes.wait("a")), Box::pin(wakes.wait("a")));
    let (counters, wakers): (Vec<_>, Vec<_>) = (0..3).map(|_| WakeCounter::new()).unzip();
    let poll = |woken: &mut std::pin::Pin<Box<sse_typed::hub::Woken>>, waker| {
        woken.as_mut().poll(&mut Context::from_waker(waker))
    };
    assert_eq!(poll(&mut woken, &wakers[0]), Poll::Pending);
    assert_eq!(poll(&mut woken, &wakers[1]), Poll::Pending);
    let mut dropped = dropped;
    assert_eq!(poll(&mut dropped, &wakers[2]), Poll::Pending);
    drop(dropped);
    wakes.changed("a", None);
    assert_eq!(counters.iter().map(|counter| counter.count()).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(poll(&mut woken, &wakers[0]), Poll::Ready(()));
    drop(woken);
    assert_eq!(format!("{wakes:?}"), "Wakes { keys: 0, followers: 0, .. }", "nothing is kept of a key");
}

#[tokio::test]
async fn interest_names_the_keys_that_are_waited_for_or_followed() {
    let store = MemoryStore::default();
    let wakes = store.wakes();
    let early = wakes.wait("early");
    assert_eq!(wakes.interest().await, Interest::Follow("early".into()));
    assert!(wakes.interest().now_or_never().is_none());
    let again = wakes.wait("early");
    drop(early);
    assert!(wakes.interest().now_or_never().is_none(), "there is another");
    // Changed back before anybody looks.
    drop(again);
    let again = wakes.wait("early");
    assert!(wakes.interest().now_or_never().is_none());
    drop(again);
    assert_eq!(wakes.interest().await, Interest::Leave("early".into()));

    let hub = Hub::<Feed>::builder().build_on(store.log("hub"));
    assert!(wakes.interest().now_or_never().is_none(), "a hub without subscriptions follows nothing");
    let mut interest = Box::pin(wakes.interest());
    assert!(interest.as_mut().now_or_never().is_none());
    let mut subscription = hub.subscribe(Start::Live);
    assert_eq!(interest.await, Interest::Follow("hub".into()), "the first subscription wakes it");
    assert!(subscription.next().now_or_never().is_none());
    settle().await;
    assert!(wakes.interest().now_or_never().is_none());
    drop((subscription, hub));
    assert_eq!(wakes.interest().await, Interest::Leave("hub".into()));
}

#[tokio::test]
async fn a_subscription_on_a_store_polled_without_budget_loses_nothing_and_is_woken() {
    let store = MemoryStore::default();
    let hub = Hub::<Feed>::builder().build_on(store.log("a"));
    let mut subscription = hub.subscribe(Start::Earliest);
    for n in 0..50 {
        for spent in [true, false, true] {
            let polled = poll_once(spent, |cx| std::pin::Pin::new(&mut subscription).poll_next(cx)).await;
            assert!(polled.is_pending());
        }
        hub.publish(&Feed::Tick(n)).await.unwrap();
        let entries = out_of_budget(|cx| std::pin::Pin::new(&mut subscription).poll_next(cx)).await.unwrap();
        assert_eq!(entries.len(), 1);
    }
}
