//! Firebase's Realtime Database over REST: events without data have `null`, names are in kebab and snake case, two event types
//! are terminal, and a redirect may lead to another host.

use serde_json::{Value, json};
use sse_typed::{
    Client, EventKind, SseEvent,
    testing::{Answer, ScriptedServer},
};

use crate::support::{events, post, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "kebab-case")]
enum DatabaseEvent {
    Put {
        path: String,
        data: Value,
    },
    Patch {
        path: String,
        data: Value,
    },
    KeepAlive,
    #[sse(terminal)]
    Cancel,
    #[sse(rename = "auth_revoked", terminal)]
    AuthRevoked(Option<String>),
}

const CHANGES: &str = concat!(
    "event: put\ndata: {\"path\":\"/\",\"data\":{\"a\":1}}\n\n",
    "event: put\ndata: {\"path\":\"/a\",\"data\":null}\n\n",
    "event: patch\ndata: {\"path\":\"/\",\"data\":{\"b\":2}}\n\n",
    "event: keep-alive\ndata: null\n\n",
);
const REVOKED: &str = "event: auth_revoked\ndata: \"credential is no longer valid\"\n\n";
const CANCEL: &str = "event: cancel\ndata: null\n\n";

#[test]
fn names_in_two_cases_and_null_data_are_decoded() {
    let put = |path: &str, data| DatabaseEvent::Put { path: path.into(), data };
    let expected = [
        put("/", json!({ "a": 1 })),
        put("/a", Value::Null),
        DatabaseEvent::Patch { path: "/".into(), data: json!({ "b": 2 }) },
        DatabaseEvent::KeepAlive,
        DatabaseEvent::AuthRevoked(Some("credential is no longer valid".into())),
        DatabaseEvent::Cancel,
    ];
    let stream = format!("{CHANGES}{REVOKED}{CANCEL}");
    let events = events::<DatabaseEvent>(&stream);
    assert_eq!(events, expected);
    assert_eq!(wire(&events), stream);
}

#[tokio::test]
async fn cancel_and_a_revoked_credential_end_the_stream() {
    for last in [REVOKED, CANCEL] {
        let (events, _) = post::<DatabaseEvent>(&format!("{CHANGES}{last}{CHANGES}")).await;
        assert_eq!(events.len(), 5);
        assert!(events[4].is_terminal());
    }
}

#[tokio::test]
async fn a_source_follows_a_redirect_to_another_host_and_ends_at_cancel() {
    let shard = ScriptedServer::new([Answer::stream().send(format!("{CHANGES}{CANCEL}"))]).listen().await;
    // Another name of the same machine counts as another host, and another port as another origin.
    let location = shard.url("/rides.json").replace("127.0.0.1", "localhost");
    let front = ScriptedServer::new([Answer::status(307).header("location", location)]).listen().await;

    let mut source = Client::hyper().get(front.url("/rides.json")).connect::<DatabaseEvent>();
    let mut events = Vec::new();
    while let Some(event) = source.next().await {
        events.push(event.unwrap().data);
    }
    assert_eq!(events.len(), 5);
    assert_eq!(events[4], DatabaseEvent::Cancel);
    assert_eq!((front.requests().len(), shard.requests().len()), (1, 1));
    assert_eq!(shard.requests()[0].header("accept"), Some("text/event-stream"));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<DatabaseEvent>("wire/firebase.ts", &sse_typed::typescript::Options::new());
}
