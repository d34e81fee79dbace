//! The formats of `examples/contracts`: fixed streams with every event type and every field that the enums declare. What is
//! decoded is encoded with the same JSON, and is decoded again as the same event.

use std::{collections::HashSet, fmt::Debug};

use serde_json::Value;
use sse_typed::{DecodeEvent as _, EventKind as _, RawEvent, SseEvent};

use self::formats::{
    a2a::{RpcEvent, StreamResponse},
    ag_ui::AgUiEvent,
    anthropic::MessageEvent,
    data_only::DataOnly,
    openai_chat::ChatCompletionEvent,
    openai_responses::ResponseEvent,
    vercel_ai::UiMessageChunk,
};
use crate::support::{Read, events, read, wire};

#[path = "../../../examples/contracts/formats/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the example's files are complete")]
mod formats;

/// The JSON of the data, or a text that is no JSON.
fn data(event: &RawEvent) -> Value {
    serde_json::from_str(event.data()).unwrap_or_else(|_| event.data().into())
}

/// Checks a stream, and returns its events. `ignored` of its events are not decoded.
#[track_caller]
fn unchanged<E: SseEvent + Debug + PartialEq>(fixture: &str, ignored: usize) -> Vec<E> {
    let decoded: Vec<E> = read(fixture)
        .into_iter()
        .filter_map(|read| match read {
            Read::Event(event) => Some(event),
            Read::Ignored => None,
            other => panic!("{other:?}"),
        })
        .collect();
    let encoded = wire(&decoded);
    assert_eq!(events::<E>(&encoded), decoded);

    let was: Vec<RawEvent> = events(fixture);
    let is: Vec<RawEvent> = events(&encoded);
    assert_eq!(was.len(), is.len() + ignored);
    if ignored == 0 {
        for (was, is) in was.iter().zip(&is) {
            assert_eq!(data(was), data(is));
        }
    }
    decoded
}

/// Checks that the stream has all event types that the enum declares.
#[track_caller]
fn assert_complete<E: SseEvent>(events: &[E]) {
    let seen: HashSet<_> = events.iter().map(|event| event.event_type().to_owned()).collect();
    let missing: Vec<_> = E::EVENT_TYPES.iter().filter(|event_type| !seen.contains(**event_type)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_ui_message_of_the_ai_sdk_is_unchanged() {
    let chunks = unchanged::<UiMessageChunk>(include_str!("contracts/vercel_ai.txt"), 0);
    assert_complete(&chunks);
    let others: Vec<_> = chunks.iter().filter(|chunk| matches!(chunk, UiMessageChunk::Other(_))).collect();
    assert_eq!(others.len(), 1, "only the part of another application: {others:?}");
    let [.., error, done] = &chunks[..] else { unreachable!() };
    assert!(error.is_error() && !error.is_terminal(), "`[DONE]` follows");
    assert!(done.is_terminal());
}

/// Checks that the events, sent without an `event:` line, have the event types and the data of the stream.
#[track_caller]
fn assert_data_only<E: SseEvent + Clone + Debug + PartialEq>(sent: &[E], fixture: &str) {
    let sent_alone: Vec<_> = sent.iter().cloned().map(DataOnly).collect();
    let encoded = wire(&sent_alone);
    let (was, is) = (events::<RawEvent>(fixture), events::<RawEvent>(&encoded));
    let fields = |event: &RawEvent| (event.event_type().to_owned(), data(event));
    assert_eq!(was.iter().map(fields).collect::<Vec<_>>(), is.iter().map(fields).collect::<Vec<_>>());
    assert_eq!(events::<E>(&encoded), sent);
    let ends =
        |event: &DataOnly<E>| (event.is_terminal(), event.is_error()) == (event.0.is_terminal(), event.0.is_error());
    assert!(sent_alone.iter().all(ends));
}

#[test]
fn a_format_without_event_lines_is_sent_without_them() {
    let (ai, ag_ui) = (include_str!("contracts/vercel_ai.txt"), include_str!("contracts/ag_ui.txt"));
    assert_data_only(&events::<UiMessageChunk>(ai), ai);
    assert_data_only(&events::<AgUiEvent>(ag_ui), ag_ui);
}

#[test]
fn a_run_of_ag_ui_is_unchanged() {
    let events = unchanged::<AgUiEvent>(include_str!("contracts/ag_ui.txt"), 0);
    assert_complete(&events);
    assert_eq!(AgUiEvent::EVENT_TYPES.len(), 31);
    let [.., finished, failed] = &events[..] else { unreachable!() };
    assert!(finished.is_terminal() && !finished.is_error());
    assert!(failed.is_terminal() && failed.is_error());
}

#[test]
fn a_completion_is_unchanged() {
    let events = unchanged::<ChatCompletionEvent>(include_str!("contracts/openai_chat.txt"), 0);
    assert_eq!(events.iter().filter(|event| event.is_error()).count(), 2);
    assert_eq!(events.last(), Some(&ChatCompletionEvent::Done));
}

#[test]
fn a_response_is_unchanged() {
    let events = unchanged::<ResponseEvent>(include_str!("contracts/openai_responses.txt"), 0);
    assert_complete(&events);
    assert_eq!(ResponseEvent::EVENT_TYPES.len(), 53);
    assert!(matches!(events.last(), Some(ResponseEvent::Other(_))));
    let terminal = events.iter().filter(|event| event.is_terminal()).map(|event| event.event_type());
    let expected = ["response.completed", "error", "response.failed", "response.incomplete"];
    assert_eq!(terminal.collect::<HashSet<_>>(), HashSet::from(expected));
}

#[test]
fn a_message_of_anthropic_is_unchanged() {
    let fixture = include_str!("contracts/anthropic.txt");
    let events = unchanged::<MessageEvent>(fixture, 1);
    assert_complete(&events);
    let without_ping = fixture.replace("event: ping\ndata: {\"type\":\"ping\"}\n\n", "");
    assert_eq!(unchanged::<MessageEvent>(&without_ping, 0), events);
}

#[test]
fn a_task_of_a2a_is_unchanged_by_both_bindings() {
    let events = unchanged::<StreamResponse>(include_str!("contracts/a2a.txt"), 0);
    assert_complete(&events);
    let ends: Vec<_> = events
        .iter()
        .map(|event| match event {
            StreamResponse::Task { task } => task.status.ends_stream(),
            StreamResponse::StatusUpdate { status_update } => status_update.status.ends_stream(),
            _ => false,
        })
        .collect();
    assert_eq!(ends, [false, false, false, true, false, false, true, true, true, true, true, false]);
    let responses = unchanged::<RpcEvent>(include_str!("contracts/a2a_rpc.txt"), 0);
    assert!(matches!(responses.last(), Some(RpcEvent::Error { .. })));
}
