//! Two implementations of the standard's `EventSource`, which must report the same events.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    browser::{Browser, browser_found},
    feed::{EVENTS_BEFORE_CUT, EXPECTED, Feed, RETRY},
    program::{Program, found, script},
};

/// The named event types of the feed.
const TYPES: [&str; 3] = ["position", "note", "completed"];

/// The last event ID that an implementation reports for an event without an id of its own.
#[derive(Clone, Copy)]
enum WithoutId {
    /// The id of an earlier event, as in the standard.
    Earlier,
    Empty,
}

/// Asserts that the reports are those of the whole feed, up to the end of the source.
fn assert_read_to_the_end(feed: &Feed, prefix: &str, without_id: WithoutId, reports: &[Value]) {
    let mut last_id = String::new();
    let mut event = |&(event_type, data, id): &(_, _, &str)| {
        match (id, without_id) {
            ("", WithoutId::Earlier) => {}
            ("", WithoutId::Empty) => last_id.clear(),
            (id, _) => last_id = format!("{prefix}{id}"),
        }
        json!({ "type": event_type, "data": data, "lastEventId": last_id })
    };
    let (connecting, closed) = (json!({ "error": "connecting" }), json!({ "error": "closed" }));
    let mut expected = vec![json!("open")];
    expected.extend(EXPECTED[..EVENTS_BEFORE_CUT].iter().map(&mut event));
    expected.extend([connecting.clone(), json!("open")]);
    expected.extend(EXPECTED[EVENTS_BEFORE_CUT..].iter().map(&mut event));
    // The terminal event ends the stream, and the 204 of the next request ends the source.
    expected.extend([connecting, closed]);
    assert_eq!(reports, expected);

    let visits = feed.visits();
    let ids: Vec<_> = visits.iter().map(|visit| visit.last_event_id.as_deref()).collect();
    let id = |number: u8| format!("{prefix}{number}");
    assert_eq!(ids, [None, Some(&*id(3)), Some(&*id(5))]);
    for visit in &visits {
        assert_eq!(visit.accept.as_deref(), Some("text/event-stream"));
    }
    // Timers that count whole milliseconds may fire a little early.
    let waited = visits[1].at - feed.cut_at() + Duration::from_millis(20);
    assert!(waited >= RETRY, "reconnected after {waited:?}");
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
    assert_read_to_the_end(&feed, prefix, WithoutId::Earlier, &reports);
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn npm_eventsource_reads_resumes_waits_and_stops() {
    if !found("npm_eventsource_reads_resumes_waits_and_stops", &[Program::Node, Program::NpmPackages]) {
        return;
    }
    // This package sends no id beyond Latin-1. Its events report only their own ids; when it reconnects, it sends the last
    // event ID all the same.
    let feed = Feed::start().await;
    let lines = script("eventsource.mjs", &[&[&*feed.url("/events")], &TYPES[..]].concat()).await;
    let reports: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_read_to_the_end(&feed, "", WithoutId::Empty, &reports);
}
