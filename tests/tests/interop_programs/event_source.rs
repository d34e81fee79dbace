//! Two implementations of the standard's `EventSource`, which must see the same.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    feed::{CUT, Feed, RETRY, SEEN},
    program::{Program, found, script},
};

/// What an event says of the last event ID when its own block has none.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WithoutId {
    /// The one in force, which came before: the standard's word.
    InForce,
    Empty,
}

/// The script reads the feed until the source is closed.
async fn assert_reads_to_the_end(name: &str, without_id: WithoutId) {
    let feed = Feed::start().await;
    let lines = script(name, &[&feed.url("/"), &feed.url("/events")]).await;
    let lines: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();

    let mut in_force = "";
    let mut event = |&(event_type, data, id): &(_, _, &'static str)| {
        if without_id == WithoutId::Empty || !id.is_empty() {
            in_force = id;
        }
        json!({ "type": event_type, "data": data, "lastEventId": in_force })
    };
    let (connecting, closed) = (json!({ "error": "connecting" }), json!({ "error": "closed" }));
    let mut expected = vec![json!("open")];
    expected.extend(SEEN[..CUT].iter().map(&mut event));
    expected.extend([connecting.clone(), json!("open")]);
    expected.extend(SEEN[CUT..].iter().map(&mut event));
    // The terminal event ends the stream; the 204 on the next visit ends the source.
    expected.extend([connecting, closed]);
    assert_eq!(lines, expected);

    let visits = feed.visits();
    let ids: Vec<_> = visits.iter().map(|visit| visit.last_event_id.as_deref()).collect();
    assert_eq!(ids, [None, Some("3"), Some("5")]);
    for visit in &visits {
        assert_eq!(visit.accept.as_deref(), Some("text/event-stream"));
    }
    // Timers may fire a little early, as some count in whole milliseconds.
    let waited = visits[1].at - feed.cut_at() + Duration::from_millis(20);
    assert!(waited >= RETRY, "came back after {waited:?}");
}

#[tokio::test]
#[ignore = "needs Chromium, Node and npm packages"]
async fn chromium_reads_resumes_waits_and_stops() {
    let programs = [Program::Chromium, Program::Node, Program::NpmPackages];
    if found("chromium_reads_resumes_waits_and_stops", &programs) {
        assert_reads_to_the_end("chromium.mjs", WithoutId::InForce).await;
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn npm_eventsource_reads_resumes_waits_and_stops() {
    if found("npm_eventsource_reads_resumes_waits_and_stops", &[Program::Node, Program::NpmPackages]) {
        // Its events know of their own ids only; what it sends when it comes back is the one in force all the same.
        assert_reads_to_the_end("eventsource.mjs", WithoutId::Empty).await;
    }
}
