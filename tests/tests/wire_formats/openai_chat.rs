//! OpenAI's Chat Completions, and the many services with the same format: no event types, `[DONE]` instead of JSON at the end
//! (or just the end of the body), and an error that differs from a chunk only by its keys.

use serde::{Deserialize, Serialize};
use sse_typed::{EventKind, SseEvent, event::DecodeErrorKind};
use ts_rs::TS;

use crate::support::{Read, event, events, post, read, whole, wire};

#[derive(Debug, PartialEq, SseEvent)]
enum ChatEvent {
    #[sse(message)]
    Chunk(Chunk),
    #[sse(message, key = "error", error)]
    Failed { error: ApiError },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Chunk {
    id: String,
    choices: Vec<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Choice {
    index: u32,
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
struct Delta {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Usage {
    total_tokens: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct ApiError {
    message: String,
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
}

const CHUNKS: &str = concat!(
    r#"data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
    "\n\n",
    r#"data: {"id":"chatcmpl-1","choices":[],"usage":{"total_tokens":42}}"#,
    "\n\n",
);
const DONE: &str = "data: [DONE]\n\n";

fn content(events: &[ChatEvent]) -> String {
    let chunks = events.iter().filter_map(|event| match event {
        ChatEvent::Chunk(chunk) => Some(chunk),
        _ => None,
    });
    chunks.flat_map(|chunk| &chunk.choices).filter_map(|choice| choice.delta.content.as_deref()).collect()
}

#[test]
fn events_without_an_event_type_are_chunks_and_the_sentinel_is_the_end() {
    let events = events::<ChatEvent>(&format!("{CHUNKS}{DONE}"));
    assert_eq!(events.len(), 5);
    assert_eq!(content(&events), "Hello");
    assert!(matches!(&events[3], ChatEvent::Chunk(Chunk { usage: Some(Usage { total_tokens: 42 }), .. })));
    assert_eq!(events[4], ChatEvent::Done);
    assert!(events[4].is_terminal());
}

#[test]
fn decoded_events_are_encoded_unchanged() {
    let all = format!("{CHUNKS}{DONE}");
    assert_eq!(wire(&events::<ChatEvent>(&all)), all);
}

#[test]
fn an_error_is_told_from_a_chunk_by_its_key() {
    let failed = "data: {\"error\":{\"message\":\"Slow down\",\"type\":\"rate_limit\",\"code\":null}}\n\n";
    let failure = event::<ChatEvent>(failed);
    let error = ApiError { message: "Slow down".into(), kind: "rate_limit".into(), code: None };
    assert_eq!(failure, ChatEvent::Failed { error });
    assert!(failure.is_error());
    assert_eq!(wire([&failure]), failed);
}

#[test]
fn only_a_key_of_the_outermost_object_counts() {
    let nested = "data: {\"id\":\"error\",\"choices\":[],\"detail\":{\"error\":1}}\n\n";
    assert!(matches!(event::<ChatEvent>(nested), ChatEvent::Chunk(_)));
}

#[test]
fn data_that_is_neither_json_nor_the_sentinel_is_an_error_and_the_stream_continues() {
    let items = read::<ChatEvent>(&format!("data: [DON\n\ndata: {{\"id\":\"x\"}}\n\n{DONE}"));
    assert!(matches!(&items[0], Read::Bad { kind: DecodeErrorKind::Json, .. }), "{:?}", items[0]);
    assert!(matches!(&items[1], Read::Bad { kind: DecodeErrorKind::Json, .. }), "{:?}", items[1]);
    assert_eq!(items[2], Read::Event(ChatEvent::Done));
}

#[test]
fn comments_of_a_router_are_not_events() {
    let all = whole::<ChatEvent>(&format!(": PROCESSING\n\n: PROCESSING\n\n{CHUNKS}{DONE}"));
    assert_eq!((all.comments, all.items.len()), (2, 5));
}

#[tokio::test]
async fn the_sentinel_ends_the_stream_of_a_post() {
    let (events, _) = post::<ChatEvent>(&format!("{CHUNKS}{DONE}{CHUNKS}")).await;
    assert_eq!(events.len(), 5);
    assert!(events.last().is_some_and(EventKind::is_terminal));
}

#[tokio::test]
async fn a_server_without_the_sentinel_ends_the_stream_by_closing_it() {
    let (events, _) = post::<ChatEvent>(CHUNKS).await;
    assert_eq!(content(&events), "Hello");
    assert!(!events.last().is_some_and(EventKind::is_terminal), "the program can tell that the end was not said");
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<ChatEvent>("wire/openai_chat.ts", &sse_typed::typescript::Options::new());
}
