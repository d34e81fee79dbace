//! What expectations refuse, and what they say.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::Response;
use http_body_util::Full;
use sse_typed::{Event, Gap, Sse, event::GapReason, testing::Collect};
use tokio::time::{Instant, sleep};

use crate::{Feed, failure, line_of_failure, sync_failure};

fn text(text: &'static str) -> Collect<Feed> {
    Collect::body(Full::new(Bytes::from(text)))
}

fn moved(to: &str) -> Feed {
    Feed::Moved { from: "the beginning of the list".to_owned(), to: to.to_owned(), by: Some("somebody".to_owned()) }
}

#[tokio::test(start_paused = true)]
async fn another_event_is_shown_with_its_difference_and_its_place_on_the_wire() {
    let wire = "id: 1\nevent: tick\ndata: 1\n\nid: 2\nevent: tick\ndata: 3\n\nevent: done\ndata: null\n\n";
    let mut events = text(wire);
    events.expect(Feed::Tick(1)).await;
    let expected = "\
received another event than the expected one (- expected, + received)
  - Tick(2)
  + Tick(3)

received before it:
  at 0ns: event Tick(1), id 1

on the wire:
    id: 1
    event: tick
    data: 1

  > id: 2
  > event: tick
  > data: 3
  >
    event: done
    data: null";
    assert_eq!(failure(events.expect(Feed::Tick(2))).await, expected);
}

#[tokio::test(start_paused = true)]
async fn of_a_large_event_only_what_differs_is_marked() {
    let mut events = Collect::stream(stream::iter([moved("its end")]));
    let failure = failure(events.expect(moved("its middle"))).await;
    let expected = "\
received another event than the expected one (- expected, + received)
    Moved {
        from: \"the beginning of the list\",
  -     to: \"its middle\",
  +     to: \"its end\",
        by: Some(
            \"somebody\",
        ),
    }

nothing was received before it

on the wire:
  > event: moved";
    assert!(failure.starts_with(expected), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_another_one_is_a_difference_where_it_is_expected() {
    let mut events = Collect::stream(stream::iter([Event::new(Feed::Tick(1)).id(1_u64)]));
    let failure = failure(events.expect_event(Event::new(Feed::Tick(1)).id(2_u64))).await;
    assert!(failure.contains("  - ") && failure.contains("  + "), "{failure}");
    events.expect_event(Event::new(Feed::Tick(1)).id(1_u64)).await;
}

#[tokio::test(start_paused = true)]
async fn of_several_events_the_first_other_one_is_named() {
    let mut events = text("event: tick\ndata: 1\n\nevent: tick\ndata: 3\n\nevent: tick\ndata: 2\n\n");
    let failed = failure(events.expect_all([Feed::Tick(1), Feed::Tick(2), Feed::Tick(3)])).await;
    let expected = "\
event 2 of 3 is another one than the expected (- expected, + received)
  - [Tick(1), Tick(2)]
  + [Tick(1), Tick(3)]

received before it:
  at 0ns: event Tick(1)

on the wire:
    event: tick
    data: 1

  > event: tick
  > data: 3
  >
    event: tick
    data: 2";
    assert_eq!(failed, expected);
    // Nothing was taken.
    let failed = failure(events.expect_all([Feed::Tick(1), Feed::Tick(3), Feed::Tick(2), Feed::Done])).await;
    assert!(failed.starts_with("expected event 4 of 4: Done\nthe stream ended\n"), "{failed}");
    let failed = failure(events.expect_only([Feed::Tick(1), Feed::Tick(3)])).await;
    assert!(failed.starts_with("expected the end of the stream\nreceived event Tick(2)\n"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_silent_fails_at_the_time_limit() {
    let silent = stream::iter([Feed::Tick(1)]).chain(stream::pending());
    let mut events = Collect::stream(silent);
    events.expect(Feed::Tick(1)).await;
    let started = Instant::now();
    let failed = failure(events.expect(Feed::Done)).await;
    assert_eq!(started.elapsed(), Duration::from_secs(30));
    let expected = "\
expected event Done
nothing of the kind came within 30s

received before it:
  at 0ns: event Tick(1)

on the wire:
    event: tick
    data: 1";
    assert_eq!(failed, expected);
    let mut events = events.within(Duration::from_millis(1500));
    let started = Instant::now();
    let failed = failure(events.expect_end()).await;
    assert!(failed.starts_with("expected the end of the stream\nnothing of the kind came within 1.5s\n"), "{failed}");
    assert_eq!(started.elapsed(), Duration::from_millis(1500));
}

#[tokio::test(start_paused = true)]
async fn each_expectation_fails_at_the_time_limit() {
    fn silent() -> Collect<Feed> {
        Collect::stream(stream::pending::<Feed>())
    }
    failure(silent().next()).await;
    failure(silent().take(1)).await;
    failure(silent().rest()).await;
    failure(silent().expect_all([Feed::Done])).await;
    failure(silent().expect_only([])).await;
    failure(silent().expect_matching(|_| true)).await;
    failure(silent().expect_comment("x")).await;
    failure(silent().expect_retry(Duration::ZERO)).await;
    failure(silent().expect_last_event_id("1")).await;
    failure(silent().expect_gap(Gap::new(None, GapReason::UnknownId))).await;
    failure(silent().expect_bad_event()).await;
    failure(silent().expect_broken()).await;
    failure(silent().expect_open()).await;
    failure(silent().expect_reconnect()).await;
}

#[tokio::test(start_paused = true)]
async fn half_an_event_is_shown() {
    let chunks = stream::iter([Ok::<_, io::Error>("id: 1\r\nevent: tick\r\nda\u{0}")]).chain(stream::pending());
    let failed = failure(Collect::<Feed>::bytes(chunks).next()).await;
    let expected = "on the wire:\n    id: 1\\r\n    event: tick\\r\n    da\\u{0} (no line end)";
    assert!(failed.ends_with(expected), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn an_end_a_break_and_a_bad_event_are_named() {
    let failed = failure(text("").expect(Feed::Done)).await;
    assert_eq!(failed, "expected event Done\nthe stream ended\n\nnothing was received before it");
    let failed = failure(text("").next()).await;
    assert!(failed.starts_with("expected an event\nthe stream ended"), "{failed}");
    let broken = || Collect::<Feed>::bytes(stream::iter([Err::<Bytes, _>(io::Error::other("gone"))]));
    let failed = failure(broken().expect_end()).await;
    assert!(failed.starts_with("expected the end of the stream\nthe stream broke off: gone"), "{failed}");
    let failed = failure(broken().rest()).await;
    assert!(failed.starts_with("expected the end of the stream\nthe stream broke off: gone"), "{failed}");
    let bad = || text("event: tick\ndata: x\n\n");
    let failed = failure(bad().expect(Feed::Tick(1))).await;
    assert!(
        failed.starts_with("expected event Tick(1)\nreceived an event that cannot be read: event `tick`"),
        "{failed}"
    );
    assert!(failed.ends_with("  > event: tick\n  > data: x\n  >"), "{failed}");
    let failed = failure(bad().rest()).await;
    assert!(failed.contains("cannot be read"), "{failed}");
    let failed = failure(bad().expect_none_for(Duration::ZERO)).await;
    assert!(failed.contains("cannot be read"), "{failed}");
    let failed = failure(text("event: tick\ndata: 1\n\n").expect_broken()).await;
    assert!(failed.starts_with("expected that the stream breaks off\nreceived event Tick(1)"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn an_event_is_no_silence() {
    async fn tick_after(millis: u64) -> Collect<Feed> {
        Collect::stream(stream::once(async move {
            sleep(Duration::from_millis(millis)).await;
            Feed::Tick(1)
        }))
    }
    let failed = failure(tick_after(500).await.expect_none_for(Duration::from_secs(1))).await;
    assert!(failed.starts_with("expected no event for 1s\nafter 500ms received event Tick(1)\n"), "{failed}");
    let failed = failure(tick_after(0).await.expect_none_for(Duration::from_secs(1))).await;
    assert!(failed.starts_with("expected no event for 1s\nreceived event Tick(1)\n"), "{failed}");
    // An end is no silence either.
    let failed = failure(text("").expect_none_for(Duration::from_secs(1))).await;
    assert!(failed.starts_with("expected no event for 1s\nthe stream ended"), "{failed}");
    let failed = failure(text(": x\n\n").expect_silence_for(Duration::from_secs(1))).await;
    assert!(failed.starts_with("expected silence for 1s\nreceived comment \"x\""), "{failed}");
    let half = stream::iter([Ok::<_, io::Error>("event: ti")]).chain(stream::pending());
    let mut half = Collect::<Feed>::bytes(half);
    half.expect_none_for(Duration::from_secs(1)).await;
    half.expect_silence_for(Duration::from_secs(1)).await; // it came before
    let half = stream::iter([Ok::<_, io::Error>("event: ti")]).chain(stream::pending());
    let failed = failure(Collect::<Feed>::bytes(half).expect_silence_for(Duration::from_secs(1))).await;
    assert!(failed.starts_with("expected silence for 1s\nreceived a part of a block"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn comments_and_times_are_compared() {
    let mut events = text(": a\n\nretry: 5\n\nid: 1\n\nevent: tick\ndata: 1\n\n");
    let failed = failure(events.expect_comment("b")).await;
    assert!(failed.starts_with("expected comment \"b\"\nreceived comment \"a\""), "{failed}");
    let failed = failure(events.expect_retry(Duration::from_millis(6))).await;
    assert!(failed.starts_with("expected reconnection time 6ms\nreceived no event, but retry 5ms"), "{failed}");
    let failed = failure(events.expect_last_event_id("2")).await;
    assert!(failed.starts_with("expected last event ID 2, which is \"\"\nreceived no event, but id 1"), "{failed}");
    events.next().await;
    let failed = failure(events.expect_comment("b")).await;
    let expected = "received before it:\n  at 0ns: comment \"a\"\n  at 0ns: no event, but retry 5ms\n";
    assert!(failed.contains(expected), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_no_event_stream_is_shown_with_its_body() {
    let response = || {
        let builder = Response::builder().status(404).header("content-type", "text/plain");
        Collect::<Feed>::response(builder.body(Full::new(Bytes::from("no such ride"))).unwrap())
    };
    let expected = "\
the response is no event stream
received 404 Not Found
  content-type: text/plain

no such ride";
    assert_eq!(failure(response().next()).await, expected);
    assert_eq!(failure(response().expect_none_for(Duration::ZERO)).await, expected);
    assert_eq!(failure(response().expect_end()).await, expected);
    response().expect_status(404).expect_header("content-type", "text/plain");
    let failed = sync_failure(|| response().expect_status(200).head().is_some());
    assert_eq!(failed, "expected status 200\nreceived 404 Not Found\n  content-type: text/plain");
    let failed = sync_failure(|| response().expect_header("content-type", "text/html").head().is_some());
    assert!(failed.starts_with("expected header content-type: text/html\nreceived 404 Not Found\n"), "{failed}");
    let failed = sync_failure(|| text("").expect_status(200).head().is_some());
    assert_eq!(failed, "there is no response: expect_open() takes the one of a client");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_or_does_not_answer_is_named() {
    let failing = tower::service_fn(|_: http::Request<Full<Bytes>>| async {
        Err::<Response<Full<Bytes>>, _>(io::Error::other("no luck"))
    });
    let failed = failure(async { Collect::<Feed>::get(failing, "/ride").await }).await;
    assert_eq!(failed, "GET /ride: the service failed: no luck");
    let silent =
        tower::service_fn(|_: http::Request<Full<Bytes>>| std::future::pending::<io::Result<Response<Full<Bytes>>>>());
    let failed = failure(async { Collect::<Feed>::get(silent, "/ride").within(Duration::from_secs(2)).await }).await;
    assert_eq!(failed, "GET /ride: no response within 2s");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_sent_is_named() {
    let id = sse_typed::RawEvent::new("x", "y");
    let bad = sse_typed::RawEvent::new("a\nb", "y");
    let failed = failure(Collect::stream(stream::iter([id, bad])).take(2)).await;
    assert!(failed.contains("an event cannot be sent: "), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn of_a_long_stream_the_end_is_shown() {
    let mut events = Collect::stream(stream::iter((0..5000).map(Feed::Tick)));
    events.take(4990).await;
    let failed = failure(events.expect(Feed::Done)).await;
    assert!(failed.contains("  ... (4978 more)\n  at 0ns: event Tick(4978)\n"), "{failed}");
    assert!(failed.contains("\n    ...\n"), "{failed}");
    assert!(failed.lines().count() < 60, "{failed}");
}

#[tokio::test(start_paused = true)]
async fn the_failure_is_in_the_line_of_the_await() {
    let mut events = text("event: tick\ndata: 1\n\n");
    let expectation = async {
        events.expect(Feed::Tick(1)).await;
        events.expect(Feed::Tick(2)).await;
    };
    let line = line!() - 2;
    assert_eq!(line_of_failure(expectation).await, (file!().to_owned(), line));
    let request = async {
        let app: axum::Router = axum::Router::new();
        Collect::<Feed>::get(app, "/").await.expect_status(200);
    };
    let line = line!() - 2;
    assert_eq!(line_of_failure(request).await, (file!().to_owned(), line));
}

/// A stream that is always ready, and never ends.
fn flood() -> impl Stream<Item = io::Result<&'static str>> + Send {
    stream::repeat_with(|| Ok(": x\n\n"))
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_pauses_fails_although_time_stands_still() {
    let limit = Duration::from_millis(50);
    let failed = failure(Collect::<Feed>::bytes(flood()).within(limit).next()).await;
    assert!(failed.starts_with("expected an event\nnothing of the kind came within 50ms\n"), "{failed}");
    let failed = failure(Collect::<Feed>::bytes(flood()).within(limit).expect_none_for(Duration::from_secs(1))).await;
    assert!(failed.starts_with("expected no event for 1s\nthe stream never pauses\n"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_head_is_looked_at_without_the_stream() {
    let events = Collect::sse(Sse::new(stream::iter([Feed::Done])));
    assert_eq!(events.head().unwrap().status, 200);
    assert!(format!("{events:?}").starts_with("Collect { received: []"), "{events:?}");
}
