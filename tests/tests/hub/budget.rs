//! Subscriptions in a task without coop budget, and subscriptions that always have an event.

use std::{pin::Pin, task::Poll};

use futures_util::{Stream, StreamExt};
use sse_typed::hub::{Hub, Retention, Start};
use tests::budget::{Other, out_of_budget, poll_once};

use crate::common::{Feed, hub, ticks};

#[tokio::test]
async fn a_subscription_that_is_always_behind_yields_to_other_tasks() {
    let hub = hub(Retention::default());
    let mut slices = hub.subscribe(Start::Live);
    let other = Other::spawn();
    for n in 0..10_000 {
        ticks(&hub, [n]);
        assert_eq!(slices.next().await.unwrap().len(), 1);
    }
    assert!(other.turns() >= 10_000 / 128, "{}", other.turns());
}

#[tokio::test]
async fn values_of_a_faster_publisher_yield_to_other_tasks() {
    let hub = hub(Retention::events(100_000));
    ticks(&hub, 0..5_000);
    // Many events in a slice, and one event in a slice.
    let mut events = hub.subscribe(Start::Earliest).events();
    let other = Other::spawn();
    for n in 0..10_000 {
        assert_eq!(*events.next().await.unwrap().data, Feed::Tick(n));
        if n >= 4_999 {
            ticks(&hub, [n + 1]);
        }
    }
    assert!(other.turns() >= 10_000 / 128, "{}", other.turns());
}

#[tokio::test]
async fn a_subscription_that_is_polled_without_budget_loses_nothing_and_is_woken() {
    let hub = hub(Retention::default());
    let mut slices = hub.subscribe(Start::Live);
    let mut events = hub.subscribe(Start::Live).events();
    let mut only = hub.subscribe(Start::Live).only(|feed| *feed != Feed::Tick(1));
    for n in 0..3 {
        // Without events, regardless of the budget.
        for spent in [true, false, true] {
            assert!(poll_once(spent, |cx| Pin::new(&mut slices).poll_next(cx)).await.is_pending());
            assert!(poll_once(spent, |cx| Pin::new(&mut events).poll_next(cx)).await.is_pending());
            assert!(poll_once(spent, |cx| Pin::new(&mut only).poll_next(cx)).await.is_pending());
        }
        ticks(&hub, [n]);
        let slice = out_of_budget(|cx| Pin::new(&mut slices).poll_next(cx)).await.unwrap();
        assert_eq!(slice.len(), 1);
        let event = out_of_budget(|cx| Pin::new(&mut events).poll_next(cx)).await.unwrap();
        assert_eq!(*event.data, Feed::Tick(n));
        if n != 1 {
            assert_eq!(out_of_budget(|cx| Pin::new(&mut only).poll_next(cx)).await.unwrap().len(), 1);
        }
    }
    hub.close_now(None).unwrap();
    assert!(out_of_budget(|cx| Pin::new(&mut slices).poll_next(cx)).await.is_none());
    assert!(out_of_budget(|cx| Pin::new(&mut events).poll_next(cx)).await.is_none());
    assert!(out_of_budget(|cx| Pin::new(&mut only).poll_next(cx)).await.is_none());
}

/// The wake-up comes after the budget is spent, in a task that waits.
#[tokio::test]
async fn a_waiting_task_is_woken_after_a_poll_without_budget() {
    let hub = hub(Retention::default());
    let mut slices = hub.subscribe(Start::Live);
    let waits =
        tokio::spawn(async move { out_of_budget(|cx| Pin::new(&mut slices).poll_next(cx)).await.map(|it| it.len()) });
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    ticks(&hub, [1]);
    assert_eq!(waits.await.unwrap(), Some(1));
}

#[tokio::test]
async fn passing_withheld_events_yields_to_other_tasks() {
    let hub: Hub<Feed> = hub(Retention::events(100_000));
    ticks(&hub, 0..50_000);
    let mut nothing = hub.subscribe(Start::Earliest).only(|_| false).events();
    let other = Other::spawn();
    let mut polls = 0;
    while poll_once(false, |cx| Pin::new(&mut nothing).poll_next(cx)).await.is_pending() && polls < 100 {
        polls += 1;
    }
    assert!(polls >= 50 && other.turns() >= 50);
    assert!(matches!(poll_once(false, |cx| Pin::new(&mut nothing).poll_next(cx)).await, Poll::Pending));
}
