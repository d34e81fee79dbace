//! An answer of a language model, word by word: a local server with the wire format of Chat Completions, and a client that
//! assembles the answer. The client works with any server of that format.
//!
//! `cargo run --example llm_stream`

use std::{error::Error, io::Write, time::Duration};

use axum::{Json, Router, response::IntoResponse, routing::post};
use futures_util::{Stream, StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sse_typed::{Client, Sse, SseEvent};
use tokio::{net::TcpListener, time};

/// The stream of one completion: events without an event type, the last of which is the text `[DONE]` instead of JSON.
#[derive(Debug, SseEvent)]
enum ChatEvent {
    #[sse(message)]
    Chunk(Chunk),
    #[sse(message, key = "error", error, terminal)]
    Failed { error: Failure },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Chunk {
    id: String,
    choices: Vec<Choice>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Choice {
    index: u32,
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
struct Delta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Failure {
    message: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    model: String,
    stream: bool,
    messages: Vec<Message>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    let app = Router::new().route("/v1/chat/completions", post(complete));
    tokio::spawn(async move { axum::serve(listener, app).await });

    println!("The server listens on {url}, and this program is its client.");
    let question = Message { role: "user".to_owned(), content: "What are server-sent events?".to_owned() };
    println!("> {}", question.content);
    let answer = ask(&url, question).await?;
    println!("\n({} characters)", answer.chars().count());
    Ok(())
}

/// Prints the answer as it arrives, and returns all of it.
async fn ask(url: &str, question: Message) -> Result<String, Box<dyn Error>> {
    let request = Request { model: "parrot-1".to_owned(), stream: true, messages: vec![question] };
    let mut events = Client::hyper().post(url).json(&request).send::<ChatEvent>().await?;
    let mut answer = String::new();
    while let Some(event) = events.try_next().await? {
        match event.data {
            ChatEvent::Chunk(chunk) => {
                for content in chunk.choices.into_iter().filter_map(|choice| choice.delta.content) {
                    print!("{content}");
                    std::io::stdout().flush()?;
                    answer.push_str(&content);
                }
            }
            ChatEvent::Failed { error } => return Err(error.message.into()),
            ChatEvent::Done => return Ok(answer),
        }
    }
    Err("the answer is incomplete: the stream ended before `[DONE]`".into())
}

/// The server, which knows one answer.
async fn complete(Json(request): Json<Request>) -> impl IntoResponse {
    Sse::new(completion(&request))
}

fn completion(request: &Request) -> impl Stream<Item = ChatEvent> + Send + use<> {
    let question_words = request.messages.last().map_or(0, |message| message.content.split_whitespace().count());
    let answer = format!(
        "You asked in {question_words} words. The answer of {}: they are lines of text that a server writes one after \
         another into a response that does not end, and that a client reads as they arrive.",
        request.model
    );
    let words: Vec<String> = answer.split_inclusive(' ').map(str::to_owned).collect();
    stream::iter(words)
        .then(|word| async {
            time::sleep(Duration::from_millis(60)).await;
            chunk(Some(word), None)
        })
        .chain(stream::iter([chunk(None, Some("stop")), ChatEvent::Done]))
}

fn chunk(content: Option<String>, finish_reason: Option<&str>) -> ChatEvent {
    ChatEvent::Chunk(Chunk {
        id: "chatcmpl-1".to_owned(),
        choices: vec![Choice { index: 0, delta: Delta { content }, finish_reason: finish_reason.map(str::to_owned) }],
    })
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/llm_stream.json");
    assert_compatible(path, &Contract::of::<ChatEvent>(), Policy::both());
}
