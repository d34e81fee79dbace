//! What expectations accept.

use std::{io, time::Duration};

use axum::{Router, response::IntoResponse, routing::get};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use sse_typed::{
    Event, Gap, Hub, LastEventId, RawEvent, Sse, SseLayer,
    client::EventStream,
    codec::EventReader,
    event::GapReason,
    hub::{Retention, Start},
    server::KeepAlive,
    testing::Collect,
};
use tokio::time::{Instant, sleep};
use tower::ServiceBuilder;

use crate::Feed;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One tick a second, for ever.
fn ticks() -> impl stream::Stream<Item = Event<Feed>> + Send {
    stream::unfold(1, |n| async move {
        sleep(seconds(1)).await;
        Some((Event::new(Feed::Tick(n)).id(n), n + 1))
    })
}

fn text(text: &'static str) -> Collect<Feed> {
    Collect::response(stream_response(text))
}

fn stream_response(text: &'static str) -> Response<Full<Bytes>> {
    Response::builder().header("content-type", "text/event-stream").body(Full::from(text)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_endless_stream_is_read_as_far_as_it_is_expected() {
    let started = Instant::now();
    let mut events = Collect::stream(ticks());
    assert_eq!(events.expect(Feed::Tick(1)).await.id.unwrap().as_str(), "1");
    events.expect_event(Event::new(Feed::Tick(2)).id(2_u64)).await;
    assert_eq!(events.last_event_id(), "2");
    assert_eq!(events.take(3).await, [Feed::Tick(3), Feed::Tick(4), Feed::Tick(5)]);
    events.expect_all([Feed::Tick(6), Feed::Tick(7)]).await;
    assert_eq!(events.expect_matching(|event| matches!(event, Feed::Tick(8))).await.data, Feed::Tick(8));
    assert_eq!(events.next().await.data, Feed::Tick(9));
    assert_eq!(started.elapsed(), seconds(9));
    events.expect_none_for(Duration::from_millis(999)).await;
    // What comes at the very end of a time of silence is not in it.
    events.expect_silence_for(Duration::from_millis(1)).await;
    events.expect(Feed::Tick(10)).await;
    assert_eq!(started.elapsed(), seconds(10));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_a_service() {
    let app: Router = Router::new()
        .route("/", get(|id: LastEventId| async move { Sse::new(ticks().skip(id.parse().unwrap().unwrap_or(0))) }))
        .route("/none", get(|| async { Sse::<stream::Empty<Feed>>::stop() }))
        .route("/one", get(|| async { Sse::new(stream::iter([Feed::Done])).into_response() }));
    let mut events = Collect::get(app.clone(), "/").await;
    events.expect_status(200).expect_header("content-type", "text/event-stream");
    let id = events.expect(Feed::Tick(1)).await.id.unwrap();
    drop(events);

    let mut events = Collect::get(app.clone(), "/").last_event_id(id).await;
    assert_eq!(events.last_event_id(), "1");
    events.expect(Feed::Tick(2)).await;

    let mut events = Collect::<Feed>::get(app.clone(), "/none").await;
    events.expect_status(204);
    events.expect_end().await;
    events.expect_end().await;

    let mut events = Collect::get(app, "/one").await;
    events.expect_only([Feed::Done]).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_of_plain_hyper_gets_the_request_as_it_is() {
    let service = tower::service_fn(|request: Request<Full<Bytes>>| async move {
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/ask"));
        assert_eq!(request.headers()["x-a"], "1");
        Ok::<_, std::convert::Infallible>(Response::<_>::from(Sse::new(stream::iter([Feed::Tick(1)]))))
    });
    let request = Request::post("/ask").body("?").unwrap();
    let mut events = Collect::request(service, request).header("x-a", "1").within(seconds(3)).await;
    events.expect_only([Feed::Tick(1)]).await;
}

#[tokio::test(start_paused = true)]
async fn a_layer_is_in_front_of_a_service_of_streams() {
    let service = ServiceBuilder::new()
        .layer(SseLayer::new().retry(seconds(2)).keep_alive(KeepAlive::every(seconds(5)).comment("here")))
        .service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, std::convert::Infallible>(Sse::new(ticks().take(1).chain(stream::pending())))
        });
    let mut events = Collect::get(service, "/").await;
    events.expect_retry(seconds(2)).await;
    events.expect_silence_for(seconds(1)).await;
    events.expect(Feed::Tick(1)).await;
    assert_eq!(events.reconnection_time(), Some(seconds(2)));
    events.expect_silence_for(seconds(5)).await;
    events.expect_comment("here").await;
    // Comments are no events, and stay there for those who expect them.
    events.expect_none_for(seconds(12)).await;
    events.expect_comment("here").await;
    events.expect_comment("here").await;
    events.expect_retry(seconds(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_a_stream_of_events() {
    let hub = Hub::<Feed>::builder().retain(Retention::events(2)).build();
    let mut live = Collect::stream(hub.subscribe(Start::Live));
    let mut last = String::new();
    for n in 1..=4 {
        hub.publish(&Feed::Tick(n)).await.unwrap();
        let id = live.expect(Feed::Tick(n)).await.id.unwrap();
        if n == 1 {
            last = id.as_str().to_owned();
        }
    }
    live.expect_none_for(seconds(3600)).await;
    let id = LastEventId::from(sse_typed::EventId::new(&last).unwrap());
    let mut late = Collect::stream(hub.subscribe(id));
    late.expect_gap(Gap::new(Some(1), GapReason::Trimmed)).await;
    assert_eq!(late.take(2).await, [Feed::Tick(3), Feed::Tick(4)]);
    hub.close(Some(Feed::Done)).await.unwrap();
    late.expect_only([Feed::Done]).await;
}

#[tokio::test(start_paused = true)]
async fn ids_and_times_that_stand_alone_are_expected_too() {
    let mut events = text("id: 1\n\n: x\n\nretry: 500\n\nid: 2\nretry: 700\nevent: tick\ndata: 1\n\nid\n\n");
    events.expect_last_event_id("1").await;
    events.expect_last_event_id("1").await;
    events.expect_retry(Duration::from_millis(500)).await;
    // One that comes with an event leaves the event where it is.
    events.expect_retry(Duration::from_millis(700)).await;
    let event = events.next().await;
    assert_eq!((event.id.unwrap().as_str(), event.retry), ("2", Some(Duration::from_millis(700))));
    events.expect_end().await;
    assert_eq!(events.last_event_id(), "");
    assert!(events.wire_text().ends_with("data: 1\n\nid\n\n"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_expected_as_such() {
    let mut events = text("event: tick\ndata: x\n\nevent: odd\ndata: 1\n\nevent: tick\ndata: 1\n\n");
    let error = events.expect_bad_event().await;
    assert!(error.contains("tick"), "{error}");
    let error = events.expect_bad_event().await;
    assert_eq!(error, "event `odd` is of no type that is known here: \"1\"");
    assert_eq!(events.rest().await, [Feed::Tick(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_is_another_thing_than_one_that_ends() {
    let body = |pieces: Vec<io::Result<&'static str>>| {
        let frames = pieces.into_iter().map(|piece| piece.map(|text| Frame::data(Bytes::from(text))));
        StreamBody::new(stream::iter(frames))
    };
    let broken = || vec![Ok("event: tick\ndata: 1\n\nevent: ti"), Err(io::Error::other("gone"))];
    let mut events = Collect::body(body(broken()));
    events.expect(Feed::Tick(1)).await;
    assert_eq!(events.expect_broken().await, "gone");
    assert_eq!(events.expect_broken().await, "gone");

    let mut events = Collect::bytes(stream::iter(broken()));
    events.expect(Feed::Tick(1)).await;
    assert_eq!(events.expect_broken().await, "gone");

    // Of a client of any make.
    let mut events = Collect::received(EventStream::<Feed, _>::from_body(body(broken())));
    events.expect(Feed::Tick(1)).await;
    assert!(events.expect_broken().await.contains("gone"));
    let mut events = Collect::received(EventReader::<_, Feed>::new(stream::iter(broken())));
    events.expect(Feed::Tick(1)).await;
    assert!(events.expect_broken().await.contains("gone"));
    let bad = [Ok::<_, io::Error>("event: tick\ndata: x\n\nevent: tick\nid: 4\ndata: 2\n\n")];
    let mut events = Collect::received(EventReader::<_, Feed>::new(stream::iter(bad)));
    events.expect_bad_event().await;
    events.expect(Feed::Tick(2)).await;
    assert_eq!(events.last_event_id(), "4");
    events.expect_end().await;
}

#[tokio::test(start_paused = true)]
async fn untyped_events_are_events() {
    let mut events = Collect::<RawEvent>::response(stream_response("id: 1\ndata: a\n\nevent: x\ndata: b\n\n"));
    events.expect(RawEvent::new("message", "a").with_id(1_u64)).await;
    events.expect_matching(|event| event.event_type() == "x" && event.data() == "b").await;
    events.expect_end().await;
}

#[tokio::test]
async fn without_paused_time_nothing_waits_longer_than_it_must() {
    let mut events = Collect::stream(stream::iter([Feed::Tick(1)]).chain(stream::pending()));
    events.expect(Feed::Tick(1)).await;
    events.expect_none_for(Duration::ZERO).await;
    events.expect_none_for(Duration::from_millis(5)).await;
}
