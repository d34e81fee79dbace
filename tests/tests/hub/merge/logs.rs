//! Parts with a log elsewhere.

use std::task::Poll;

use futures_util::{FutureExt, Stream, StreamExt};
use sse_typed::{
    EventId, LastEventId, Merge,
    hub::{Hub, OnGap, Start},
};
use tokio::task::yield_now;

use super::{All, Chat, Client, chat, is_over, merge, said, tick, wire};
use crate::{
    common::{Feed, poll},
    remote::NetworkLog,
};

/// The next item of a stream, which must have one.
async fn next(merge: &mut Merge<All>) -> sse_typed::hub::Merged<All> {
    for _ in 0..10_000 {
        match poll(merge) {
            Poll::Ready(Some(item)) => return item,
            Poll::Ready(None) => panic!("the stream has ended"),
            Poll::Pending => yield_now().await,
        }
    }
    panic!("the stream hangs")
}

const EVENTS: u64 = 5;

/// A client of two parts from its first request to the 204. Events are published on each part, a last event closes it,
/// and the connection is cut at some step.
async fn visit(
    ring: usize,
    close_at: [usize; 2],
    cut_at: usize,
    at_byte: usize,
    restarts: bool,
    ready: bool,
) -> Vec<Feed> {
    let logs = [NetworkLog::new(1_000), NetworkLog::new(1_000)];
    let mut hubs: Vec<Hub<Feed, NetworkLog>> = logs.iter().map(|log| log.hub(ring)).collect();
    let (mut client, mut seen) = (Client::new(), Vec::new());
    let (mut step, mut published, mut closed, mut empty) = (0, [0; 2], [false; 2], 0);
    loop {
        let mut merge = Merge::<Feed>::new(client.id())
            .add("a", |id| hubs[0].subscribe(id.or(Start::Earliest)))
            .add("b", |id| hubs[1].subscribe(id.or(Start::Earliest)));
        if ready {
            let mut made = Box::pin(merge.ready());
            merge = loop {
                if let Some(merge) = (&mut made).now_or_never() {
                    break merge;
                }
                yield_now().await;
            };
        }
        if merge.size_hint() == (0, Some(0)) {
            return seen;
        }
        let (before, were_closed, mut idle) = (seen.len(), closed == [true; 2], 0);
        let is_cut = loop {
            step += 1;
            for (part, hub) in hubs.iter().enumerate() {
                let value = part as u64 * 100;
                if step == close_at[part] {
                    closed[part] = true;
                    hub.close(Some(Feed::Tick(value + 99))).await.unwrap();
                } else if published[part] < EVENTS && !closed[part] {
                    published[part] += 1;
                    hub.publish(&Feed::Tick(value + published[part])).await.unwrap();
                }
            }
            let item = match poll(&mut merge) {
                Poll::Ready(Some(item)) => item,
                Poll::Ready(None) => break false,
                Poll::Pending => {
                    yield_now().await;
                    idle += 1;
                    assert!(idle < 1_000, "the stream hangs");
                    if step >= cut_at && step < cut_at + 5 {
                        break true;
                    }
                    continue;
                }
            };
            let mut bytes = wire(&item);
            let cuts = step >= cut_at && step < cut_at + 5;
            if cuts {
                bytes.truncate(bytes.len() * at_byte / 4);
            }
            seen.extend(client.feed::<Feed>(bytes));
            if cuts {
                break true;
            }
        };
        client.cut();
        if were_closed && seen.len() == before && !is_cut {
            empty += 1;
            assert!(empty <= if ready { 0 } else { 2 + 2 * usize::from(restarts) }, "the client reconnects in a loop");
        }
        if is_cut && restarts {
            hubs = logs.iter().map(|log| log.hub(ring)).collect();
        }
    }
}

#[tokio::test]
async fn with_logs_elsewhere_a_client_receives_each_event_of_each_part_once_and_the_last_too() {
    for ring in [2, 100] {
        for restarts in [false, true] {
            for ready in [false, true] {
                for close_at in [[3, 9], [9, 3], [6, 6]] {
                    for cut_at in 1..=12 {
                        for at_byte in 0..=4 {
                            let seen = visit(ring, close_at, cut_at, at_byte, restarts, ready).await;
                            for (part, close_at) in close_at.into_iter().enumerate() {
                                let value = part as u64 * 100;
                                let published = (1..=EVENTS.min(close_at as u64 - 1)).chain([99]);
                                let expected: Vec<_> = published.map(|n| Feed::Tick(value + n)).collect();
                                let of_part = |event: &&Feed| matches!(event, Feed::Tick(n) if n / 100 == part as u64);
                                let own: Vec<_> = seen.iter().filter(of_part).cloned().collect();
                                assert_eq!(
                                    own, expected,
                                    "part {part}, ring {ring}, restarts {restarts}, ready {ready}, close at {close_at}, cut at \
                                     {cut_at}.{at_byte}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_part_that_starts_live_has_a_position_once_its_log_has_answered() {
    let (log, chat) = (NetworkLog::new(100), chat());
    let feed = log.hub(10);
    let mut client = Client::new();
    let mut merged = merge(&feed, &chat, client.id());
    chat.publish_now(&Chat::Said(1)).unwrap();
    let Poll::Ready(Some(item)) = poll(&mut merged) else { panic!("there is no item") };
    client.feed::<All>(wire(&item));
    assert!(client.id().as_str().unwrap().starts_with("*chat~"), "{:?}", client.id());
    // The log answers, and has no events.
    for _ in 0..50 {
        assert!(poll(&mut merged).is_pending());
        yield_now().await;
    }
    chat.publish_now(&Chat::Said(2)).unwrap();
    let item = next(&mut merged).await;
    assert_eq!(client.feed::<All>(wire(&item)), [said(2)]);
    assert!(client.id().as_str().unwrap().starts_with("*feed~"), "{:?}", client.id());
    drop(merged);
    feed.publish(&Feed::Tick(1)).await.unwrap();
    let item = next(&mut merge(&feed, &chat, client.id())).await;
    assert_eq!(client.feed::<All>(wire(&item)), [tick(1)]);
}

#[tokio::test]
async fn ready_finds_out_that_a_stream_over_logs_elsewhere_has_ended() {
    let logs = [NetworkLog::new(100), NetworkLog::new(100)];
    let hubs = logs.each_ref().map(|log| log.hub(10));
    for hub in &hubs {
        hub.publish(&Feed::Tick(1)).await.unwrap();
        hub.close(None).await.unwrap();
    }
    // Another process, which does not know of the end yet.
    let hubs = logs.each_ref().map(|log| log.hub(10));
    let connect = |id: LastEventId, hubs: &[Hub<Feed, NetworkLog>; 2]| {
        Merge::<Feed>::new(id)
            .add("a", |id| hubs[0].subscribe(id.or(Start::Earliest)))
            .add("b", |id| hubs[1].subscribe(id.or(Start::Earliest)))
    };
    let mut client = Client::new();
    let mut merge = connect(client.id(), &hubs).ready().await;
    assert!(!is_over(&merge));
    let mut seen = Vec::new();
    while let Some(item) = merge.next().await {
        seen.extend(client.feed::<Feed>(wire(&item)));
    }
    assert_eq!(seen, [Feed::Tick(1), Feed::Tick(1)]);
    let hubs = logs.each_ref().map(|log| log.hub(10));
    assert!(is_over(&connect(client.id(), &hubs).ready().await));
}

#[tokio::test]
async fn one_part_that_continues_is_enough_to_be_ready() {
    let (log, chat) = (NetworkLog::new(100), chat());
    let feed = log.hub(10);
    // The log was not asked yet.
    let merge = merge(&feed, &chat, LastEventId::none()).ready().now_or_never();
    assert!(!is_over(&merge.expect("one part is in memory")));
}

/// With `only` a page of a log is several items.
#[tokio::test]
async fn within_a_page_the_position_is_that_of_the_client() {
    let log = NetworkLog::new(100);
    let feed = log.hub(1);
    let mut ids = Vec::new();
    for n in 1..=6 {
        ids.push(feed.publish(&Feed::Tick(n)).await.unwrap());
    }
    let mut subscription = feed.subscribe(Start::Earliest).only(|event| *event != Feed::Tick(3));
    let first = subscription.next().await.unwrap();
    assert_eq!((first.last_id().as_ref(), subscription.position().as_ref()), (Some(&ids[1]), Some(&ids[1])));
    let mut subscription = feed.subscribe(ids[0].clone());
    assert_eq!(subscription.position().as_ref(), Some(&ids[0]));
    subscription.next().await.unwrap();
    // An event that was peeked is not yielded yet.
    let peeked = feed.subscribe(ids[3].clone()).ready().await;
    assert_eq!(peeked.position().as_ref(), Some(&ids[3]));
    let unread = peeked.only(|_| true);
    assert_eq!(unread.position().as_ref(), Some(&ids[3]));
}

/// `only` after `ready` moves back before the peeked events, which the ring may trim.
#[tokio::test]
async fn peeked_events_that_the_ring_has_trimmed_are_read_from_the_log() {
    let log = NetworkLog::new(100);
    let feed = log.hub(3);
    let mut live = feed.subscribe(Start::Live);
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(feed.publish(&Feed::Tick(n)).await.unwrap());
        assert!(live.next().await.is_some());
    }
    let looked_at = feed.subscribe(ids[1].clone()).ready().await;
    assert_eq!(looked_at.position().as_ref(), Some(&ids[1]));
    let mut subscription = looked_at.only(|_| true);
    assert_eq!(subscription.position().as_ref(), Some(&ids[1]));
    for n in 4..=9 {
        feed.publish(&Feed::Tick(n)).await.unwrap();
        // The ring has reached it.
        assert!(live.next().await.is_some());
    }
    let mut seen = Vec::new();
    let mut client = Client::new();
    while seen.len() < 7 {
        let entries = subscription.next().await.unwrap();
        seen.extend(client.feed::<Feed>(entries.to_bytes().unwrap()));
    }
    assert_eq!(seen, (3..=9).map(Feed::Tick).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_position_of_a_part_with_an_unknown_id_is_that_of_its_log_once_the_log_has_answered() {
    let feed: Hub<Feed, _> = Hub::builder_on_gap(OnGap::Ignore).build_on(NetworkLog::new(100));
    let chat = chat();
    let quiet = chat.publish_now(&Chat::Said(1)).unwrap();
    let sent = EventId::new(format!("*feed~unknown*chat~{quiet}")).unwrap();
    let mut merge = merge(&feed, &chat, sent.into());
    let newest = chat.publish_now(&Chat::Said(2)).unwrap();
    let item = next(&mut merge).await;
    assert_eq!(item.last_id().unwrap().as_str(), format!("*feed~unknown*chat~{newest}"), "it has not answered yet");
    // The log has no events, so nothing is sent for the gap.
    for _ in 0..300 {
        assert!(poll(&mut merge).is_pending());
        yield_now().await;
    }
    let head = feed.subscribe(Start::Live).ready().await.position().unwrap();
    let newest = chat.publish_now(&Chat::Said(3)).unwrap();
    let item = next(&mut merge).await;
    assert_eq!(item.last_id().unwrap().as_str(), format!("*feed~{head}*chat~{newest}"));
}
