//! LaunchDarkly's flags: a closed set of event types, each with its own payload type; a first `put` that may be huge; and
//! comments as heartbeats.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sse_typed::{SseEvent, event::DecodeErrorKind, testing::Answer};
use ts_rs::TS;

use crate::support::{Read, event, events, read, serve, whole, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum FlagEvent {
    Put(Put),
    Patch { path: String, data: Flag },
    Delete { path: String, version: u64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Put {
    path: String,
    data: Everything,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Everything {
    flags: BTreeMap<String, Flag>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
struct Flag {
    key: String,
    on: bool,
    version: u64,
}

fn flag(key: &str, version: u64) -> Flag {
    Flag { key: key.into(), on: true, version }
}

const STREAM: &str = concat!(
    "event: put\ndata: {\"path\":\"/\",\"data\":{\"flags\":{\"a\":{\"key\":\"a\",\"on\":true,\"version\":1}}}}\n\n",
    "event: patch\ndata: {\"path\":\"/flags/a\",\"data\":{\"key\":\"a\",\"on\":true,\"version\":2}}\n\n",
    "event: delete\ndata: {\"path\":\"/flags/a\",\"version\":3}\n\n",
);

#[test]
fn each_event_type_has_its_own_payload() {
    let flags = BTreeMap::from([("a".to_owned(), flag("a", 1))]);
    let expected = [
        FlagEvent::Put(Put { path: "/".into(), data: Everything { flags } }),
        FlagEvent::Patch { path: "/flags/a".into(), data: flag("a", 2) },
        FlagEvent::Delete { path: "/flags/a".into(), version: 3 },
    ];
    let events = events::<FlagEvent>(STREAM);
    assert_eq!(events, expected);
    assert_eq!(wire(&events), STREAM);
}

#[test]
fn heartbeats_are_comments_and_not_events() {
    let all = whole::<FlagEvent>(&format!(":\n{STREAM}:\n:\n"));
    assert_eq!((all.items.len(), all.comments), (3, 3));
}

#[tokio::test]
async fn a_new_event_type_does_not_break_an_old_client() {
    let (_, client) = serve([Answer::stream().send(format!("event: goodbye\ndata: {{}}\n\n{STREAM}"))]);
    let mut stream = client.get("/all").send::<FlagEvent>().await.unwrap();
    let mut read = 0;
    while let Some(event) = stream.next().await {
        event.unwrap();
        read += 1;
    }
    assert_eq!((read, stream.unknown_events()), (3, 1));
}

#[test]
fn an_error_in_the_data_has_its_path_and_the_stream_continues() {
    let bad = "event: put\ndata: {\"path\":\"/\",\"data\":{\"flags\":{\"a\":{\"key\":\"a\",\"on\":\"yes\",\"version\":1}}}}\n\n";
    let items = read::<FlagEvent>(&format!("{bad}{STREAM}"));
    let path = Some("data.flags.a.on".to_owned());
    assert_eq!(items[0], Read::Bad { event_type: "put".into(), kind: DecodeErrorKind::Json, path });
    assert_eq!(items.len(), 4);
    assert!(matches!(items[1], Read::Event(FlagEvent::Put(_))));
}

#[test]
fn a_huge_put_is_one_event() {
    let flags: BTreeMap<_, _> = (0..40_000).map(|n| (format!("flag-{n}"), flag(&format!("flag-{n}"), n))).collect();
    let put = FlagEvent::Put(Put { path: "/".into(), data: Everything { flags } });
    let wire = wire([&put]);
    assert!(wire.len() > 2 << 20, "{}", wire.len());
    assert!(event::<FlagEvent>(&wire) == put);
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<FlagEvent>("wire/launchdarkly.ts", &sse_typed::typescript::Options::new());
}
