//! The Model Context Protocol's older transport: the first event contains the URL to POST to, as plain text.

use serde_json::{Value, json};
use sse_typed::SseEvent;

use crate::support::{events, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum McpEvent {
    #[sse(text)]
    Endpoint(String),
    Message(Value),
}

#[test]
fn the_endpoint_is_text_and_messages_are_json() {
    let stream =
        "event: endpoint\ndata: /messages?sessionId=a%20b\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n";
    let events = events::<McpEvent>(stream);
    let message = json!({ "jsonrpc": "2.0", "id": 1, "result": {} });
    assert_eq!(events, [McpEvent::Endpoint("/messages?sessionId=a%20b".into()), McpEvent::Message(message)]);
    let again = wire(&events);
    assert!(again.starts_with("event: endpoint\ndata: /messages?sessionId=a%20b\n\ndata: {"), "{again}");
    assert_eq!(crate::support::events::<McpEvent>(&again), events, "a variant called `message` has no `event:` line");
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<McpEvent>("wire/mcp_legacy.ts", &sse_typed::typescript::Options::new());
}
