//! For every moment of a disconnect, a close loses nothing: over memory, over a log elsewhere, and after a restart.

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

/// A client's whole visit, of which the hub is closed at some moment and the connection cut at another. It reads what there is,
/// step by step, and comes back until it is told not to.
struct Visit {
    seen: Vec<Feed>,
    /// Answers with nothing in them.
    empty: usize,
}

/// Steps are counted over the whole visit: the hub publishes, or is closed, at some of them.
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
            // As a handler does. The log may have to be published to first.
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
        // Until the end of the stream, or until the connection is cut.
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
                    assert!(idle < 1_000, "it hangs");
                }
            }
        }
        id = reader.last_event_id();
        start = if id.is_none() { Start::Earliest } else { Start::After(id.clone()) };
        if was_closed && visit.seen.len() == before && step != cut_at {
            visit.empty += 1;
            assert!(visit.empty < 5, "it goes round in circles");
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
async fn in_memory_each_event_is_seen_once_and_the_last_too() {
    for (last, close_at, cut_at) in moments() {
        let hub = hub(Retention::default());
        let visit = visit(&hub, || hub.clone(), last.clone(), close_at, cut_at, false).await;
        assert_eq!(visit.seen, expected(last.as_ref(), close_at), "close at {close_at}, cut at {cut_at}");
        assert_eq!(visit.empty, 0, "{last:?}, close at {close_at}, cut at {cut_at}");
    }
}

#[tokio::test]
async fn over_a_log_elsewhere_each_event_is_seen_once_and_the_last_too() {
    for ring in [2, 100] {
        for restarts in [false, true] {
            for ready in [false, true] {
                for (last, close_at, cut_at) in moments() {
                    let log = NetworkLog::new(1_000);
                    let hub = log.hub(ring);
                    let reopen = || if restarts { log.hub(ring) } else { hub.clone() };
                    // After a restart nobody publishes or closes but the hub that comes next.
                    let visit = visit(&hub, reopen, last.clone(), close_at, cut_at, ready).await;
                    let at =
                        format!("ring {ring}, restarts {restarts}, close at {close_at}, cut at {cut_at}, {last:?}");
                    assert_eq!(visit.seen, expected(last.as_ref(), close_at), "{at}");
                    // One empty answer for each process, of a hub that does not look first.
                    let allowed = if ready { 0 } else { 1 + usize::from(restarts) };
                    assert!(visit.empty <= allowed, "{} {at}", visit.empty);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_late_visitor_of_a_finished_job_gets_its_result() {
    let jobs = Topics::<String, Feed>::new(Hub::builder());
    let job = jobs.hub("seven");
    ticks(&job, 1..=2);
    job.close(Some(Feed::Done)).await.unwrap();
    drop(job);
    let subscribe = |id: LastEventId| jobs.subscribe("seven", id.or(Start::Earliest));
    let mut late = Reader::of(subscribe(LastEventId::none()));
    assert_eq!(late.events(), [Feed::Tick(1), Feed::Tick(2), Feed::Done]);
    assert_eq!(subscribe(late.last_event_id()).size_hint(), (0, Some(0)));
    // And so does one that was cut off in the midst of it.
    let mut cut = jobs.subscribe("seven", Start::Earliest).events();
    let first = cut.next().await.unwrap();
    let mut resumed = Reader::of(subscribe(first.id.into()));
    assert_eq!(resumed.events(), [Feed::Tick(2), Feed::Done]);
}
