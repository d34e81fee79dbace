//! Derived event types, as a user of a language model's stream or of a feed would write them.

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use serde::Deserialize;
use sse_typed::{
    Client, DecodeEvent, EventStream, RawEvent,
    testing::{Answer, ScriptedServer},
};

#[derive(Debug, PartialEq, Deserialize)]
struct Line {
    price: f64,
}

#[derive(Debug, PartialEq, DecodeEvent)]
#[sse(rename_all = "snake_case")]
enum Shop {
    OrderPlaced {
        number: u32,
        lines: Vec<Line>,
    },
    #[sse(error)]
    Failed {
        reason: String,
    },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(other)]
    Other(RawEvent),
}

fn shop(body: &'static str) -> EventStream<Shop, Full<Bytes>> {
    EventStream::from_body(Full::new(Bytes::from_static(body.as_bytes())))
}

#[tokio::test]
async fn the_error_of_invalid_data_names_the_event_type_the_path_in_the_json_and_the_cause() {
    let mut events = shop(concat!(
        "event: order_placed\ndata: {\"number\":1,\"lines\":[{\"price\":1.5},{\"price\":\"two\"}]}\n\n",
        "event: order_placed\ndata: {\"number\":2,\n\n",
        "event: order_placed\ndata: {\"number\":3,\"lines\":[]}\n\n",
    ));
    let error = events.next().await.unwrap().unwrap_err();
    assert!(error.is_decode() && !error.is_fatal());
    let cause = error.decode_error().unwrap();
    assert_eq!((cause.event_type(), cause.path()), ("order_placed", Some("lines[1].price")));
    assert!(error.to_string().contains("expected f64"), "{error}");

    let error = events.next().await.unwrap().unwrap_err();
    assert!(error.is_decode(), "{error}");
    assert_eq!(error.raw_event().unwrap().data(), "{\"number\":2,");

    let placed = events.next().await.unwrap().unwrap().data;
    assert_eq!(placed, Shop::OrderPlaced { number: 3, lines: vec![] });
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_enum_with_a_catch_all_keeps_unknown_events() {
    let mut events = shop("event: new_thing\ndata: 1\n\n");
    let Shop::Other(raw) = events.next().await.unwrap().unwrap().data else { panic!("known") };
    assert_eq!((raw.event_type(), raw.data()), ("new_thing", "1"));
    assert_eq!(events.unknown_events(), 0);
}

#[tokio::test]
async fn a_sentinel_ends_the_stream() {
    let mut events = shop("data: [DONE]\n\ndata: late\n\n").require_terminal(true);
    assert_eq!(events.next().await.unwrap().unwrap().data, Shop::Done);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn in_band_errors_makes_an_error_variant_an_error_item() {
    let mut events = shop("event: failed\ndata: {\"reason\":\"sold out\"}\n\ndata: [DONE]\n\n").in_band_errors(true);
    let error = events.next().await.unwrap().unwrap_err();
    assert!(error.is_in_band());
    assert_eq!(error.decode::<Shop>(), Some(Shop::Failed { reason: "sold out".to_owned() }));
    assert_eq!(events.next().await.unwrap().unwrap().data, Shop::Done);
}

#[tokio::test(start_paused = true)]
async fn an_untyped_source_yields_every_event() {
    let service = ScriptedServer::new([Answer::stream().send("event: a\ndata: 1\n\ndata: 2\n\n")]);
    let mut source = Client::new(service).get("/").connect::<RawEvent>();
    assert_eq!(source.next().await.unwrap().unwrap().data.event_type(), "a");
    assert_eq!(source.next().await.unwrap().unwrap().data.event_type(), "message");
    assert!(source.next().now_or_never().is_none());
}
