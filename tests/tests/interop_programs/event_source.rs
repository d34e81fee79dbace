//! Two implementations of the standard's `EventSource`, which must see the same.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    browser::{Browser, browser_found},
    feed::{CUT, Feed, RETRY, SEEN},
    program::{Program, found, script},
};

/// The named event types of the feed.
const TYPES: [&str; 3] = ["position", "note", "completed"];

/// What an event says of the last event ID when its own block has none.
#[derive(Clone, Copy)]
enum WithoutId {
    /// The one in force, which came before: the standard's word.
    InForce,
    Empty,
}

/// What was reported of the feed, up to the end of the source.
fn assert_read_to_the_end(feed: &Feed, prefix: &str, without_id: WithoutId, reports: &[Value]) {
    let mut in_force = String::new();
    let mut event = |&(event_type, data, id): &(_, _, &str)| {
        match (id, without_id) {
            ("", WithoutId::InForce) => {}
            ("", WithoutId::Empty) => in_force.clear(),
            (id, _) => in_force = format!("{prefix}{id}"),
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
    assert_eq!(reports, expected);

    let visits = feed.visits();
    let ids: Vec<_> = visits.iter().map(|visit| visit.last_event_id.as_deref()).collect();
    let id = |number: u8| format!("{prefix}{number}");
    assert_eq!(ids, [None, Some(&*id(3)), Some(&*id(5))]);
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
    if !browser_found("chromium_reads_resumes_waits_and_stops") {
        return;
    }
    let prefix = "θέση/";
    let feed = Feed::with_ids(prefix).await;
    let browser = Browser::start();
    let mut page = browser.open(&feed.url("/")).await;
    page.record(&feed.url("/events"), &TYPES).await;
    let mut reports = vec![page.next().await];
    while *reports.last().unwrap() != json!({ "error": "closed" }) {
        reports.push(page.next().await);
    }
    assert_read_to_the_end(&feed, prefix, WithoutId::InForce, &reports);
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn npm_eventsource_reads_resumes_waits_and_stops() {
    if !found("npm_eventsource_reads_resumes_waits_and_stops", &[Program::Node, Program::NpmPackages]) {
        return;
    }
    // It sends back no id beyond Latin-1. Its events know of their own ids only; what it sends when it comes back is the
    // one in force all the same.
    let feed = Feed::start().await;
    let lines = script("eventsource.mjs", &[&[&*feed.url("/events")], &TYPES[..]].concat()).await;
    let reports: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_read_to_the_end(&feed, "", WithoutId::Empty, &reports);
}
