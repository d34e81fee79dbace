//! Time limits on paused and on real time, of streams and services that never pause.

use std::{convert::Infallible, io, pin::pin, time::Duration};

use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response};
use http_body_util::Empty;
use sse_typed::{
    Event, RawEvent,
    testing::{Collect, RawClient},
};
use tokio::time::{interval, sleep};

use crate::{Feed, failure};

/// A comment each `every`, and no event.
fn comments(every: Duration) -> Collect<Feed> {
    let ticks = stream::unfold(interval(every), |mut ticks| async move {
        ticks.tick().await;
        Some((Ok::<_, io::Error>(": still here\n\n"), ticks))
    });
    Collect::bytes(ticks)
}

#[tokio::test]
async fn in_real_time_comments_do_not_end_a_silence_that_is_longer_than_the_limit() {
    let mut events = comments(Duration::from_millis(20)).within(Duration::from_millis(50));
    events.expect_none_for(Duration::from_millis(200)).await;
}

#[tokio::test(start_paused = true)]
async fn without_time_an_event_is_expected_that_is_there_already() {
    let there = stream::iter([Ok::<_, io::Error>(": a\n\n: b\n\nevent: tick\ndata: 1\n\n")]).chain(stream::pending());
    let mut events = Collect::<Feed>::bytes(there).within(Duration::ZERO);
    events.expect(Feed::Tick(1)).await;
    assert!(failure(events.next()).await.contains("within 0ns"));
    let mut silent = comments(Duration::from_secs(1)).within(Duration::ZERO);
    silent.expect_none_for(Duration::from_secs(3600)).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_limit_on_paused_time_does_not_let_a_stream_run_on_that_never_pauses() {
    let endless = stream::repeat_with(|| Ok::<_, io::Error>(Event::new(Feed::Tick(1))));
    let mut events = Collect::received(endless).within(Duration::from_secs(1 << 30));
    let failed = failure(events.rest()).await;
    assert!(
        failed.starts_with(
            "expected the end of the stream\nnothing of the kind came within 30s\nthe stream never pauses\n"
        ),
        "{failed}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_waits_and_never_answers_fails() {
    let spins = tower::service_fn(|_: Request<http_body_util::Full<bytes::Bytes>>| async {
        loop {
            tokio::task::yield_now().await;
        }
        #[expect(unreachable_code, reason = "it gives the type")]
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let failed = failure(Collect::<Feed>::get(spins, "/").within(Duration::from_millis(50)).into_future()).await;
    assert_eq!(failed, "GET /: no response within 50ms");
}

#[tokio::test]
async fn without_budgets_the_limit_holds_in_real_time() {
    let endless = stream::repeat_with(|| Ok::<_, io::Error>(": x\n\n"));
    let mut events = Collect::<Feed>::bytes(endless).within(Duration::from_millis(50));
    let failed = failure(tokio::task::unconstrained(pin!(events.next()))).await;
    assert!(failed.contains("within 50ms"), "{failed}");
    let endless = stream::repeat_with(|| Ok::<_, io::Error>(": x\n\n"));
    let mut events = Collect::<Feed>::bytes(endless).within(Duration::from_millis(50));
    tokio::task::unconstrained(pin!(events.expect_none_for(Duration::from_millis(50)))).await;
}

#[tokio::test(start_paused = true)]
async fn an_unwanted_event_is_shown_with_its_time_after_the_expectation() {
    let mut events = comments(Duration::from_secs(8));
    events.expect_comment("still here").await;
    sleep(Duration::from_secs(1)).await;
    let failed = failure(events.expect_silence_for(Duration::from_secs(9))).await;
    assert!(failed.starts_with("expected silence for 9s\nafter 7s received comment \"still here\"\n"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_several_threads_each_event_is_seen_once() {
    let (events, received) = tokio::sync::mpsc::channel::<RawEvent>(1);
    let received = stream::unfold(received, |mut received| async { received.recv().await.map(|e| (e, received)) });
    let sender = tokio::spawn(async move {
        for n in 0..2000 {
            events.send(RawEvent::new("n", n.to_string())).await.unwrap();
        }
    });
    let mut received = Collect::stream(received);
    received.expect_only((0..2000).map(|n| RawEvent::new("n", n.to_string()))).await;
    sender.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_never_read_fails_in_time() {
    let (io, _server) = tokio::io::duplex(1);
    let mut request = pin!(RawClient::get(io, "/"));
    // Polled once and left.
    assert!((&mut request).now_or_never().is_none());
    sleep(Duration::from_secs(40)).await;
    assert_eq!(failure(request).await, "the request is not taken within 30s");
}

#[tokio::test(start_paused = true)]
async fn an_event_from_a_thread_that_paused_time_waits_for_is_in_time() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    // Paused time does not advance while it works.
    let work = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(1200));
        sender.send(Feed::Tick(1)).unwrap();
    });
    let worked = stream::once(async { receiver.await.unwrap() });
    let mut events = Collect::stream(worked).within(Duration::from_millis(100));
    events.expect(Feed::Tick(1)).await;
    work.await.unwrap();
}
