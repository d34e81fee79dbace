//! A2A, the protocol between agents: the streams of `SendStreamingMessage` and `SubscribeToTask`.
//!
//! Source: <https://a2a-protocol.org/latest/specification/> (version 1.0), and npm's `@a2a-js/sdk` 1.3.
//!
//! - There are no event types. A key of the JSON names what an event is.
//! - [`StreamResponse`] is the stream of the HTTP+JSON binding (`POST /message:stream`, `POST /tasks/{id}:subscribe`).
//!   [`RpcEvent`] is that of the JSON-RPC binding, where each event is a whole JSON-RPC response.
//! - The server closes the stream when the task is complete or waits for the user. No event is terminal by its type, because
//!   that depends on its state: see [`TaskStatus::ends_stream`].
//! - Empty lists, empty texts and `false` may be absent, as in the JSON of Protocol Buffers.
//! - Undeclared fields are kept in `rest`.
//! - Not covered: the versions before 1.0, which have a `kind` in the JSON; gRPC, which is not an event stream.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sse_typed::SseEvent;

/// An event of the HTTP+JSON binding.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all_fields = "camelCase", allow_reserved)]
pub enum StreamResponse {
    /// The task as it is when the stream begins.
    #[sse(message, key = "task")]
    Task { task: Task },
    /// An answer without a task. It is the only event of its stream.
    #[sse(message, key = "message")]
    Message { message: Message },
    #[sse(message, key = "statusUpdate")]
    StatusUpdate { status_update: StatusUpdate },
    #[sse(message, key = "artifactUpdate")]
    ArtifactUpdate { artifact_update: ArtifactUpdate },
    /// The SDK of JavaScript sends an error under this event type.
    #[sse(rename = "error", error, terminal)]
    Error(Value),
}

/// An event of the JSON-RPC binding.
#[derive(Clone, Debug, PartialEq, SseEvent)]
pub enum RpcEvent {
    #[sse(message, key = "result")]
    Result { jsonrpc: String, id: Value, result: RpcResult },
    #[sse(message, key = "error", error, terminal)]
    Error { jsonrpc: String, id: Value, error: RpcError },
}

/// What a [`StreamResponse`] holds, within a JSON-RPC response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RpcResult {
    Task(Task),
    Message(Message),
    StatusUpdate(StatusUpdate),
    ArtifactUpdate(ArtifactUpdate),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RpcError {
    pub code: i64,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_id: Option<String>,
    pub status: TaskStatus,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Message>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StatusUpdate {
    pub task_id: String,
    #[serde(default)]
    pub context_id: String,
    pub status: TaskStatus,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ArtifactUpdate {
    pub task_id: String,
    #[serde(default)]
    pub context_id: String,
    pub artifact: Artifact,
    /// The parts continue the artifact of this id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub append: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last_chunk: bool,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TaskStatus {
    #[serde(default)]
    pub state: TaskState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
}

impl TaskStatus {
    /// Whether the server closes the stream after an event with this status.
    pub const fn ends_stream(&self) -> bool {
        !matches!(self.state, TaskState::Unspecified | TaskState::Submitted | TaskState::Working)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum TaskState {
    #[serde(rename = "TASK_STATE_SUBMITTED")]
    Submitted,
    #[serde(rename = "TASK_STATE_WORKING")]
    Working,
    #[serde(rename = "TASK_STATE_COMPLETED")]
    Completed,
    #[serde(rename = "TASK_STATE_FAILED")]
    Failed,
    #[serde(rename = "TASK_STATE_CANCELED")]
    Canceled,
    #[serde(rename = "TASK_STATE_INPUT_REQUIRED")]
    InputRequired,
    #[serde(rename = "TASK_STATE_REJECTED")]
    Rejected,
    #[serde(rename = "TASK_STATE_AUTH_REQUIRED")]
    AuthRequired,
    /// Also a state of a later version.
    #[default]
    #[serde(rename = "TASK_STATE_UNSPECIFIED", other)]
    Unspecified,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub message_id: String,
    #[serde(default)]
    pub role: Role,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Role {
    #[serde(rename = "ROLE_USER")]
    User,
    #[serde(rename = "ROLE_AGENT")]
    Agent,
    /// Also a role of a later version.
    #[default]
    #[serde(rename = "ROLE_UNSPECIFIED", other)]
    Unspecified,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    pub artifact_id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A part of a message or an artifact: its content, and keys such as `mediaType` and `filename`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    #[serde(flatten)]
    pub content: Content,
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Content {
    Text(String),
    /// Bytes as Base64.
    Raw(String),
    Url(String),
    Data(Value),
}
