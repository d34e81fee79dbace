//! Every client of a closed hub is answered 204 in the end.

use futures_util::Stream as _;
use sse_typed::{
    LastEventId, Subscription,
    hub::{EventLog, Hub, OnGap, Retention, Start},
};

use super::NetworkLog;
use crate::common::{Feed, Reader, last_event_id};

async fn connections<L: EventLog>(
    hub: &Hub<Feed, L>,
    first: LastEventId,
    start: &Start,
    snapshot: bool,
    ready: bool,
) -> usize {
    let mut reader = Reader::new();
    reader.remember(&first);
    for count in 0..8 {
        let asked: Start = reader.last_event_id().or(start.clone());
        let subscription: Subscription<Feed> =
            if snapshot { hub.subscribe_with(asked, || Feed::State(7)) } else { hub.subscribe(asked) };
        let subscription = if ready { subscription.ready().await } else { subscription };
        if subscription.size_hint() == (0, Some(0)) {
            return count;
        }
        let id = reader.last_event_id();
        reader.subscription = Some(subscription);
        let seen = super::soon(reader.rest()).await;
        // With `ready` this response must be a 204.
        if ready && seen.is_empty() && id == reader.last_event_id() {
            return usize::MAX - 1;
        }
    }
    usize::MAX
}

fn policies() -> Vec<(&'static str, OnGap<Feed>)> {
    vec![("emit", OnGap::emit()), ("ignore", OnGap::Ignore), ("restart", OnGap::Restart), ("snapshot", OnGap::Snapshot)]
}

async fn check<L: EventLog>(
    name: &str,
    make: impl AsyncFn(OnGap<Feed>, OnGap<Feed>) -> (Hub<Feed, L>, Option<Hub<Feed, L>>),
    bad: &mut Vec<String>,
) {
    for (policy, _) in policies() {
        for events in [0, 1, 3, 10] {
            for last in [None, Some(Feed::Tick(99)), Some(Feed::Done)] {
                for snapshot in [false, true] {
                    for ready in [false, true] {
                        let on_gap = || policies().into_iter().find(|(name, _)| *name == policy).unwrap().1;
                        let (hub, restarted) = make(on_gap(), on_gap()).await;
                        let mut ids = vec![String::new(), "foreign".to_owned()];
                        for n in 0..events {
                            ids.push(hub.publish(&Feed::Tick(n)).await.unwrap().as_str().to_owned());
                        }
                        hub.close(last.clone()).await.unwrap();
                        let hub = restarted.unwrap_or(hub);
                        for start in [Start::Live, Start::Earliest, Start::Last(0), Start::Last(2)] {
                            for id in &ids {
                                let id = last_event_id(id);
                                let count = connections(&hub, id.clone(), &start, snapshot, ready).await;
                                if count > if ready || name == "memory" { 2 } else { 3 } {
                                    bad.push(format!(
                                        "{name} {policy} events={events} last={last:?} snapshot={snapshot} ready={ready} {start:?} {id:?}: {count}"
                                    ));
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn every_client_of_a_closed_hub_is_answered_204_in_the_end() {
    let mut bad = Vec::new();
    check(
        "memory",
        async |on_gap, _| (Hub::builder_on_gap(on_gap).retain(Retention::events(2)).build(), None),
        &mut bad,
    )
    .await;
    check(
        "elsewhere",
        async |on_gap, _| (Hub::builder_on_gap(on_gap).retain(Retention::events(2)).build_on(NetworkLog::new(4)), None),
        &mut bad,
    )
    .await;
    check(
        "restarted",
        async |on_gap, other| {
            let log = NetworkLog::new(4);
            let hub = Hub::builder_on_gap(on_gap).retain(Retention::events(2)).build_on(log.clone());
            (hub, Some(Hub::builder_on_gap(other).retain(Retention::events(2)).build_on(log)))
        },
        &mut bad,
    )
    .await;
    let count = bad.len();
    bad.sort_by_key(|line| line.contains("Last(0)"));
    bad.truncate(25);
    assert!(bad.is_empty(), "{count}: {bad:#?}");
}
