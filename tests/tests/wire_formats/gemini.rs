//! Gemini with `alt=sse`: one kind of event without an event type, lines that end in CRLF, megabytes in one line, and the end of
//! the body as the end of the answer.

use serde::{Deserialize, Serialize};
use sse_typed::{SseEvent, client::EventStream};
use ts_rs::TS;

use crate::support::{event, events, post, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(message)]
#[serde(rename_all = "camelCase")]
struct GenerateContent {
    candidates: Vec<Candidate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage_metadata: Option<UsageMetadata>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    finish_reason: Option<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Content {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Part {
    Text(String),
    InlineData { mime_type: String, data: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata {
    total_token_count: u32,
}

const ANSWER: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Mưa\"}]}}]}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" rơi\"}]},\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"totalTokenCount\":7}}\r\n\r\n",
);

#[test]
fn a_struct_is_the_only_event_type_and_crlf_ends_lines() {
    let events = events::<GenerateContent>(ANSWER);
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].candidates[0].content.parts, [Part::Text("Mưa".into())]);
    assert_eq!(events[1].usage_metadata, Some(UsageMetadata { total_token_count: 7 }));
    assert_eq!(wire(&events), ANSWER.replace("\r\n", "\n"), "the same data, in lines that end in LF");
}

#[test]
fn a_picture_of_megabytes_is_one_event() {
    let picture = "iVBORw0KGgo".repeat((5 << 20) / 11);
    let line = format!(
        "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"inlineData\":{{\"mimeType\":\"image/png\",\"data\":\"{picture}\"}}}}]}}}}]}}\r\n\r\n"
    );
    let event = event::<GenerateContent>(&line);
    let [Part::InlineData { data, .. }] = &event.candidates[0].content.parts[..] else { panic!("a picture") };
    assert!(*data == picture);
}

#[tokio::test]
async fn an_event_over_the_limit_is_one_error_and_the_next_is_read() {
    let big = format!("data: {{\"candidates\":[],\"pad\":\"{}\"}}\r\n\r\n{ANSWER}", "x".repeat(4096));
    let mut stream = EventStream::<GenerateContent, _>::from_body(http_body_util::Full::new(bytes::Bytes::from(big)))
        .max_event_size(1024);
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_too_large() && !error.is_fatal(), "{error}");
    assert!(stream.next().await.unwrap().is_ok());
}

#[tokio::test]
async fn the_end_of_the_body_is_the_end_of_the_answer() {
    let (events, _) = post::<GenerateContent>(ANSWER).await;
    assert_eq!(events.last().unwrap().candidates[0].finish_reason.as_deref(), Some("STOP"));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<GenerateContent>("wire/gemini.ts", &sse_typed::typescript::Options::new());
}
