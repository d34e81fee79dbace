//! The formats of `examples/contracts` with the npm packages of their authors: their clients read our server, and our enums read
//! what their servers write.

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    response::IntoResponse as _,
    routing::{get, post},
};
use futures_util::stream;
use serde_json::json;
use sse_typed::{
    DecodeEvent, Decoded, EncodeEvent, EventKind, Sse,
    codec::{Decoder, Item},
};

use self::formats::{
    a2a::{StreamResponse, TaskState},
    ag_ui::{AgUiEvent, Base},
    anthropic::{Failure, MessageEvent},
    vercel_ai::{Progress, UiMessageChunk},
};
use crate::{
    program::{Program, found, script, script_output},
    server::Server,
};

#[path = "../../../examples/contracts/answers.rs"]
mod answers;
#[path = "../../../examples/contracts/server.rs"]
mod example;
#[path = "../../../examples/contracts/formats/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the example's files are complete")]
mod formats;

const PROGRAMS: [Program; 2] = [Program::Node, Program::NpmPackages];

const REASON: &str = "no tokens left";

fn sse<E: EncodeEvent + Send + 'static>(events: Vec<E>) -> Sse<stream::Iter<std::vec::IntoIter<E>>> {
    Sse::new(stream::iter(events))
}

/// The example's server, a message that can be resumed, and streams that fail.
fn router() -> Router {
    let ai = async || sse(vec![UiMessageChunk::Error { error_text: REASON.to_owned() }, UiMessageChunk::Done]);
    let ag_ui = async || {
        let [started, ..] = &answers::ag_ui("thread-1", "run-1")[..] else { unreachable!() };
        let failed = AgUiEvent::RunError { message: REASON.to_owned(), code: None, usage: None, base: Base::default() };
        sse(vec![started.clone(), failed])
    };
    let anthropic = async || {
        let error = Failure { kind: "overloaded_error".to_owned(), message: REASON.to_owned() };
        sse(vec![MessageEvent::Error { error }])
    };
    let resume = async |Path(chat): Path<String>| match &*chat {
        "chat-1" => sse(answers::vercel_ai()).into_response(),
        _ => StatusCode::NO_CONTENT.into_response(),
    };
    example::router()
        .route("/vercel/api/chat/{chat}/stream", get(resume))
        .route("/vercel/failing", post(ai))
        .route("/ag-ui/failing", post(ag_ui))
        .route("/anthropic/failing/v1/messages", post(anthropic))
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_clients_of_each_format_read_our_streams() {
    if !found("the_clients_of_each_format_read_our_streams", &PROGRAMS) {
        return;
    }
    let server = Server::start(router()).await;
    let lines = script("formats/read.mjs", &[server.url("").trim_end_matches('/')]).await;
    assert!(lines.len() >= 9 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_fixed_streams_are_valid_by_the_schemas_of_their_authors() {
    if found("the_fixed_streams_are_valid_by_the_schemas_of_their_authors", &PROGRAMS) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wire_formats/contracts");
        let lines = script("formats/validate.mjs", &[folder]).await;
        assert_eq!(lines, ["valid: vercel_ai", "valid: ag_ui", "valid: a2a"]);
    }
}

/// The events of a stream. Encoded and decoded again they are the same.
#[track_caller]
fn events<E: DecodeEvent + EncodeEvent + std::fmt::Debug + PartialEq>(wire: &str) -> Vec<E> {
    let decode = |wire: &str| {
        let mut decoder = Decoder::new();
        decoder.feed(wire.to_owned());
        let mut events = Vec::new();
        while let Some(item) = decoder.next_item() {
            let Item::Event(event) = item.unwrap() else { continue };
            match E::decode(event) {
                Ok(Decoded::Event(event)) => events.push(event),
                other => panic!("{other:?}"),
            }
        }
        events
    };
    let events = decode(wire);
    let mut encoder = sse_typed::codec::Encoder::new();
    for event in &events {
        encoder.encode(event).unwrap();
    }
    let again = String::from_utf8(encoder.take().to_vec()).unwrap();
    assert_eq!(decode(&again), events);
    events
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_message_that_the_ai_sdk_writes_is_read() {
    if !found("a_message_that_the_ai_sdk_writes_is_read", &PROGRAMS) {
        return;
    }
    let chunks = events::<UiMessageChunk>(&script_output("formats/write.mjs", &["ai"]).await);
    let text = |id: &str| id.to_owned();
    let [start, progress, UiMessageChunk::Other(weather), rest @ ..] = &chunks[..] else { panic!("{chunks:?}") };
    assert_eq!(start, &UiMessageChunk::Start { message_id: Some(text("msg-1")), message_metadata: None });
    let data = Progress { percent: 50 };
    assert_eq!(progress, &UiMessageChunk::DataProgress { id: None, data, transient: Some(true) });
    assert_eq!(weather.data(), r#"{"type":"data-weather","id":"w","data":{"celsius":31}}"#);
    let metadata = Some(json!({ "parrot": { "signature": "s" } }));
    let expected = [
        UiMessageChunk::ReasoningStart { id: text("r"), provider_metadata: None },
        UiMessageChunk::ReasoningDelta { id: text("r"), delta: text("hm\n"), provider_metadata: None },
        UiMessageChunk::ReasoningEnd { id: text("r"), provider_metadata: metadata },
        UiMessageChunk::TextStart { id: text("t"), provider_metadata: None },
        UiMessageChunk::TextDelta { id: text("t"), delta: text("Xin chào"), provider_metadata: None },
        UiMessageChunk::TextEnd { id: text("t"), provider_metadata: None },
        UiMessageChunk::Finish { finish_reason: None, message_metadata: None },
        UiMessageChunk::Error { error_text: text(REASON) },
        UiMessageChunk::Done,
    ];
    assert_eq!(rest, expected);
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_run_that_ag_ui_writes_is_read() {
    if !found("a_run_that_ag_ui_writes_is_read", &PROGRAMS) {
        return;
    }
    let events = events::<AgUiEvent>(&script_output("formats/write.mjs", &["ag-ui"]).await);
    let [started, chunk, result, custom, AgUiEvent::Other(future), failed] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(started, AgUiEvent::RunStarted { base: Base { timestamp: Some(1_700_000_000_000), .. }, .. }));
    assert!(matches!(chunk, AgUiEvent::TextMessageChunk { delta: Some(delta), .. } if delta == "Xin chào"));
    assert!(matches!(result, AgUiEvent::ToolCallResult { content, .. } if content == "31"));
    assert!(matches!(custom, AgUiEvent::Custom { name, value, .. } if name == "bell" && value.is_null()));
    assert_eq!(future.data(), r#"{"type":"FROM_THE_FUTURE","value":1}"#);
    assert!(failed.is_error() && failed.is_terminal());
    let AgUiEvent::RunError { message, code, base, .. } = failed else { panic!("{failed:?}") };
    assert_eq!((&**message, code.as_deref()), (REASON, Some("429")));
    assert_eq!(base.raw_event, Some(json!({ "status": 429 })));
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn events_that_the_a2a_sdk_writes_are_read() {
    if !found("events_that_the_a2a_sdk_writes_are_read", &PROGRAMS) {
        return;
    }
    let events = events::<StreamResponse>(&script_output("formats/write.mjs", &["a2a"]).await);
    let [StreamResponse::StatusUpdate { status_update }, error] = &events[..] else { panic!("{events:?}") };
    assert_eq!(status_update.status.state, TaskState::InputRequired);
    assert!(status_update.status.ends_stream());
    assert!(error.is_error(), "{error:?}");
}
