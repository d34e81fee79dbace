//! OpenAI's Responses with `stream: true`.
//!
//! Source: <https://platform.openai.com/docs/api-reference/responses-streaming>, and the types of npm's `openai` 6.49, which has
//! 53 event types.
//!
//! - The event type is in the `event:` line and in the JSON. Some proxies remove one of them: either is enough.
//! - `response.completed`, `response.incomplete` and `response.failed` end the stream, and so does `error`.
//! - `keepalive` is not documented, and is ignored. New event types are kept in [`ResponseEvent::Other`].
//! - `sequence_number` is not an event ID. To resume, a client sends it in the query as `starting_after`.
//! - Not covered: the output items, their parts and annotations are JSON without a type, and of a response only the id and the
//!   status have one. Undeclared fields of a response are kept in `rest`; those of other events are dropped.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sse_typed::{RawEvent, SseEvent};

/// An event of a response.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", ignore("keepalive"), allow_reserved)]
pub enum ResponseEvent {
    #[sse(rename = "response.created")]
    Created(Progress),
    #[sse(rename = "response.queued")]
    Queued(Progress),
    #[sse(rename = "response.in_progress")]
    InProgress(Progress),
    #[sse(rename = "response.completed", terminal)]
    Completed(Progress),
    #[sse(rename = "response.failed", terminal, error)]
    Failed(Progress),
    #[sse(rename = "response.incomplete", terminal)]
    Incomplete(Progress),
    #[sse(rename = "error", terminal, error)]
    Error { sequence_number: u64, code: Option<String>, message: String, param: Option<String> },
    #[sse(rename = "response.audio.delta")]
    AudioDelta { sequence_number: u64, delta: String },
    #[sse(rename = "response.audio.done")]
    AudioDone { sequence_number: u64 },
    #[sse(rename = "response.audio.transcript.delta")]
    AudioTranscriptDelta { sequence_number: u64, delta: String },
    #[sse(rename = "response.audio.transcript.done")]
    AudioTranscriptDone { sequence_number: u64 },
    #[sse(rename = "response.code_interpreter_call_code.delta")]
    CodeInterpreterCallCodeDelta { sequence_number: u64, item_id: String, output_index: u64, delta: String },
    #[sse(rename = "response.code_interpreter_call_code.done")]
    CodeInterpreterCallCodeDone { sequence_number: u64, item_id: String, output_index: u64, code: String },
    #[sse(rename = "response.code_interpreter_call.completed")]
    CodeInterpreterCallCompleted(ItemProgress),
    #[sse(rename = "response.code_interpreter_call.in_progress")]
    CodeInterpreterCallInProgress(ItemProgress),
    #[sse(rename = "response.code_interpreter_call.interpreting")]
    CodeInterpreterCallInterpreting(ItemProgress),
    #[sse(rename = "response.content_part.added")]
    ContentPartAdded { sequence_number: u64, item_id: String, output_index: u64, content_index: u64, part: Value },
    #[sse(rename = "response.content_part.done")]
    ContentPartDone { sequence_number: u64, item_id: String, output_index: u64, content_index: u64, part: Value },
    #[sse(rename = "response.file_search_call.completed")]
    FileSearchCallCompleted(ItemProgress),
    #[sse(rename = "response.file_search_call.in_progress")]
    FileSearchCallInProgress(ItemProgress),
    #[sse(rename = "response.file_search_call.searching")]
    FileSearchCallSearching(ItemProgress),
    #[sse(rename = "response.function_call_arguments.delta")]
    FunctionCallArgumentsDelta { sequence_number: u64, item_id: String, output_index: u64, delta: String },
    #[sse(rename = "response.function_call_arguments.done")]
    FunctionCallArgumentsDone {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        arguments: String,
        #[serde(default)]
        name: String,
    },
    #[sse(rename = "response.output_item.added")]
    OutputItemAdded { sequence_number: u64, output_index: u64, item: Value },
    #[sse(rename = "response.output_item.done")]
    OutputItemDone { sequence_number: u64, output_index: u64, item: Value },
    #[sse(rename = "response.reasoning_summary_part.added")]
    ReasoningSummaryPartAdded {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        summary_index: u64,
        part: Value,
    },
    #[sse(rename = "response.reasoning_summary_part.done")]
    ReasoningSummaryPartDone {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        summary_index: u64,
        part: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
    },
    #[sse(rename = "response.reasoning_summary_text.delta")]
    ReasoningSummaryTextDelta {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        summary_index: u64,
        delta: String,
    },
    #[sse(rename = "response.reasoning_summary_text.done")]
    ReasoningSummaryTextDone {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        summary_index: u64,
        text: String,
    },
    #[sse(rename = "response.reasoning_text.delta")]
    ReasoningTextDelta { sequence_number: u64, item_id: String, output_index: u64, content_index: u64, delta: String },
    #[sse(rename = "response.reasoning_text.done")]
    ReasoningTextDone { sequence_number: u64, item_id: String, output_index: u64, content_index: u64, text: String },
    #[sse(rename = "response.refusal.delta")]
    RefusalDelta { sequence_number: u64, item_id: String, output_index: u64, content_index: u64, delta: String },
    #[sse(rename = "response.refusal.done")]
    RefusalDone { sequence_number: u64, item_id: String, output_index: u64, content_index: u64, refusal: String },
    #[sse(rename = "response.output_text.delta")]
    OutputTextDelta {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        content_index: u64,
        delta: String,
        #[serde(default)]
        logprobs: Vec<Value>,
    },
    #[sse(rename = "response.output_text.done")]
    OutputTextDone {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        content_index: u64,
        #[serde(default)]
        logprobs: Vec<Value>,
        text: String,
    },
    #[sse(rename = "response.web_search_call.completed")]
    WebSearchCallCompleted(ItemProgress),
    #[sse(rename = "response.web_search_call.in_progress")]
    WebSearchCallInProgress(ItemProgress),
    #[sse(rename = "response.web_search_call.searching")]
    WebSearchCallSearching(ItemProgress),
    #[sse(rename = "response.image_generation_call.completed")]
    ImageGenerationCallCompleted(ItemProgress),
    #[sse(rename = "response.image_generation_call.generating")]
    ImageGenerationCallGenerating(ItemProgress),
    #[sse(rename = "response.image_generation_call.in_progress")]
    ImageGenerationCallInProgress(ItemProgress),
    #[sse(rename = "response.image_generation_call.partial_image")]
    ImageGenerationCallPartialImage {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        partial_image_b64: String,
        partial_image_index: u64,
    },
    #[sse(rename = "response.mcp_call_arguments.delta")]
    McpCallArgumentsDelta { sequence_number: u64, item_id: String, output_index: u64, delta: String },
    #[sse(rename = "response.mcp_call_arguments.done")]
    McpCallArgumentsDone { sequence_number: u64, item_id: String, output_index: u64, arguments: String },
    #[sse(rename = "response.mcp_call.completed")]
    McpCallCompleted(ItemProgress),
    #[sse(rename = "response.mcp_call.failed")]
    McpCallFailed(ItemProgress),
    #[sse(rename = "response.mcp_call.in_progress")]
    McpCallInProgress(ItemProgress),
    #[sse(rename = "response.mcp_list_tools.completed")]
    McpListToolsCompleted(ItemProgress),
    #[sse(rename = "response.mcp_list_tools.failed")]
    McpListToolsFailed(ItemProgress),
    #[sse(rename = "response.mcp_list_tools.in_progress")]
    McpListToolsInProgress(ItemProgress),
    #[sse(rename = "response.output_text.annotation.added")]
    OutputTextAnnotationAdded {
        sequence_number: u64,
        item_id: String,
        output_index: u64,
        content_index: u64,
        annotation: Value,
        annotation_index: u64,
    },
    #[sse(rename = "response.custom_tool_call_input.delta")]
    CustomToolCallInputDelta { sequence_number: u64, item_id: String, output_index: u64, delta: String },
    #[sse(rename = "response.custom_tool_call_input.done")]
    CustomToolCallInputDone { sequence_number: u64, item_id: String, output_index: u64, input: String },
    #[sse(other)]
    Other(RawEvent),
}

/// The state of the response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Progress {
    pub sequence_number: u64,
    pub response: Response,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Response {
    pub id: String,
    /// `queued`, `in_progress`, `completed`, `failed`, `cancelled` or `incomplete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The progress of a tool that the service runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ItemProgress {
    pub sequence_number: u64,
    pub item_id: String,
    pub output_index: u64,
}
