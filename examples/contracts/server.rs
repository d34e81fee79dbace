//! A server that answers in every format, at the paths that the clients of each format request.

use axum::{
    Json, Router,
    response::{AppendHeaders, IntoResponse},
    routing::post,
};
use futures_util::stream;
use serde_json::Value;
use sse_typed::{Sse, SseEvent};

use super::{
    answers,
    formats::{data_only::DataOnly, vercel_ai},
};

pub(crate) fn router() -> Router {
    Router::new()
        .route("/vercel/api/chat", post(async || (AppendHeaders([vercel_ai::HEADER]), data_only(answers::vercel_ai()))))
        .route("/ag-ui", post(ag_ui))
        .route("/openai/v1/chat/completions", post(async || sse(answers::openai_chat())))
        .route("/openai/v1/responses", post(async || sse(answers::openai_responses())))
        .route("/anthropic/v1/messages", post(async || sse(answers::anthropic())))
        .route("/a2a/message:stream", post(async || sse(answers::a2a())))
        .route("/a2a/rpc", post(async |Json(request): Json<Value>| sse(answers::a2a_rpc(&request["id"]))))
}

/// The ids of the run are those of the request.
async fn ag_ui(Json(input): Json<Value>) -> impl IntoResponse {
    let id = |name: &str| input[name].as_str().unwrap_or("unnamed").to_owned();
    data_only(answers::ag_ui(&id("threadId"), &id("runId")))
}

fn sse<E: SseEvent + Send + 'static>(events: Vec<E>) -> impl IntoResponse {
    Sse::new(stream::iter(events))
}

/// For the formats that have no `event:` line.
fn data_only<E: SseEvent + Send + 'static>(events: Vec<E>) -> impl IntoResponse {
    Sse::new(stream::iter(events.into_iter().map(DataOnly)))
}
