//! The UI message stream of Vercel's AI SDK: `useChat` reads it, and so do `readUIMessageStream` and `DefaultChatTransport`.
//!
//! Source: <https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol> ("UI message stream protocol", response header
//! `x-vercel-ai-ui-message-stream: v1`) and the schema of the chunks in npm's `ai` 6.0.
//!
//! - A chunk is JSON with its `type`, and the last event is the text `[DONE]`. There is no `event:` line. This enum writes
//!   one, which the readers of `ai` ignore; wrap its events in `DataOnly` to leave it out. It reads events with and without it.
//! - `data-..` parts are the application's own: declare a variant for each, as for [`UiMessageChunk::DataProgress`]. The others
//!   are [`UiMessageChunk::Other`], and so are chunks of later versions.
//! - `ai` 5.0 refuses `ToolApprovalRequest` and `ToolOutputDenied`, and its first versions also fields that are new in 6.0.
//! - `useChat({ resume: true })` requests `GET {api}/{chat}/stream`. A 204 tells it that there is nothing to resume.
//! - Not covered: metadata, tool inputs and tool outputs are JSON without a type.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{RawEvent, SseEvent};

/// The response header that tells the AI SDK which protocol the stream has.
pub const HEADER: (&str, &str) = ("x-vercel-ai-ui-message-stream", "v1");

/// A chunk of a UI message.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase", allow_reserved)]
pub enum UiMessageChunk {
    /// The message begins.
    Start {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_metadata: Option<Value>,
    },
    /// A step, which is one call of the model, begins.
    StartStep,
    /// A text begins. The `id` names it in the chunks that follow.
    TextStart {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    TextDelta {
        id: String,
        delta: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    TextEnd {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    /// Reasoning begins. The `id` names it in the chunks that follow.
    ReasoningStart {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    ReasoningDelta {
        id: String,
        delta: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    ReasoningEnd {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    /// The input of a tool begins.
    ToolInputStart {
        tool_call_id: String,
        tool_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    ToolInputDelta {
        tool_call_id: String,
        input_text_delta: String,
    },
    /// The input of a tool is complete, and the tool runs.
    ToolInputAvailable {
        tool_call_id: String,
        tool_name: String,
        input: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    ToolInputError {
        tool_call_id: String,
        tool_name: String,
        input: Value,
        error_text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// The user is asked whether the tool may run.
    ToolApprovalRequest {
        approval_id: String,
        tool_call_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval_descriptor: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input_schema_input: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
    },
    ToolOutputAvailable {
        tool_call_id: String,
        output: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preliminary: Option<bool>,
    },
    ToolOutputError {
        tool_call_id: String,
        error_text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_executed: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_metadata: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dynamic: Option<bool>,
    },
    ToolOutputDenied {
        tool_call_id: String,
    },
    SourceUrl {
        source_id: String,
        url: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    SourceDocument {
        source_id: String,
        media_type: String,
        title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filename: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    File {
        url: String,
        media_type: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_metadata: Option<Value>,
    },
    MessageMetadata {
        message_metadata: Value,
    },
    /// A data part of this application.
    DataProgress {
        /// A later part with the same id replaces this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        data: Progress,
        /// The part is for `onData` only, and does not become a part of the message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transient: Option<bool>,
    },
    FinishStep,
    /// The message is complete. `Done` follows.
    Finish {
        /// `stop`, `length`, `content-filter`, `tool-calls`, `error` or `other`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finish_reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_metadata: Option<Value>,
    },
    /// The message fails. The text is shown to the user.
    #[sse(error)]
    Error {
        error_text: String,
    },
    /// The message was stopped on request.
    Abort {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The last event.
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    /// Data parts that are not declared, and chunks of later versions.
    #[sse(other)]
    Other(RawEvent),
}

/// The data of [`UiMessageChunk::DataProgress`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Progress {
    pub percent: u8,
}
