//! Anthropic's Messages: the event type is in the `event:` line and in the JSON, deltas are an enum of their own, `ping` keeps
//! the connection alive, an error may be an event of the stream, and `message_stop` is the last event.

use serde::{Deserialize, Serialize};
use sse_typed::{EventKind, SseEvent, event::DecodeErrorKind, testing::Answer};
use ts_rs::TS;

use crate::support::{Read, event, events, post, read, serve, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case", ignore("ping"), allow_reserved)]
enum MessageEvent {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        index: usize,
        content_block: ContentBlock,
    },
    ContentBlockDelta {
        index: usize,
        delta: Delta,
    },
    ContentBlockStop {
        index: usize,
    },
    MessageDelta {
        delta: StopReason,
        usage: Usage,
    },
    #[sse(terminal)]
    MessageStop,
    #[sse(error)]
    Error {
        error: ApiError,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Message {
    id: String,
    role: String,
    model: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_reason: Option<String>,
    usage: Usage,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentBlock {
    Text { text: String },
    ToolUse { id: String, name: String, input: serde_json::Value },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the service's names")]
enum Delta {
    TextDelta { text: String },
    InputJsonDelta { partial_json: String },
    ThinkingDelta { thinking: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct StopReason {
    stop_reason: String,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize, TS)]
#[serde(default)]
struct Usage {
    input_tokens: u32,
    output_tokens: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct ApiError {
    #[serde(rename = "type")]
    kind: String,
    message: String,
}

const ANSWER: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"id":"msg_01","role":"assistant","model":"m-1","usage":{"input_tokens":9,"output_tokens":1}}}"#,
    "\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    "\n\nevent: ping\n",
    r#"data: {"type":"ping"}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Xin"}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" chào\n"}}"#,
    "\n\nevent: content_block_stop\n",
    r#"data: {"type":"content_block_stop","index":0}"#,
    "\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,"output_tokens":12}}"#,
    "\n\nevent: message_stop\n",
    r#"data: {"type":"message_stop"}"#,
    "\n\n",
);

fn text(delta: &str) -> MessageEvent {
    MessageEvent::ContentBlockDelta { index: 0, delta: Delta::TextDelta { text: delta.to_owned() } }
}

#[test]
fn a_whole_answer_is_read() {
    let usage = Usage { input_tokens: 9, output_tokens: 1 };
    let message =
        Message { id: "msg_01".into(), role: "assistant".into(), model: "m-1".into(), stop_reason: None, usage };
    let block = ContentBlock::Text { text: String::new() };
    let expected = vec![
        Read::Event(MessageEvent::MessageStart { message }),
        Read::Event(MessageEvent::ContentBlockStart { index: 0, content_block: block }),
        Read::Ignored, // ping
        Read::Event(text("Xin")),
        Read::Event(text(" chào\n")),
        Read::Event(MessageEvent::ContentBlockStop { index: 0 }),
        Read::Event(MessageEvent::MessageDelta {
            delta: StopReason { stop_reason: "end_turn".into() },
            usage: Usage { input_tokens: 0, output_tokens: 12 },
        }),
        Read::Event(MessageEvent::MessageStop),
    ];
    assert_eq!(read::<MessageEvent>(ANSWER), expected);
}

#[test]
fn decoded_events_are_encoded_unchanged() {
    let without_ping = ANSWER.replace("event: ping\ndata: {\"type\":\"ping\"}\n\n", "");
    assert_eq!(wire(&events::<MessageEvent>(&without_ping)), without_ping);
}

#[test]
fn the_type_in_the_json_replaces_an_event_line_that_a_proxy_removed() {
    let only_data: String =
        ANSWER.lines().filter(|line| !line.starts_with("event:")).flat_map(|line| [line, "\n"]).collect();
    assert_eq!(read::<MessageEvent>(&only_data), read::<MessageEvent>(ANSWER));
}

#[test]
fn the_tag_may_be_anywhere_in_the_json() {
    let wire =
        "data: {\"index\":0,\"delta\":{\"text\":\"a\",\"type\":\"text_delta\"},\"type\":\"content_block_delta\"}\n\n";
    assert_eq!(event::<MessageEvent>(wire), text("a"));
}

#[test]
fn an_error_within_the_stream_is_an_error_event() {
    let overloaded = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let event = event::<MessageEvent>(overloaded);
    assert!(event.is_error());
    assert!(!event.is_terminal());
    let error = ApiError { kind: "overloaded_error".into(), message: "Overloaded".into() };
    assert_eq!(event, MessageEvent::Error { error });
}

#[test]
fn new_event_types_are_unknown_and_new_deltas_are_errors_with_their_path() {
    let wire = concat!(
        "event: content_block_hint\ndata: {\"type\":\"content_block_hint\",\"index\":0}\n\n",
        "data: {\"type\":\"content_block_hint\",\"index\":0}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"new_delta\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":\"0\"}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let bad = |event_type: &str, path: &str| Read::Bad {
        event_type: event_type.into(),
        kind: DecodeErrorKind::Json,
        path: Some(path.into()),
    };
    let items = read::<MessageEvent>(wire);
    assert_eq!(items[0], Read::Unknown("content_block_hint".into()));
    assert!(matches!(items[1], Read::Unknown(_)), "{:?}", items[1]);
    assert!(matches!(&items[2], Read::Bad { path: Some(path), .. } if path.starts_with("delta")), "{:?}", items[2]);
    assert_eq!(items[3], bad("content_block_stop", "index"));
    assert_eq!(items[4], Read::Event(MessageEvent::MessageStop));
}

#[tokio::test]
async fn a_post_returns_the_answer_and_message_stop_ends_it() {
    let behind_the_end = format!("{ANSWER}{ANSWER}");
    let (events, stream) = post::<MessageEvent>(&behind_the_end).await;
    assert_eq!(events.last(), Some(&MessageEvent::MessageStop));
    assert_eq!(events.len(), 7, "nothing behind the terminal event is read");
    assert_eq!(stream.unknown_events(), 0, "an ignored event is not an unknown one");
    let answer: String = events
        .iter()
        .filter_map(|event| match event {
            MessageEvent::ContentBlockDelta { delta: Delta::TextDelta { text }, .. } => Some(&**text),
            _ => None,
        })
        .collect();
    assert_eq!(answer, "Xin chào\n");
}

#[tokio::test]
async fn the_request_is_a_post_of_json_that_asks_for_events() {
    let (service, client) = serve([Answer::stream().send(ANSWER)]);
    let stream = client.post("/v1/messages").json(&serde_json::json!({})).send::<MessageEvent>().await.unwrap();
    assert_eq!(stream.head().unwrap().status, 200);
    let request = &service.requests()[0];
    assert_eq!((request.method.as_str(), request.uri.path()), ("POST", "/v1/messages"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("accept"), Some("text/event-stream"));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<MessageEvent>("wire/anthropic.ts", &sse_typed::typescript::Options::new());
}
