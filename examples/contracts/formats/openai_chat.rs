//! OpenAI's Chat Completions with `stream: true`, which many other services speak too.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat-streaming>, and the types of npm's `openai` 6.49.
//!
//! - There are no event types. The last event is the text `[DONE]`; some services leave it out and close the stream.
//! - An error differs from a chunk only by its key `error`, and ends the stream.
//! - Fields of a chunk and of a choice that are not declared here are kept in `rest`.
//! - Not covered: the old `function_call`, and a type for log probabilities. They are in `rest`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sse_typed::SseEvent;

/// An event of a completion.
#[derive(Clone, Debug, PartialEq, SseEvent)]
pub enum ChatCompletionEvent {
    #[sse(message)]
    Chunk(Chunk),
    #[sse(message, key = "error", error, terminal)]
    Failed { error: Failure },
    /// The last event.
    #[sse(message, data = "[DONE]", terminal)]
    Done,
}

/// A chunk. All chunks of a completion have the same `id`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Chunk {
    pub id: String,
    /// `chat.completion.chunk`.
    pub object: String,
    /// In seconds since 1970.
    pub created: u64,
    pub model: String,
    /// Empty in the chunk with the `usage`, which follows the others if the request asks for it.
    pub choices: Vec<Choice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Choice {
    pub index: u32,
    pub delta: Delta,
    /// `stop`, `length`, `tool_calls` or `content_filter` in the last chunk of a choice, else `null`.
    pub finish_reason: Option<String>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Delta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A part of a tool call. The first one of an `index` has the id and the name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ToolCall {
    pub index: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `function`.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<Function>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Function {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A part of the JSON of the arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Failure {
    pub message: String,
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// A text; some services send a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
}
