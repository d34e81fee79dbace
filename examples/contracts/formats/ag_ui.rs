//! AG-UI, the protocol between agents and user interfaces: `HttpAgent` of npm's `@ag-ui/client` reads it.
//!
//! Source: <https://docs.ag-ui.com/concepts/events>, and the schemas of npm's `@ag-ui/core` 1.0.0.
//!
//! - An event is JSON with its `type`. There is no `event:` line. This enum writes one, which `@ag-ui/client` ignores; wrap its
//!   events in `DataOnly` to leave it out. It reads events with and without it.
//! - `RUN_FINISHED` and `RUN_ERROR` end the stream. A run that waits for the user is finished too: see `outcome`.
//! - Not covered: messages, states, patches and the inputs of runs are JSON without a type. The events before 1.0 (`THINKING_..`)
//!   are [`AgUiEvent::Other`], and so are those of later versions. The binary encoding of the protocol is not an event stream.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{RawEvent, SseEvent};

/// The version in [`AgUiEvent::RunStarted`].
pub const PROTOCOL_VERSION: &str = "1.0";

/// An event of an agent's run.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase")]
pub enum AgUiEvent {
    /// The first event of a run.
    RunStarted {
        thread_id: String,
        run_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        protocol_version: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_run_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Value>,
        #[serde(flatten)]
        base: Base,
    },
    /// The run ends.
    #[sse(terminal)]
    RunFinished {
        thread_id: String,
        run_id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        /// Whether the run is complete, or interrupted until the user answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
        #[serde(flatten)]
        base: Base,
    },
    /// The run fails.
    #[sse(terminal, error)]
    RunError {
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Value>,
        #[serde(flatten)]
        base: Base,
    },
    StepStarted {
        step_name: String,
        #[serde(flatten)]
        base: Base,
    },
    StepFinished {
        step_name: String,
        #[serde(flatten)]
        base: Base,
    },
    /// A message begins. The `message_id` names it in the events that follow.
    TextMessageStart {
        message_id: String,
        /// `assistant` if it is absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    TextMessageContent {
        message_id: String,
        delta: String,
        #[serde(flatten)]
        base: Base,
    },
    TextMessageEnd {
        message_id: String,
        #[serde(flatten)]
        base: Base,
    },
    /// Start, content and end in one event: clients expand it.
    TextMessageChunk {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    ToolCallStart {
        tool_call_id: String,
        tool_call_name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    ToolCallArgs {
        tool_call_id: String,
        /// A part of the JSON of the arguments.
        delta: String,
        #[serde(flatten)]
        base: Base,
    },
    ToolCallEnd {
        tool_call_id: String,
        #[serde(flatten)]
        base: Base,
    },
    ToolCallChunk {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tool_call_name: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    ToolCallResult {
        message_id: String,
        tool_call_id: String,
        /// A text, or a list of parts.
        content: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    /// The whole state of the agent.
    StateSnapshot {
        snapshot: Value,
        #[serde(flatten)]
        base: Base,
    },
    /// A change of the state, as JSON Patch (RFC 6902).
    StateDelta {
        delta: Vec<Value>,
        #[serde(flatten)]
        base: Base,
    },
    MessagesSnapshot {
        messages: Vec<Value>,
        #[serde(flatten)]
        base: Base,
    },
    ActivitySnapshot {
        message_id: String,
        activity_type: String,
        content: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replace: Option<bool>,
        #[serde(flatten)]
        base: Base,
    },
    ActivityDelta {
        message_id: String,
        activity_type: String,
        patch: Vec<Value>,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningStart {
        message_id: String,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningMessageStart {
        message_id: String,
        role: String,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningMessageContent {
        message_id: String,
        delta: String,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningMessageEnd {
        message_id: String,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningMessageChunk {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delta: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningEnd {
        message_id: String,
        #[serde(flatten)]
        base: Base,
    },
    ReasoningEncryptedValue {
        subtype: String,
        entity_id: String,
        encrypted_value: String,
        #[serde(flatten)]
        base: Base,
    },
    /// A subagent begins. Its run is in `base`.
    SubagentStarted {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_subagent_run_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_tool_call_id: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent_message_id: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    SubagentFinished {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        outcome: Option<Value>,
        #[serde(flatten)]
        base: Base,
    },
    SubagentError {
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    /// An event of another system.
    Raw {
        event: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        source: Option<String>,
        #[serde(flatten)]
        base: Base,
    },
    /// An event of the application.
    Custom {
        name: String,
        value: Value,
        #[serde(flatten)]
        base: Base,
    },
    /// Events of other versions.
    #[sse(other)]
    Other(RawEvent),
}

/// The fields that every event may have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Base {
    /// In milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// The event of another system from which this one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_event: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent_run_id: Option<String>,
}
