//! Lost history, with a client that reconnects as browsers do.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures_util::StreamExt;
use http::{Request, Response};
use sse_typed::{
    Client, LastEventId, Sse,
    client::{Ended, ReconnectPolicy},
    event::GapReason,
    hub::{Hub, OnGap, Retention, Start},
};
use tower::service_fn;

use crate::common::{Feed, Reader, hub_on_gap, last_event_id, missed, poll, ticks};

/// The events that a client has received, and the ids that it has sent.
struct Visit {
    seen: Vec<Feed>,
    asked: Vec<Option<String>>,
}

/// Runs a client with this last event ID against a server that cuts the `n`th connection after `cuts[n]` items. When
/// the client has reconnected after the last cut, the terminal event is published. The standard sets no limit: a client
/// could reconnect in a loop forever.
async fn visit(hub: Hub<Feed>, last_event_id: &str, cuts: &[usize]) -> Visit {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (requests, served, cuts) = (Arc::clone(&asked), hub.clone(), cuts.to_vec());
    let service = service_fn(move |request: Request<_>| {
        let _: &http_body_util::Full<bytes::Bytes> = request.body();
        let id = LastEventId::of(&request);
        let mut requests = requests.lock().unwrap();
        requests.push(id.as_str().map(str::to_owned));
        assert!(requests.len() < 20, "the client reconnects in a loop: {requests:?}");
        let cut = cuts.get(requests.len() - 1).copied();
        let state = served.clone();
        let events = served.subscribe_with(id, move || Feed::State(state.stats().published));
        if cut.is_none() && !served.is_closed() {
            served.close_now(Some(Feed::Done)).unwrap();
        }
        let cut = cut.unwrap_or(usize::MAX);
        // With 0 the connection breaks before the first item. (`take(0)` would report by its size hint that it is
        // over.)
        let events = events.take(cut.max(1)).filter_map(move |entries| ready((cut > 0).then_some(entries)));
        let response = Response::from(Sse::new(events));
        ready(Ok::<_, Infallible>(response))
    });
    let mut source = Client::new(service)
        .get("http://hub.example/")
        .last_event_id(sse_typed::EventId::new(last_event_id).unwrap())
        .reconnect(ReconnectPolicy::browser())
        .connect::<Feed>();
    let mut seen = Vec::new();
    let all = async {
        while let Some(event) = source.next().await {
            seen.push(event.unwrap().data);
        }
    };
    tokio::time::timeout(Duration::from_secs(600), all).await.expect("the client stops");
    drop(source);
    let asked = asked.lock().unwrap().clone();
    Visit { seen, asked }
}

/// The history is 8..=10; the client has received 3.
fn behind(on_gap: OnGap<Feed>) -> (Hub<Feed>, String) {
    let hub = hub_on_gap(Retention::events(3), on_gap);
    let mut reader = Reader::at(&hub, Start::Live);
    ticks(&hub, 1..=3);
    reader.read();
    ticks(&hub, 4..=10);
    let id = reader.last_event_id().as_str().unwrap().to_owned();
    (hub, id)
}

#[tokio::test(start_paused = true)]
async fn a_gap_is_reported_once_however_often_the_client_reconnects() {
    let (hub, id) = behind(OnGap::emit());
    // The connection breaks right after the gap event, and once more.
    let visit = visit(hub, &id, &[1, 1]).await;
    let expected = [missed(4, GapReason::Trimmed), Feed::Tick(8), Feed::Tick(9), Feed::Tick(10), Feed::Done];
    assert_eq!(visit.seen, expected);
    let epoch = id.rsplit_once('-').unwrap().0;
    let at = |n: u64| Some(format!("{epoch}-{n}"));
    assert_eq!(visit.asked, [at(3), at(7), at(10)], "the id of the gap event is the position before the next event");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_did_not_receive_the_gap_event_meets_the_gap_again() {
    let (hub, id) = behind(OnGap::emit());
    let visit = visit(hub, &id, &[0]).await;
    // The terminal event has trimmed one more event.
    assert_eq!(visit.seen, [missed(5, GapReason::Trimmed), Feed::Tick(9), Feed::Tick(10), Feed::Done]);
    assert_eq!(visit.asked.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_replaces_the_lost_history() {
    let (hub, id) = behind(OnGap::Snapshot);
    let visit = visit(hub, &id, &[1]).await;
    assert_eq!(visit.seen, [Feed::State(10), Feed::Done]);
    assert!(visit.asked[1].as_deref().unwrap().ends_with("-10"), "{:?}", visit.asked);
    assert_eq!(visit.asked.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_client_is_a_new_one() {
    let (hub, id) = behind(OnGap::Restart);
    let visit = visit(hub, &id, &[usize::MAX, 1]).await;
    // It forgets its id and reconnects as a new client, which gets a snapshot.
    assert_eq!(visit.asked[..2], [Some(id), None]);
    assert_eq!(visit.seen, [Feed::State(10), Feed::Done]);
    assert_eq!(visit.asked.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_gap_is_not_reported() {
    let (hub, id) = behind(OnGap::Ignore);
    let visit = visit(hub, &id, &[1]).await;
    assert_eq!(visit.seen, [Feed::Tick(8), Feed::Tick(9), Feed::Tick(10), Feed::Done]);
    assert_eq!(visit.asked.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_id_makes_no_client_reconnect_in_a_loop() {
    for on_gap in [OnGap::emit(), OnGap::Snapshot, OnGap::Restart, OnGap::Ignore] {
        for cuts in [&[][..], &[0], &[1], &[1, 1], &[0, 1]] {
            // A connection that has sent all events would stay open, and would not be cut.
            let gives = match on_gap {
                OnGap::Restart => 3,
                OnGap::Emit(_) => 2,
                _ => 1,
            };
            if cuts.len() > gives {
                continue;
            }
            let (hub, _) = behind(on_gap);
            let visit = visit(hub, "0123456789abcdef-7", cuts).await;
            assert!(visit.asked.len() <= cuts.len() + 3, "{on_gap:?} {cuts:?} {:?}", visit.asked);
            // A snapshot after the last event contains everything, and nothing follows on a closed hub. A client that
            // would have to start again on a closed hub is answered 204.
            match visit.seen.last() {
                Some(Feed::Done | Feed::State(11)) => {}
                None if matches!(on_gap, OnGap::Restart) => {}
                last => panic!("{on_gap:?} {cuts:?} {last:?}"),
            }
        }
    }
}

/// A failed resume is not answered with an empty 200, which would loop.
#[tokio::test(start_paused = true)]
async fn a_client_stops_requesting_a_stream_that_is_over() {
    let (hub, id) = behind(OnGap::emit());
    let newest = hub.publish_now(&Feed::Tick(12)).unwrap();
    hub.close_now(None).unwrap();
    let late = visit(hub.clone(), &id, &[]).await;
    assert_eq!((late.seen.last(), late.asked.len()), (Some(&Feed::Tick(12)), 2), "the remaining events, then one 204");
    let visit = visit(hub, newest.as_str(), &[]).await;
    assert_eq!((visit.seen.len(), visit.asked.len()), (0, 1), "one request, one 204");
    // The id of a terminal event gets the same answer from any hub.
    let (hub, _) = behind(OnGap::emit());
    let done = hub.publish_now(&Feed::Done).unwrap();
    let visit = self::visit(behind(OnGap::emit()).0, done.as_str(), &[9]).await;
    assert_eq!((visit.seen.len(), visit.asked.len()), (0, 1));
}

#[tokio::test]
async fn the_server_answers_204_for_a_subscription_that_is_over() {
    let (hub, _) = behind(OnGap::emit());
    let done = hub.publish_now(&Feed::Done).unwrap();
    let response = Response::from(Sse::new(hub.subscribe(done)));
    assert_eq!(response.status(), 204);
    let service = service_fn(move |_: Request<_>| {
        let response = Response::from(Sse::new(hub.subscribe(Start::after(last_event_id("x!")))));
        ready(Ok::<_, Infallible>(response))
    });
    let mut source = Client::new(service).get("http://hub.example/").connect::<Feed>();
    assert!(source.next().await.is_none());
    assert_eq!(source.ended(), Some(Ended::NoContent));
}

#[test]
fn lag_is_reported_once_at_the_position_of_the_gap() {
    let hub = hub_on_gap(Retention::events(3), OnGap::emit());
    let mut reader = Reader::at(&hub, Start::Live);
    ticks(&hub, 1..=2);
    assert_eq!(reader.ticks(), [1, 2]);
    ticks(&hub, 3..=9);
    assert_eq!(reader.events(), [missed(4, GapReason::Lagged), Feed::Tick(7), Feed::Tick(8), Feed::Tick(9)]);
    ticks(&hub, 10..=10);
    assert_eq!(reader.ticks(), [10]);
}

#[test]
fn a_subscription_without_a_snapshot_closure_restarts_its_client() {
    let (hub, id) = behind(OnGap::Snapshot);
    let mut reader = Reader::at(&hub, last_event_id(&id));
    let (seen, open) = reader.read();
    assert_eq!((seen.len(), open), (0, false));
    assert!(reader.last_event_id().is_none(), "the client has forgotten its id");
}

#[test]
fn each_choice_for_gaps_holds_for_a_client_that_falls_behind() {
    for (on_gap, expected) in [
        (OnGap::Snapshot, vec![Feed::State(0), Feed::State(7), Feed::Tick(8)]),
        (OnGap::Restart, vec![Feed::State(0)]),
        (OnGap::Ignore, vec![Feed::State(0), Feed::Tick(7), Feed::Tick(8)]),
    ] {
        let hub = hub_on_gap(Retention::events(1), on_gap);
        let state = hub.clone();
        let snapshot = move || Feed::State(state.stats().published);
        let mut reader = Reader::of(hub.subscribe_with(LastEventId::none(), snapshot));
        let mut seen = reader.events();
        ticks(&hub, 1..=7);
        seen.extend(reader.read().0.into_iter().map(|(event, _)| event));
        ticks(&hub, 8..=8);
        seen.extend(reader.events());
        assert_eq!(seen, expected, "{on_gap:?}");
    }
}

#[test]
fn a_resumed_client_that_had_all_events_and_falls_behind_has_lagged() {
    let hub = crate::common::hub(Retention::events(2));
    let id = hub.publish_now(&Feed::Tick(1)).unwrap();
    let mut events = hub.subscribe(id).events();
    assert!(poll(&mut events).is_pending(), "it has all events");
    ticks(&hub, 2..10);
    let Poll::Ready(Some(event)) = poll(&mut events) else { panic!("there is something to tell") };
    assert_eq!(*event.data, missed(6, GapReason::Lagged));
}
