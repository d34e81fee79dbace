//! Wake-ups, fairness, and tokio's coop budget.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::{Stream, StreamExt};
use sse_typed::{LastEventId, Merge, hub::Retention};
use tests::budget::{Other, out_of_budget, poll_once};

use super::{All, Chat, chat, merge};
use crate::common::{Feed, WakeCounter, hub, poll, ticks};

fn poll_with(merge: &mut Merge<All>, waker: &Waker) -> Poll<Option<usize>> {
    Pin::new(merge).poll_next(&mut Context::from_waker(waker)).map(|item| item.map(|item| item.len()))
}

#[test]
fn every_part_wakes_the_task_and_only_the_last_waker() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none());
    let (old_wakes, old) = WakeCounter::new();
    let (wakes, waker) = WakeCounter::new();
    assert!(poll_with(&mut merge, &old).is_pending());
    assert!(poll_with(&mut merge, &waker).is_pending());
    ticks(&feed, 1..=1);
    assert_eq!((old_wakes.count(), wakes.count()), (0, 1));
    assert_eq!(poll_with(&mut merge, &waker), Poll::Ready(Some(1)));
    assert!(poll_with(&mut merge, &waker).is_pending());
    chat.publish_now(&Chat::Said(1)).unwrap();
    assert_eq!(wakes.count(), 2);
    assert_eq!(poll_with(&mut merge, &waker), Poll::Ready(Some(1)));
    assert!(poll_with(&mut merge, &waker).is_pending());
    feed.close_now(None).unwrap();
    assert_eq!(wakes.count(), 3);
    assert!(poll_with(&mut merge, &waker).is_pending());
    chat.close_now(None).unwrap();
    assert!(wakes.count() >= 4 && old_wakes.count() == 0);
    assert_eq!(poll_with(&mut merge, &waker), Poll::Ready(None));
}

#[test]
fn parts_that_always_have_events_take_turns() {
    let rooms = [hub(Retention::default()), hub(Retention::default()), hub(Retention::default())];
    let mut merge = rooms.iter().enumerate().fold(Merge::<Feed>::new(LastEventId::none()), |merge, (n, room)| {
        merge.add(&format!("r{n}"), |id| room.subscribe(id))
    });
    let mut counts = [0; 3];
    for _ in 0..30 {
        for (n, room) in rooms.iter().enumerate() {
            ticks(room, [n as u64]);
        }
        let Poll::Ready(Some(item)) = poll(&mut merge) else { panic!("there is no item") };
        let id = item.last_id().unwrap();
        let mut client = super::Client::new();
        let Some(Feed::Tick(n)) = client.feed::<Feed>(super::wire(&item)).pop() else { panic!("no tick: {id}") };
        counts[usize::try_from(n).unwrap()] += 1;
    }
    assert_eq!(counts, [10; 3]);
}

#[tokio::test]
async fn a_stream_that_always_has_events_yields_to_other_tasks() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none());
    let other = Other::spawn();
    for n in 0..10_000 {
        if n % 2 == 0 {
            ticks(&feed, [n]);
        } else {
            chat.publish_now(&Chat::Said(n)).unwrap();
        }
        assert_eq!(merge.next().await.unwrap().len(), 1);
    }
    assert!(other.turns() >= 10_000 / 128, "{}", other.turns());
}

#[tokio::test]
async fn a_stream_that_is_polled_without_budget_loses_nothing_and_is_woken() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none());
    for n in 0..3 {
        for spent in [true, false, true] {
            assert!(poll_once(spent, |cx| Pin::new(&mut merge).poll_next(cx)).await.is_pending());
        }
        ticks(&feed, [n]);
        assert_eq!(out_of_budget(|cx| Pin::new(&mut merge).poll_next(cx)).await.unwrap().len(), 1);
        chat.publish_now(&Chat::Said(n)).unwrap();
        assert_eq!(out_of_budget(|cx| Pin::new(&mut merge).poll_next(cx)).await.unwrap().len(), 1);
    }
    // In a task that waits, and whose first poll has no budget.
    let waits =
        tokio::spawn(
            async move { out_of_budget(|cx| Pin::new(&mut merge).poll_next(cx)).await.map(|item| item.len()) },
        );
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    chat.publish_now(&Chat::Said(9)).unwrap();
    assert_eq!(waits.await.unwrap(), Some(1));
}

/// A waiting task without budget is not woken without need.
#[tokio::test]
async fn a_stream_that_waits_spends_nothing() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none());
    let (wakes, waker) = WakeCounter::new();
    assert!(poll_with(&mut merge, &waker).is_pending());
    let pending = poll_once(true, |_| poll_with(&mut merge, &waker)).await;
    assert!(pending.is_pending());
    // The runtime wakes a task later that it has refused budget.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    assert_eq!(wakes.count(), 0);
}
