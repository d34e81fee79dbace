//! A client that reads the text of an answer in every format.

use serde_json::{Value, json};
use sse_typed::{Client, DecodeEvent, client};

use super::formats::{
    a2a::{Content, RpcEvent, RpcResult, StreamResponse},
    ag_ui::AgUiEvent,
    anthropic::{Delta, MessageEvent},
    openai_chat::ChatCompletionEvent,
    openai_responses::ResponseEvent,
    vercel_ai::UiMessageChunk,
};

/// The text of the answer in each format.
pub(crate) async fn ask_all(url: &str) -> Result<Vec<(&'static str, String)>, client::Error> {
    let request = json!({ "stream": true });
    let rpc = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": {} });
    Ok(vec![
        ("Vercel AI SDK", ask(url, "/vercel/api/chat", &request, vercel_ai).await?),
        ("AG-UI", ask(url, "/ag-ui", &json!({ "threadId": "thread-1", "runId": "run-1" }), ag_ui).await?),
        ("Chat Completions", ask(url, "/openai/v1/chat/completions", &request, chat).await?),
        ("Responses", ask(url, "/openai/v1/responses", &request, responses).await?),
        ("Anthropic", ask(url, "/anthropic/v1/messages", &request, anthropic).await?),
        ("A2A, HTTP+JSON", ask(url, "/a2a/message:stream", &request, a2a).await?),
        ("A2A, JSON-RPC", ask(url, "/a2a/rpc", &rpc, a2a_rpc).await?),
    ])
}

async fn ask<E: DecodeEvent>(
    url: &str,
    path: &str,
    request: &Value,
    text: fn(E) -> Option<String>,
) -> Result<String, client::Error> {
    let mut events = Client::hyper().post(format!("{url}{path}")).json(request).send::<E>().await?;
    let mut answer = String::new();
    while let Some(event) = events.try_next().await? {
        answer.extend(text(event.data));
    }
    Ok(answer)
}

fn vercel_ai(chunk: UiMessageChunk) -> Option<String> {
    match chunk {
        UiMessageChunk::TextDelta { delta, .. } => Some(delta),
        _ => None,
    }
}

fn ag_ui(event: AgUiEvent) -> Option<String> {
    match event {
        AgUiEvent::TextMessageContent { delta, .. } => Some(delta),
        AgUiEvent::TextMessageChunk { delta, .. } => delta,
        _ => None,
    }
}

fn chat(event: ChatCompletionEvent) -> Option<String> {
    match event {
        ChatCompletionEvent::Chunk(chunk) => chunk.choices.into_iter().next()?.delta.content,
        _ => None,
    }
}

fn responses(event: ResponseEvent) -> Option<String> {
    match event {
        ResponseEvent::OutputTextDelta { delta, .. } => Some(delta),
        _ => None,
    }
}

fn anthropic(event: MessageEvent) -> Option<String> {
    match event {
        MessageEvent::ContentBlockDelta { delta: Delta::TextDelta { text }, .. } => Some(text),
        _ => None,
    }
}

fn a2a(event: StreamResponse) -> Option<String> {
    match event {
        StreamResponse::ArtifactUpdate { artifact_update } => Some(
            artifact_update
                .artifact
                .parts
                .into_iter()
                .filter_map(|part| match part.content {
                    Content::Text(text) => Some(text),
                    _ => None,
                })
                .collect(),
        ),
        _ => None,
    }
}

fn a2a_rpc(event: RpcEvent) -> Option<String> {
    match event {
        RpcEvent::Result { result: RpcResult::ArtifactUpdate(artifact_update), .. } => {
            a2a(StreamResponse::ArtifactUpdate { artifact_update })
        }
        _ => None,
    }
}
