//! One answer in each format: the words "Xin chào", as a server would send them.

use serde_json::{Map, Value, json};

use super::formats::{
    a2a::{
        self, Artifact, ArtifactUpdate, Content, Part, RpcEvent, RpcResult, StatusUpdate, Task, TaskState, TaskStatus,
    },
    ag_ui::{self, AgUiEvent, Base},
    anthropic::{self, ContentBlock, Message, MessageDelta, MessageEvent},
    openai_chat::{ChatCompletionEvent, Choice, Chunk, Delta, Usage},
    openai_responses::{Progress, Response, ResponseEvent},
    vercel_ai::{self, UiMessageChunk},
};

pub(crate) const WORDS: [&str; 2] = ["Xin ", "chào"];

/// The chunks of `useChat`: a data part, a tool call and a text.
pub(crate) fn vercel_ai() -> Vec<UiMessageChunk> {
    let id = || "text-1".to_owned();
    let call = || "call-1".to_owned();
    let mut chunks = vec![
        UiMessageChunk::Start { message_id: Some("msg-1".to_owned()), message_metadata: None },
        UiMessageChunk::StartStep,
        UiMessageChunk::DataProgress { id: None, data: vercel_ai::Progress { percent: 50 }, transient: None },
        UiMessageChunk::ToolInputAvailable {
            tool_call_id: call(),
            tool_name: "translate".to_owned(),
            input: json!({ "text": "hello" }),
            provider_executed: None,
            provider_metadata: None,
            tool_metadata: None,
            dynamic: None,
            title: None,
        },
        UiMessageChunk::ToolOutputAvailable {
            tool_call_id: call(),
            output: json!(WORDS.concat()),
            provider_executed: None,
            provider_metadata: None,
            tool_metadata: None,
            dynamic: None,
            preliminary: None,
        },
        UiMessageChunk::TextStart { id: id(), provider_metadata: None },
    ];
    let delta = |word: &str| UiMessageChunk::TextDelta { id: id(), delta: word.to_owned(), provider_metadata: None };
    chunks.extend(WORDS.map(delta));
    chunks.extend([
        UiMessageChunk::TextEnd { id: id(), provider_metadata: None },
        UiMessageChunk::FinishStep,
        UiMessageChunk::Finish { finish_reason: Some("stop".to_owned()), message_metadata: None },
        UiMessageChunk::Done,
    ]);
    chunks
}

/// The run of an agent: its state, a tool call and a message.
pub(crate) fn ag_ui(thread_id: &str, run_id: &str) -> Vec<AgUiEvent> {
    let (thread_id, run_id) = (thread_id.to_owned(), run_id.to_owned());
    let (message_id, tool_call_id) = (|| "msg-1".to_owned(), || "call-1".to_owned());
    let base = Base::default;
    let mut events = vec![
        AgUiEvent::RunStarted {
            thread_id: thread_id.clone(),
            run_id: run_id.clone(),
            protocol_version: Some(ag_ui::PROTOCOL_VERSION.to_owned()),
            parent_run_id: None,
            input: None,
            base: base(),
        },
        AgUiEvent::StateSnapshot { snapshot: json!({ "words": 0 }), base: base() },
        AgUiEvent::ToolCallStart {
            tool_call_id: tool_call_id(),
            tool_call_name: "translate".to_owned(),
            parent_message_id: None,
            base: base(),
        },
        AgUiEvent::ToolCallArgs {
            tool_call_id: tool_call_id(),
            delta: "{\"text\":\"hello\"}".to_owned(),
            base: base(),
        },
        AgUiEvent::ToolCallEnd { tool_call_id: tool_call_id(), base: base() },
        AgUiEvent::TextMessageStart {
            message_id: message_id(),
            role: Some("assistant".to_owned()),
            name: None,
            base: base(),
        },
    ];
    let content =
        |word: &str| AgUiEvent::TextMessageContent { message_id: message_id(), delta: word.to_owned(), base: base() };
    events.extend(WORDS.map(content));
    events.extend([
        AgUiEvent::TextMessageEnd { message_id: message_id(), base: base() },
        AgUiEvent::StateDelta {
            delta: vec![json!({ "op": "replace", "path": "/words", "value": WORDS.len() })],
            base: base(),
        },
        AgUiEvent::RunFinished { thread_id, run_id, result: None, outcome: None, usage: None, base: base() },
    ]);
    events
}

pub(crate) fn openai_chat() -> Vec<ChatCompletionEvent> {
    let chunk = |choices, usage| {
        ChatCompletionEvent::Chunk(Chunk {
            id: "chatcmpl-1".to_owned(),
            object: "chat.completion.chunk".to_owned(),
            created: 1_700_000_000,
            model: "parrot-1".to_owned(),
            choices,
            usage,
            rest: Map::new(),
        })
    };
    let choice = |delta, reason: Option<&str>| {
        vec![Choice { delta, finish_reason: reason.map(str::to_owned), ..Choice::default() }]
    };
    let role = Delta { role: Some("assistant".to_owned()), ..Delta::default() };
    let word = |word: &str| Delta { content: Some(word.to_owned()), ..Delta::default() };
    let usage = Usage { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, rest: Map::new() };
    let mut events = vec![chunk(choice(role, None), None)];
    events.extend(WORDS.map(|text| chunk(choice(word(text), None), None)));
    events.extend([
        chunk(choice(Delta::default(), Some("stop")), None),
        chunk(Vec::new(), Some(usage)),
        ChatCompletionEvent::Done,
    ]);
    events
}

pub(crate) fn openai_responses() -> Vec<ResponseEvent> {
    let progress = |sequence_number, status: &str, output: Value| Progress {
        sequence_number,
        response: Response {
            id: "resp_1".to_owned(),
            status: Some(status.to_owned()),
            rest: Map::from_iter([("object".to_owned(), json!("response")), ("output".to_owned(), output)]),
        },
    };
    let item = |status: &str, content: Value| json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": content });
    let part = |text: String| json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] });
    let item_id = || "msg_1".to_owned();
    let (output_index, content_index) = (0, 0);
    let mut events = vec![
        ResponseEvent::Created(progress(0, "in_progress", json!([]))),
        ResponseEvent::OutputItemAdded { sequence_number: 1, output_index, item: item("in_progress", json!([])) },
        ResponseEvent::ContentPartAdded {
            sequence_number: 2,
            item_id: item_id(),
            output_index,
            content_index,
            part: part(String::new()),
        },
    ];
    events.extend(WORDS.iter().zip(3..).map(|(word, sequence_number)| ResponseEvent::OutputTextDelta {
        sequence_number,
        item_id: item_id(),
        output_index,
        content_index,
        delta: (*word).to_owned(),
        logprobs: Vec::new(),
    }));
    let whole = item("completed", json!([part(WORDS.concat())]));
    events.extend([
        ResponseEvent::OutputTextDone {
            sequence_number: 5,
            item_id: item_id(),
            output_index,
            content_index,
            text: WORDS.concat(),
            logprobs: Vec::new(),
        },
        ResponseEvent::OutputItemDone { sequence_number: 6, output_index, item: whole.clone() },
        ResponseEvent::Completed(progress(7, "completed", json!([whole]))),
    ]);
    events
}

pub(crate) fn anthropic() -> Vec<MessageEvent> {
    let usage = |input_tokens, output_tokens| anthropic::Usage { input_tokens, output_tokens, rest: Map::new() };
    let delta = |delta| MessageEvent::ContentBlockDelta { index: 0, delta };
    let mut events = vec![
        MessageEvent::MessageStart {
            message: Message {
                id: "msg_1".to_owned(),
                kind: "message".to_owned(),
                role: "assistant".to_owned(),
                model: "parrot-1".to_owned(),
                content: Vec::new(),
                stop_reason: None,
                stop_sequence: None,
                usage: usage(Some(1), 1),
                rest: Map::new(),
            },
        },
        MessageEvent::ContentBlockStart {
            index: 0,
            content_block: ContentBlock::Text { text: String::new(), citations: None },
        },
    ];
    events.extend(WORDS.map(|word| delta(anthropic::Delta::TextDelta { text: word.to_owned() })));
    events.extend([
        MessageEvent::ContentBlockStop { index: 0 },
        MessageEvent::MessageDelta {
            delta: MessageDelta { stop_reason: Some("end_turn".to_owned()), ..MessageDelta::default() },
            usage: usage(None, 2),
        },
        MessageEvent::MessageStop,
    ]);
    events
}

/// A task that makes one artifact.
pub(crate) fn a2a() -> Vec<a2a::StreamResponse> {
    let (task_id, context_id) = (|| "task-1".to_owned(), || "context-1".to_owned());
    let status = |state| TaskStatus { state, message: None, timestamp: None };
    let update = |state| a2a::StreamResponse::StatusUpdate {
        status_update: StatusUpdate {
            task_id: task_id(),
            context_id: context_id(),
            status: status(state),
            rest: Map::new(),
        },
    };
    let part = |text: &str| Part { content: Content::Text(text.to_owned()), rest: Map::new() };
    let artifact = |(at, word): (usize, &str)| a2a::StreamResponse::ArtifactUpdate {
        artifact_update: ArtifactUpdate {
            task_id: task_id(),
            context_id: context_id(),
            artifact: Artifact { artifact_id: "artifact-1".to_owned(), parts: vec![part(word)], rest: Map::new() },
            append: at > 0,
            last_chunk: at + 1 == WORDS.len(),
            rest: Map::new(),
        },
    };
    let mut events = vec![
        a2a::StreamResponse::Task {
            task: Task {
                id: task_id(),
                context_id: Some(context_id()),
                status: status(TaskState::Submitted),
                artifacts: Vec::new(),
                history: Vec::new(),
                rest: Map::new(),
            },
        },
        update(TaskState::Working),
    ];
    events.extend(WORDS.into_iter().enumerate().map(artifact));
    events.push(update(TaskState::Completed));
    events
}

/// The same task by JSON-RPC. The `id` is that of the request.
pub(crate) fn a2a_rpc(id: &Value) -> Vec<RpcEvent> {
    let results = a2a().into_iter().map(|event| match event {
        a2a::StreamResponse::Task { task } => Ok(RpcResult::Task(task)),
        a2a::StreamResponse::Message { message } => Ok(RpcResult::Message(message)),
        a2a::StreamResponse::StatusUpdate { status_update } => Ok(RpcResult::StatusUpdate(status_update)),
        a2a::StreamResponse::ArtifactUpdate { artifact_update } => Ok(RpcResult::ArtifactUpdate(artifact_update)),
        a2a::StreamResponse::Error(data) => {
            Err(a2a::RpcError { code: -32603, message: "Internal error".to_owned(), data: Some(data) })
        }
    });
    let responses = results.map(|result| match result {
        Ok(result) => RpcEvent::Result { jsonrpc: "2.0".to_owned(), id: id.clone(), result },
        Err(error) => RpcEvent::Error { jsonrpc: "2.0".to_owned(), id: id.clone(), error },
    });
    responses.collect()
}
