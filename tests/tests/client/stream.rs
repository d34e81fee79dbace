//! The events of one response.

use std::{
    error::Error as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FusedStream};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use sse_typed::{
    Client, EventStream, RawEvent,
    client::{BadEvent, Error, UnknownEvent},
    testing::{Answer, ScriptedServer},
};

use crate::reading::Reading;

fn of(body: &'static str) -> EventStream<Reading, Full<Bytes>> {
    EventStream::from_body(Full::new(Bytes::from_static(body.as_bytes())))
}

/// The items of a stream, as text.
async fn items<B>(stream: EventStream<Reading, B>) -> Vec<String>
where
    EventStream<Reading, B>: StreamExt<Item = Result<sse_typed::Event<Reading>, Error>>,
{
    stream
        .map(|item| match item {
            Ok(event) => format!("{:?}", event.data),
            Err(error) => format!("error: {error}"),
        })
        .collect()
        .await
}

#[tokio::test]
async fn bad_data_of_a_known_type_is_an_error_item_and_the_stream_continues() {
    let mut stream = of("event: value\ndata: 1\n\nid: 9\nevent: value\ndata: abc\n\nevent: value\ndata: 2\n\n");
    assert_eq!(stream.next().await.unwrap().unwrap().data, Reading::Value(1));
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_decode() && !error.is_fatal());
    let raw = error.raw_event().unwrap();
    assert_eq!((raw.event_type(), raw.data(), raw.id()), ("value", "abc", Some("9")));
    assert_eq!(error.to_string(), "event `value` has bad data: invalid digit found in string");
    assert_eq!(error.decode_error().unwrap().event_type(), "value");
    assert_eq!(error.decode::<RawEvent>().unwrap().data(), "abc");
    assert!(error.source().is_none());
    assert_eq!(stream.last_event_id(), "9");
    assert_eq!(stream.next().await.unwrap().unwrap().data, Reading::Value(2));
    assert!(stream.next().await.is_none());
    assert!(stream.is_terminated());
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn the_stream_is_usable_after_try_next_has_returned_a_bad_event() {
    let mut stream = of("event: value\ndata: x\n\nevent: value\ndata: 2\n\n");
    assert!(stream.try_next().await.is_err());
    assert_eq!(stream.try_next().await.unwrap().unwrap().data, Reading::Value(2));
    assert!(stream.try_next().await.unwrap().is_none());
}

#[tokio::test]
async fn skipped_bad_events_are_passed_to_the_hook() {
    let skipped = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&skipped);
    let stream = of("event: value\ndata: x\n\nevent: value\ndata: 2\n\nevent: what\ndata: 3\n\n")
        .on_unknown(UnknownEvent::Error)
        .on_bad_event(BadEvent::skip(move |error| hook.lock().unwrap().push(error.to_string())));
    assert_eq!(items(stream).await, ["Value(2)"]);
    let skipped = skipped.lock().unwrap();
    assert_eq!(
        *skipped,
        ["event `value` has bad data: invalid digit found in string", "event `what` has an unknown event type"]
    );
}

#[tokio::test]
async fn events_of_unknown_type_are_passed_over_and_counted() {
    let mut stream = of("event: what\ndata: 1\n\ndata: 2\n\nevent: value\ndata: 3\n\n");
    assert_eq!(stream.next().await.unwrap().unwrap().data, Reading::Value(3));
    assert_eq!(stream.unknown_events(), 2);
}

#[tokio::test]
async fn events_of_unknown_type_are_error_items_for_the_strict() {
    let mut stream = of("event: what\ndata: 1\n\nevent: value\ndata: 3\n\n").on_unknown(UnknownEvent::Error);
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_unknown() && !error.is_fatal());
    assert_eq!(error.raw_event().unwrap().event_type(), "what");
    assert_eq!(stream.next().await.unwrap().unwrap().data, Reading::Value(3));
}

#[tokio::test]
async fn an_event_over_the_limit_is_one_error_item_and_the_next_event_is_read() {
    let body = format!("event: value\ndata: {}\n\nevent: value\ndata: 7\n\n", "1".repeat(500));
    let mut stream: EventStream<Reading, _> = EventStream::from_body(Full::<Bytes>::from(body)).max_event_size(100);
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_too_large() && !error.is_fatal());
    assert!(error.to_string().contains("100 bytes"), "{error}");
    assert_eq!(stream.next().await.unwrap().unwrap().data, Reading::Value(7));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn ignored_events_move_the_last_event_id_and_yield_no_items() {
    let mut stream = of("id: 5\nretry: 1500\nevent: value\ndata\n\n");
    assert!(stream.next().await.is_none());
    assert_eq!(stream.last_event_id(), "5");
    assert_eq!(stream.reconnection_time(), Some(Duration::from_millis(1500)));
}

#[tokio::test]
async fn the_envelope_has_the_id_and_retry_of_its_own_block() {
    let mut stream =
        of("id: 5\nretry: 20\nevent: value\ndata: 1\n\nevent: value\ndata: 2\n\nid\nevent: value\ndata: 3\n\n");
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!((first.id.unwrap().as_str(), first.retry), ("5", Some(Duration::from_millis(20))));
    let second = stream.next().await.unwrap().unwrap();
    assert_eq!((second.id, second.retry), (None, None));
    assert_eq!(stream.last_event_id(), "5");
    assert_eq!(stream.next().await.unwrap().unwrap().id, None);
    assert_eq!(stream.last_event_id(), "");
}

#[tokio::test]
async fn a_terminal_event_is_the_last() {
    assert_eq!(items(of("event: bye\ndata\n\nevent: value\ndata: 1\n\n")).await, ["Bye"]);
}

#[tokio::test]
async fn a_broken_body_is_a_fatal_error_after_the_received_events() {
    let reply = Answer::stream().send("event: value\ndata: 1\n\nevent: value\ndata: 2").break_off();
    for socket in [false, true] {
        let server = ScriptedServer::new([reply.clone()]).listen().await;
        let mut stream: EventStream<Reading> = if socket {
            Client::hyper().get(server.url("/")).send().await.unwrap()
        } else {
            Client::new(ScriptedServer::new([reply.clone()])).get("/").send().await.unwrap()
        };
        assert_eq!(stream.next().await.unwrap().unwrap().data, Reading::Value(1));
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is_body() && error.is_fatal(), "{error:?}");
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn send_posts_json_and_reads_a_response_in_any_chunks() {
    let text = "event: value\r\ndata: 1\r\n\r\nevent: value\rdata: 2\r\rdata: …\n\nevent: bye\ndata\n\n";
    let mut reply = Answer::stream();
    for byte in text.as_bytes() {
        reply = reply.send([*byte]);
    }
    let server = ScriptedServer::new([reply]).listen().await;
    let request = Client::hyper().post(server.url("/v1")).json(&serde_json::json!({"stream": true}));
    let stream = request.send::<Reading>().await.unwrap();
    assert_eq!(stream.head().unwrap().status, 200);
    assert_eq!(items(stream).await, ["Value(1)", "Value(2)", "Bye"]);
    let request = &server.requests()[0];
    assert_eq!((request.method.as_str(), &*request.body), ("POST", br#"{"stream":true}"#.as_slice()));
    assert_eq!(request.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn send_returns_the_error_of_a_response_that_is_not_an_event_stream() {
    let refused = Answer::status(401).header("content-type", "application/json").send(r#"{"error":"key"}"#);
    let json = Answer::status(200).header("content-type", "application/json").send("{}");
    let server = ScriptedServer::new([refused, json, Answer::status(204)]).listen().await;
    let send = || Client::hyper().post(server.url("/")).send::<Reading>();
    let error = send().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert_eq!(&error.body().unwrap()[..], br#"{"error":"key"}"#);
    assert!(send().await.unwrap_err().is_content_type());
    assert!(send().await.unwrap().next().await.is_none());
}

#[tokio::test]
async fn invalid_utf_8_becomes_replacement_characters() {
    let body = Full::new(Bytes::from_static(b"data: a\xffb\n\n"));
    let mut stream: EventStream<RawEvent, _> = EventStream::from_body(body);
    assert_eq!(stream.next().await.unwrap().unwrap().data.data(), "a\u{fffd}b");
}

#[tokio::test]
async fn the_body_is_not_read_ahead_of_the_consumer() {
    let taken = Arc::new(Mutex::new(0));
    let count = Arc::clone(&taken);
    let frames = futures_util::stream::repeat_with(move || {
        *count.lock().unwrap() += 1;
        Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b"event: value\ndata: 1\n\n")))
    });
    let mut stream: EventStream<Reading, _> = EventStream::from_body(StreamBody::new(frames));
    for n in 1..=3 {
        stream.next().await.unwrap().unwrap();
        assert_eq!(*taken.lock().unwrap(), n);
    }
}

#[tokio::test]
async fn a_body_of_only_comments_lets_other_tasks_run() {
    let frames = futures_util::stream::repeat_with(|| {
        Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from_static(b":\n")))
    });
    let mut stream: EventStream<Reading, _> = EventStream::from_body(StreamBody::new(frames));
    // An event after them is reached.
    let few = StreamExt::take(
        futures_util::stream::repeat(":\n")
            .map(|bytes| Ok::<_, std::convert::Infallible>(Frame::data(Bytes::from(bytes)))),
        1000,
    );
    let event = futures_util::stream::iter([Ok(Frame::data(Bytes::from("event: value\ndata: 1\n\n")))]);
    let mut reached: EventStream<Reading, _> = EventStream::from_body(StreamBody::new(few.chain(event)));
    assert_eq!(reached.next().await.unwrap().unwrap().data, Reading::Value(1));
    // On one thread, the timer is checked only when the stream yields.
    assert!(tokio::time::timeout(Duration::from_millis(20), stream.next()).await.is_err());
}
