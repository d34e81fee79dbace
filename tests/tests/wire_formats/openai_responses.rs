//! OpenAI's Responses: over fifty event types with dots in their names, each in the `event:` line and in the JSON, of which
//! proxies remove one or the other; an undocumented `keepalive`; and a cursor in the JSON that is not an event id.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{DecodeEvent, EventKind, RawEvent, SseEvent};
use ts_rs::TS;

use crate::support::{Read, event, events, post, read, whole, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", prefix = "response.", rename_all = "snake_case", ignore("keepalive"), allow_reserved)]
enum ResponseEvent {
    Queued(Progress),
    Created(Progress),
    InProgress(Progress),
    #[sse(terminal)]
    Completed(Progress),
    #[sse(terminal, error)]
    Failed(Progress),
    #[sse(terminal)]
    Incomplete(Progress),
    #[sse(rename = "error", error)]
    Error {
        code: Option<String>,
        message: String,
        sequence_number: u64,
    },
    #[sse(rename = "response.output_text.delta")]
    OutputTextDelta {
        sequence_number: u64,
        item_id: String,
        delta: String,
    },
    #[sse(rename = "response.output_text.done")]
    OutputTextDone {
        sequence_number: u64,
        item_id: String,
        text: String,
    },
    #[sse(rename = "response.output_text.annotation.added")]
    OutputTextAnnotationAdded(Step),
    #[sse(rename = "response.output_item.added")]
    OutputItemAdded(Step),
    #[sse(rename = "response.output_item.done")]
    OutputItemDone(Step),
    #[sse(rename = "response.content_part.added")]
    ContentPartAdded(Step),
    #[sse(rename = "response.content_part.done")]
    ContentPartDone(Step),
    #[sse(rename = "response.refusal.delta")]
    RefusalDelta(Step),
    #[sse(rename = "response.refusal.done")]
    RefusalDone(Step),
    #[sse(rename = "response.function_call_arguments.delta")]
    FunctionCallArgumentsDelta(Step),
    #[sse(rename = "response.function_call_arguments.done")]
    FunctionCallArgumentsDone(Step),
    #[sse(rename = "response.custom_tool_call_input.delta")]
    CustomToolCallInputDelta(Step),
    #[sse(rename = "response.custom_tool_call_input.done")]
    CustomToolCallInputDone(Step),
    #[sse(rename = "response.file_search_call.in_progress")]
    FileSearchCallInProgress(Step),
    #[sse(rename = "response.file_search_call.searching")]
    FileSearchCallSearching(Step),
    #[sse(rename = "response.file_search_call.completed")]
    FileSearchCallCompleted(Step),
    #[sse(rename = "response.web_search_call.in_progress")]
    WebSearchCallInProgress(Step),
    #[sse(rename = "response.web_search_call.searching")]
    WebSearchCallSearching(Step),
    #[sse(rename = "response.web_search_call.completed")]
    WebSearchCallCompleted(Step),
    #[sse(rename = "response.reasoning_summary_part.added")]
    ReasoningSummaryPartAdded(Step),
    #[sse(rename = "response.reasoning_summary_part.done")]
    ReasoningSummaryPartDone(Step),
    #[sse(rename = "response.reasoning_summary_text.delta")]
    ReasoningSummaryTextDelta(Step),
    #[sse(rename = "response.reasoning_summary_text.done")]
    ReasoningSummaryTextDone(Step),
    #[sse(rename = "response.reasoning_text.delta")]
    ReasoningTextDelta(Step),
    #[sse(rename = "response.reasoning_text.done")]
    ReasoningTextDone(Step),
    #[sse(rename = "response.image_generation_call.in_progress")]
    ImageGenerationCallInProgress(Step),
    #[sse(rename = "response.image_generation_call.generating")]
    ImageGenerationCallGenerating(Step),
    #[sse(rename = "response.image_generation_call.partial_image")]
    ImageGenerationCallPartialImage(Step),
    #[sse(rename = "response.image_generation_call.completed")]
    ImageGenerationCallCompleted(Step),
    #[sse(rename = "response.mcp_call_arguments.delta")]
    McpCallArgumentsDelta(Step),
    #[sse(rename = "response.mcp_call_arguments.done")]
    McpCallArgumentsDone(Step),
    #[sse(rename = "response.mcp_call.in_progress")]
    McpCallInProgress(Step),
    #[sse(rename = "response.mcp_call.completed")]
    McpCallCompleted(Step),
    #[sse(rename = "response.mcp_call.failed")]
    McpCallFailed(Step),
    #[sse(rename = "response.mcp_list_tools.in_progress")]
    McpListToolsInProgress(Step),
    #[sse(rename = "response.mcp_list_tools.completed")]
    McpListToolsCompleted(Step),
    #[sse(rename = "response.mcp_list_tools.failed")]
    McpListToolsFailed(Step),
    #[sse(rename = "response.code_interpreter_call.in_progress")]
    CodeInterpreterCallInProgress(Step),
    #[sse(rename = "response.code_interpreter_call.interpreting")]
    CodeInterpreterCallInterpreting(Step),
    #[sse(rename = "response.code_interpreter_call.completed")]
    CodeInterpreterCallCompleted(Step),
    #[sse(rename = "response.code_interpreter_call_code.delta")]
    CodeInterpreterCallCodeDelta(Step),
    #[sse(rename = "response.code_interpreter_call_code.done")]
    CodeInterpreterCallCodeDone(Step),
    #[sse(rename = "response.audio.delta")]
    AudioDelta(Step),
    #[sse(rename = "response.audio.done")]
    AudioDone(Step),
    #[sse(rename = "response.audio.transcript.delta")]
    AudioTranscriptDelta(Step),
    #[sse(rename = "response.audio.transcript.done")]
    AudioTranscriptDone(Step),
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Progress {
    sequence_number: u64,
    response: Response,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Response {
    id: String,
    status: String,
}

/// A step whose details this program forwards.
#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Step {
    sequence_number: u64,
    #[serde(flatten)]
    details: serde_json::Map<String, Value>,
}

const DELTA: &str = r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","delta":"Hel\nlo"}"#;

fn delta() -> ResponseEvent {
    ResponseEvent::OutputTextDelta { sequence_number: 4, item_id: "msg_1".into(), delta: "Hel\nlo".into() }
}

fn stream() -> String {
    let progress = |status: &str, number: u64| {
        format!(
            "event: response.{status}\ndata: {{\"type\":\"response.{status}\",\"sequence_number\":{number},\"response\":{{\"id\":\"resp_1\",\"status\":\"{status}\"}}}}\n\n"
        )
    };
    let added = "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"sequence_number\":2,\"item\":{\"type\":\"message\"},\"output_index\":0}\n\n";
    [
        progress("created", 0),
        progress("in_progress", 1),
        added.to_owned(),
        format!("event: response.output_text.delta\ndata: {DELTA}\n\n"),
        progress("completed", 5),
    ]
    .concat()
}

#[test]
fn a_whole_stream_is_decoded_and_encoded_unchanged() {
    let wire_text = stream();
    let events = events::<ResponseEvent>(&wire_text);
    assert!(matches!(&events[0], ResponseEvent::Created(Progress { sequence_number: 0, .. })));
    assert!(matches!(&events[2], ResponseEvent::OutputItemAdded(step) if step.details["item"]["type"] == "message"));
    assert_eq!(events[3], delta());
    assert!(events[4].is_terminal() && !events[4].is_error());
    assert_eq!(wire(&events), wire_text);
}

#[test]
fn more_than_fifty_event_types_are_declared_with_prefix_or_name() {
    let types = ResponseEvent::EVENT_TYPES;
    assert!(types.len() > 50, "{}", types.len());
    for name in ["response.in_progress", "response.audio.transcript.delta", "error"] {
        assert!(types.contains(&name), "{name}");
    }
    assert!(!types.contains(&"response.error"), "a prefix is not put before a name that was given");
    assert!(!types.contains(&"keepalive"), "an ignored type is not declared");
}

#[test]
fn the_event_line_or_the_type_in_the_json_is_enough() {
    let without_type = DELTA.replace("\"type\":\"response.output_text.delta\",", "");
    for wire in [
        format!("event: response.output_text.delta\ndata: {DELTA}\n\n"),
        format!("data: {DELTA}\n\n"),
        format!("event: message\ndata: {DELTA}\n\n"),
        format!("event: response.output_text.delta\ndata: {without_type}\n\n"),
    ] {
        assert_eq!(event::<ResponseEvent>(&wire), delta(), "{wire}");
    }
}

#[test]
fn the_event_line_takes_precedence_over_the_json() {
    let wire = "event: response.audio.done\ndata: {\"type\":\"response.audio.delta\",\"sequence_number\":9}\n\n";
    assert!(matches!(event::<ResponseEvent>(wire), ResponseEvent::AudioDone(Step { sequence_number: 9, .. })));
}

#[test]
fn keepalive_is_ignored_and_new_event_types_are_kept_unchanged() {
    let items = read::<ResponseEvent>(concat!(
        "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":3}\n\n",
        "data: {\"type\":\"keepalive\",\"sequence_number\":4}\n\n",
        "event: response.hologram.delta\ndata: {\"type\":\"response.hologram.delta\"}\n\n",
        "data: {\"type\":\"response.hologram.delta\"}\n\n",
    ));
    let json = "{\"type\":\"response.hologram.delta\"}";
    assert_eq!(items[..2], [Read::Ignored, Read::Ignored]);
    assert_eq!(items[2], Read::Event(ResponseEvent::Other(RawEvent::new("response.hologram.delta", json))));
    assert_eq!(items[3], Read::Event(ResponseEvent::Other(RawEvent::new("message", json))));
}

#[test]
fn the_sequence_number_is_data_and_not_an_event_id() {
    let all = whole::<ResponseEvent>(&stream());
    assert_eq!(all.last_event_id, "");
}

#[tokio::test]
async fn any_of_three_events_ends_the_stream() {
    for (last, error) in [("completed", false), ("failed", true), ("incomplete", false)] {
        let wire = stream().replace("completed", last) + &stream();
        let (events, _) = post::<ResponseEvent>(&wire).await;
        assert_eq!(events.len(), 5, "{last}");
        let event = events.last().unwrap();
        assert_eq!((event.is_terminal(), event.is_error()), (true, error), "{last}");
    }
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<ResponseEvent>(
        "wire/openai_responses.ts",
        &sse_typed::typescript::Options::new(),
    );
}
