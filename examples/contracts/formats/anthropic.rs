//! Anthropic's Messages with `stream: true`.
//!
//! Source: <https://docs.anthropic.com/en/docs/build-with-claude/streaming> (`anthropic-version: 2023-06-01`), and the types of
//! npm's `@anthropic-ai/sdk` 1.14.
//!
//! - The event type is in the `event:` line and in the JSON.
//! - `ping` keeps the connection alive and is ignored. New event types and new deltas may be added at any time:
//!   [`MessageEvent::Other`] and [`Delta::Other`] keep them.
//! - An `error` event ends the stream. So does `message_stop`.
//! - Fields of a message, a usage and a tool call that are not declared here are kept in `rest`.
//! - Not covered: content blocks other than text, thinking and tool calls have no type of their own, and neither have citations.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sse_typed::{RawEvent, SseEvent};

/// An event of an answer.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case", ignore("ping"), allow_reserved)]
pub enum MessageEvent {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        index: u32,
        content_block: ContentBlock,
    },
    ContentBlockDelta {
        index: u32,
        delta: Delta,
    },
    ContentBlockStop {
        index: u32,
    },
    /// Fields of the message that change at its end.
    MessageDelta {
        delta: MessageDelta,
        usage: Usage,
    },
    #[sse(terminal)]
    MessageStop,
    #[sse(error, terminal)]
    Error {
        error: Failure,
    },
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Message {
    pub id: String,
    /// `message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `assistant`.
    pub role: String,
    pub model: String,
    /// Empty: the blocks follow.
    pub content: Vec<Value>,
    pub stop_reason: Option<String>,
    pub stop_sequence: Option<String>,
    pub usage: Usage,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Usage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    pub output_tokens: u64,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentBlock {
    Text {
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        citations: Option<Value>,
    },
    Thinking {
        thinking: String,
        #[serde(default)]
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
        input: Value,
        #[serde(flatten)]
        rest: Map<String, Value>,
    },
    /// Any other block, with its `type`.
    #[serde(untagged)]
    Other(Value),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "the names of the service")]
pub enum Delta {
    TextDelta {
        text: String,
    },
    /// A part of the JSON of a tool's input.
    InputJsonDelta {
        partial_json: String,
    },
    ThinkingDelta {
        thinking: String,
    },
    SignatureDelta {
        signature: String,
    },
    CitationsDelta {
        citation: Value,
    },
    /// Any other delta, with its `type`.
    #[serde(untagged)]
    Other(Value),
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MessageDelta {
    /// `end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, `pause_turn` or `refusal`.
    pub stop_reason: Option<String>,
    pub stop_sequence: Option<String>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    /// For example `overloaded_error`.
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
}
