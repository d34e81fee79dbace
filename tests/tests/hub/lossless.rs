//! A close loses no event, whenever the client is disconnected: in memory, with a log elsewhere, and after a restart.

use std::task::Poll;

use futures_util::{FutureExt, Stream, StreamExt};
use sse_typed::{
    LastEventId,
    hub::{EventLog, Hub, Retention, Start, Topics},
};
use tokio::task::yield_now;

use crate::{
    common::{Feed, Reader, hub, poll, ticks},
    remote::NetworkLog,
};

const EVENTS: u64 = 6;

/// A client from its first request to the 204. The hub is closed at one step, and the connection is cut at another. The
/// client reads step by step, and reconnects until it is answered 204.
struct Visit {
    seen: Vec<Feed>,
    /// Responses without events.
    empty: usize,
}

/// Steps are counted over all connections. At some of them the hub publishes or is closed.
async fn visit<L: EventLog>(
    hub: &Hub<Feed, L>,
    reopen: impl Fn() -> Hub<Feed, L>,
    last: Option<Feed>,
    close_at: usize,
    cut_at: usize,
    ready: bool,
) -> Visit {
    let mut visit = Visit { seen: Vec::new(), empty: 0 };
    let (mut step, mut published) = (0, 0);
    let mut last = Some(last);
    let (mut id, mut start) = (LastEventId::none(), Start::Earliest);
    let mut hub = hub.clone();
    loop {
        let mut subscription = hub.subscribe(start);
        if ready {
            // As a handler does. An event may have to be published first.
            let made = subscription.ready();
            let mut made = Box::pin(made);
            subscription = loop {
                if let Some(subscription) = (&mut made).now_or_never() {
                    break subscription;
                }
                yield_now().await;
            };
        }
        if subscription.size_hint() == (0, Some(0)) {
            assert!(poll(&mut subscription).is_ready());
            return visit;
        }
        let mut reader = Reader::of(subscription);
        reader.remember(&id);
        let (before, was_closed) = (visit.seen.len(), last.is_none());
        // Up to the end of the stream, or until the connection is cut.
        let mut idle = 0;
        loop {
            step += 1;
            if step == close_at
                && let Some(last) = last.take()
            {
                hub.close(last).await.unwrap();
            } else if published < EVENTS && last.is_some() {
                published += 1;
                hub.publish(&Feed::Tick(published)).await.unwrap();
            }
            if step == cut_at {
                break;
            }
            match reader.read_one() {
                Poll::Ready(Some(seen)) => visit.seen.extend(seen.into_iter().map(|(event, _)| event)),
                Poll::Ready(None) => break,
                Poll::Pending => {
                    yield_now().await;
                    idle += 1;
                    assert!(idle < 1_000, "the stream hangs");
                }
            }
        }
        id = reader.last_event_id();
        start = if id.is_none() { Start::Earliest } else { Start::After(id.clone()) };
        if was_closed && visit.seen.len() == before && step != cut_at {
            visit.empty += 1;
            assert!(visit.empty < 5, "the client reconnects in a loop");
        }
        if step == cut_at {
            hub = reopen();
        }
    }
}

fn expected(last: Option<&Feed>, close_at: usize) -> Vec<Feed> {
    let published = EVENTS.min(close_at as u64 - 1);
    (1..=published).map(Feed::Tick).chain(last.cloned()).collect()
}

fn moments() -> impl Iterator<Item = (Option<Feed>, usize, usize)> {
    let lasts = [None, Some(Feed::Tick(100)), Some(Feed::Done)];
    lasts.into_iter().flat_map(|last| {
        (1..=10).flat_map(move |close_at| {
            let last = last.clone();
            (1..=14).map(move |cut_at| (last.clone(), close_at, cut_at))
        })
    })
}

#[tokio::test]
async fn in_memory_a_client_receives_each_event_once_and_the_last_one_too() {
    for (last, close_at, cut_at) in moments() {
        let hub = hub(Retention::default());
        let visit = visit(&hub, || hub.clone(), last.clone(), close_at, cut_at, false).await;
        assert_eq!(visit.seen, expected(last.as_ref(), close_at), "close at {close_at}, cut at {cut_at}");
        assert_eq!(visit.empty, 0, "{last:?}, close at {close_at}, cut at {cut_at}");
    }
}

#[tokio::test]
async fn with_a_log_elsewhere_a_client_receives_each_event_once_and_the_last_one_too() {
    for ring in [2, 100] {
        for restarts in [false, true] {
            for ready in [false, true] {
                for (last, close_at, cut_at) in moments() {
                    let log = NetworkLog::new(1_000);
                    let hub = log.hub(ring);
                    let reopen = || if restarts { log.hub(ring) } else { hub.clone() };
                    // After a restart only the next hub publishes or closes.
                    let visit = visit(&hub, reopen, last.clone(), close_at, cut_at, ready).await;
                    let at =
                        format!("ring {ring}, restarts {restarts}, close at {close_at}, cut at {cut_at}, {last:?}");
                    assert_eq!(visit.seen, expected(last.as_ref(), close_at), "{at}");
                    // One empty response for each process, if the handler does not use `ready`.
                    let allowed = if ready { 0 } else { 1 + usize::from(restarts) };
                    assert!(visit.empty <= allowed, "{} {at}", visit.empty);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_late_client_of_a_finished_job_receives_its_result() {
    let jobs = Topics::<String, Feed>::new(Hub::builder());
    let job = jobs.hub("seven");
    ticks(&job, 1..=2);
    job.close(Some(Feed::Done)).await.unwrap();
    drop(job);
    let subscribe = |id: LastEventId| jobs.subscribe("seven", id.or(Start::Earliest));
    let mut late = Reader::of(subscribe(LastEventId::none()));
    assert_eq!(late.events(), [Feed::Tick(1), Feed::Tick(2), Feed::Done]);
    assert_eq!(subscribe(late.last_event_id()).size_hint(), (0, Some(0)));
    // And so does a client that was cut off within it.
    let mut cut = jobs.subscribe("seven", Start::Earliest).events();
    let first = cut.next().await.unwrap();
    let mut resumed = Reader::of(subscribe(first.id.into()));
    assert_eq!(resumed.events(), [Feed::Tick(2), Feed::Done]);
}
