//! Wikimedia's EventStreams: the id is JSON (a position in each of several topics), longer than 128 bytes, and a program
//! stores it to resume.

use serde::{Deserialize, Serialize};
use sse_typed::{EventId, Sse, SseEvent, event::DecodeErrorKind, testing::Answer};
use ts_rs::TS;

use crate::support::{Read, event, read, serve, whole, wire};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(message)]
struct RecentChange {
    #[sse(id(json))]
    position: Vec<Position>,
    #[serde(rename = "$schema")]
    schema: String,
    #[serde(rename = "type")]
    kind: String,
    title: String,
    #[serde(default)]
    bot: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
struct Position {
    topic: String,
    partition: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
}

const ID: &str = concat!(
    r#"[{"topic":"eqiad.mediawiki.recentchange","partition":0,"timestamp":1795262400001},"#,
    r#"{"topic":"codfw.mediawiki.recentchange","partition":0,"offset":-1}]"#,
);
const DATA: &str = r#"{"$schema":"/mediawiki/recentchange/1.0.0","type":"edit","title":"Thể loại:Sông","bot":true}"#;

fn stream() -> String {
    format!("event: message\nid: {ID}\ndata: {DATA}\n\n")
}

fn change() -> RecentChange {
    let topic = |topic: &str, timestamp, offset| Position { topic: topic.into(), partition: 0, timestamp, offset };
    RecentChange {
        position: vec![
            topic("eqiad.mediawiki.recentchange", Some(1_795_262_400_001), None),
            topic("codfw.mediawiki.recentchange", None, Some(-1)),
        ],
        schema: "/mediawiki/recentchange/1.0.0".into(),
        kind: "edit".into(),
        title: "Thể loại:Sông".into(),
        bot: true,
    }
}

#[test]
fn the_position_is_decoded_from_and_encoded_into_the_id() {
    let all = whole::<RecentChange>(&stream());
    assert_eq!(all.items, [Read::Event(change())]);
    assert!(ID.len() > 128);
    assert_eq!(all.last_event_id, ID);
    assert_eq!(wire([&change()]), format!("id: {ID}\ndata: {DATA}\n\n"));
}

#[test]
fn text_in_the_position_cannot_forge_a_line() {
    let mut hostile = change();
    hostile.position[0].topic = "a\r\ndata: forged\n\n\0\u{2028}".into();
    assert_eq!(event::<RecentChange>(&wire([&hostile])), hostile);
}

#[test]
fn a_missing_or_malformed_position_is_an_id_error() {
    let bad = Read::Bad { event_type: "message".into(), kind: DecodeErrorKind::Id, path: None };
    let without = format!("data: {DATA}\n\n");
    let items = read::<RecentChange>(&format!("{without}id: 7\n{without}id\n{without}"));
    assert_eq!(items.len(), 3);
    assert!(items.iter().all(|item| *item == bad), "{items:?}");
}

#[tokio::test(start_paused = true)]
async fn a_program_and_its_client_resume_from_a_stored_position() {
    let (service, client) = serve([Answer::stream().send(stream()), Answer::status(204)]);
    let kept = EventId::new(serde_json::to_string(&change().position[1..]).unwrap()).unwrap();
    let mut source = client
        .get("/v2/stream/recentchange?since=2026-11-21T00:00:00Z")
        .last_event_id(kept.clone())
        .connect::<RecentChange>();
    let event = source.next().await.unwrap().unwrap();
    assert_eq!(event.data, change());
    assert_eq!(event.id, Some(EventId::new(ID).unwrap()));
    assert!(source.next().await.is_none());

    let requests = service.requests();
    assert_eq!(requests[0].uri, "/v2/stream/recentchange?since=2026-11-21T00:00:00Z");
    assert_eq!(requests[0].header("last-event-id"), Some(kept.as_str()));
    assert_eq!(requests[1].header("last-event-id"), Some(ID), "letter for letter");
}

#[tokio::test]
async fn a_server_of_this_crate_sends_the_same_format() {
    let response = http::Response::from(Sse::new(futures_util::stream::iter([change()])));
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, wire([&change()]));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<RecentChange>("wire/wikimedia.ts", &sse_typed::typescript::Options::new());
}
