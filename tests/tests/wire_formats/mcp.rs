//! The Model Context Protocol over streamable HTTP: JSON-RPC without an event type; a priming event that has an id
//! and empty data; a stream opened by POST that is resumed by GET; and servers that answer with JSON, or with 405.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sse_typed::{EventId, SseEvent, testing::Answer};
use ts_rs::TS;

use crate::support::{Read, events, serve, whole, wire};

#[derive(Debug, PartialEq, SseEvent)]
enum McpEvent {
    #[sse(message, key = "method")]
    Call {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        method: String,
        #[serde(default, skip_serializing_if = "Value::is_null")]
        params: Value,
        jsonrpc: Version,
    },
    #[sse(message, key = "result")]
    Result { id: RequestId, result: Value, jsonrpc: Version },
    #[sse(message, key = "error", error)]
    Error { id: Option<RequestId>, error: RpcError, jsonrpc: Version },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(untagged)]
enum RequestId {
    Number(i64),
    Text(String),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
enum Version {
    #[serde(rename = "2.0")]
    V2,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct RpcError {
    code: i64,
    message: String,
}

const PRIMING: &str = "id: s1_0\nretry: 1000\ndata: \n\n";

fn progress() -> (&'static str, McpEvent) {
    let wire = "data: {\"method\":\"notifications/progress\",\"params\":{\"progress\":50},\"jsonrpc\":\"2.0\"}\n\n";
    let event = McpEvent::Call {
        id: None,
        method: "notifications/progress".into(),
        params: json!({ "progress": 50 }),
        jsonrpc: Version::V2,
    };
    (wire, event)
}

fn result() -> (&'static str, McpEvent) {
    let wire = "data: {\"id\":7,\"result\":{\"content\":[]},\"jsonrpc\":\"2.0\"}\n\n";
    (wire, McpEvent::Result { id: RequestId::Number(7), result: json!({ "content": [] }), jsonrpc: Version::V2 })
}

#[test]
fn a_priming_event_sets_the_id_and_the_reconnection_time_and_is_not_an_item() {
    let all = whole::<McpEvent>(PRIMING);
    assert_eq!(all.items, [Read::Ignored]);
    assert_eq!((&*all.last_event_id, all.retry_millis), ("s1_0", Some(1000)));
}

#[test]
fn json_rpc_messages_are_told_apart_by_their_keys_and_encoded_unchanged() {
    let ((call_wire, call), (result_wire, result)) = (progress(), result());
    let error_wire = "data: {\"id\":\"a\",\"error\":{\"code\":-32601,\"message\":\"no\"},\"jsonrpc\":\"2.0\"}\n\n";
    let error = RpcError { code: -32601, message: "no".into() };
    let error = McpEvent::Error { id: Some(RequestId::Text("a".into())), error, jsonrpc: Version::V2 };
    let all = [call_wire, result_wire, error_wire].concat();
    let events = events::<McpEvent>(&all);
    assert_eq!(events, [call, result, error]);
    assert_eq!(wire(&events), all);
}

#[test]
fn an_event_line_with_message_equals_none() {
    let (bare, call) = progress();
    assert_eq!(events::<McpEvent>(&format!("event: message\n{bare}")), [call]);
}

#[tokio::test]
async fn a_stream_opened_by_post_is_resumed_by_get_from_the_id_of_the_priming_event() {
    let ((progress_wire, progress), (result_wire, result)) = (progress(), result());
    let (service, client) = serve([
        // The server closes the connection before it has the answer.
        Answer::stream().send(format!("{PRIMING}{progress_wire}")),
        Answer::stream().send(format!("id: s1_1\n{result_wire}")),
    ]);

    let mut opened = client.post("/mcp").json(&json!({ "id": 7 })).send::<McpEvent>().await.unwrap();
    assert_eq!(opened.next().await.unwrap().unwrap().data, progress);
    assert!(opened.next().await.is_none());
    assert_eq!(opened.reconnection_time().unwrap().as_millis(), 1000);

    let cursor = EventId::new(opened.last_event_id()).unwrap();
    let mut resumed = client.get("/mcp").last_event_id(cursor).send::<McpEvent>().await.unwrap();
    let answer = resumed.next().await.unwrap().unwrap();
    assert_eq!((answer.data, answer.id), (result, Some(EventId::new("s1_1").unwrap())));

    let requests = service.requests();
    assert_eq!((requests[0].method.as_str(), requests[0].header("last-event-id")), ("POST", None));
    assert_eq!((requests[1].method.as_str(), requests[1].header("last-event-id")), ("GET", Some("s1_0")));
}

#[tokio::test]
async fn an_answer_in_json_is_returned_with_its_body() {
    let json = Answer::status(200).header("content-type", "application/json").send("{\"id\":7,\"result\":{}}");
    let (_, client) = serve([json]);
    let error = client.post("/mcp").json(&json!({ "id": 7 })).send::<McpEvent>().await.unwrap_err();
    assert!(error.is_content_type(), "{error}");
    assert_eq!(&error.body().unwrap()[..], b"{\"id\":7,\"result\":{}}");
    assert_eq!(error.head().unwrap().headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_405_from_a_server_without_a_stream_is_not_retried() {
    let (service, client) = serve([Answer::status(405)]);
    let mut source = client.get("/mcp").connect::<McpEvent>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_fatal() && error.is_status(), "{error}");
    assert_eq!(error.status(), Some(http::StatusCode::METHOD_NOT_ALLOWED));
    assert!(source.next().await.is_none());
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<McpEvent>("wire/mcp.ts", &sse_typed::typescript::Options::new());
}
