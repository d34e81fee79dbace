//! The model: a server in this process that speaks Chat Completions and knows three answers, and the client that asks it.

use std::{io, time::Duration};

use axum::{Json, Router, extract::State, response::IntoResponse, routing::post};
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use sse_typed::{Client, EventStream, Sse, SseEvent};
use tokio::{net::TcpListener, time};

/// The stream of one completion: events without an event type, the last of which is the text `[DONE]` instead of JSON.
#[derive(Debug, SseEvent)]
pub(crate) enum CompletionEvent {
    #[sse(message)]
    Chunk(Chunk),
    #[sse(message, key = "error", error, terminal)]
    Failed { error: Failure },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Debug, Serialize, Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) message: String,
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

impl Chunk {
    /// The text that the chunk adds to the answer.
    pub(crate) fn into_text(self) -> String {
        self.choices.into_iter().filter_map(|choice| choice.delta.content).collect()
    }
}

/// A model, by the URL of its Chat Completions.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    url: String,
}

impl Model {
    /// Starts the model. It takes `pace` for each word.
    pub(crate) async fn start(pace: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
        let app = Router::new().route("/v1/chat/completions", post(complete)).with_state(pace);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url })
    }

    /// Asks a question.
    pub(crate) async fn ask(&self, question: &str) -> Result<EventStream<CompletionEvent>, sse_typed::client::Error> {
        let question = Message { role: "user".to_owned(), content: question.to_owned() };
        let request = Request { model: "parrot-1".to_owned(), stream: true, messages: vec![question] };
        Client::hyper().post(&self.url).json(&request).send().await
    }
}

async fn complete(State(pace): State<Duration>, Json(request): Json<Request>) -> impl IntoResponse {
    let question = request.messages.last().map_or("", |message| &*message.content).to_lowercase();
    Sse::new(completion(&question, pace))
}

fn completion(question: &str, pace: Duration) -> impl Stream<Item = CompletionEvent> + Send + use<> {
    if question.contains("fail") {
        let error = Failure { message: "the model is overloaded".to_owned() };
        return stream::iter([CompletionEvent::Failed { error }]).left_stream();
    }
    let answer = match question {
        _ if question.contains("resume") => RESUME.to_owned(),
        _ if question.contains("long") => [EVENTS, RESUME].repeat(4).join("\n"),
        _ => EVENTS.to_owned(),
    };
    let words: Vec<String> = answer.split_inclusive([' ', '\n']).map(str::to_owned).collect();
    let chunks = stream::iter(words).then(move |word| async move {
        time::sleep(pace).await;
        CompletionEvent::Chunk(Chunk { choices: vec![Choice { delta: Delta { content: Some(word) } }] })
    });
    chunks.chain(stream::iter([CompletionEvent::Done])).right_stream()
}

const EVENTS: &str = "\
## Server-sent events

They are lines of text that a server writes one after another into a response that *does not end*, and that a client
reads as they arrive:

```text
id: 7
event: part
data: {\"text\":\"Hello\"}

```

- **`event`** names the type of the event.
- **`data`** is its payload, here JSON.
- **`id`** is a position. A client that reconnects sends the last one it has received.

The format is a part of the [HTML standard](https://html.spec.whatwg.org/multipage/server-sent-events.html), so every \
browser reads it, and so does `curl`.
";

const RESUME: &str = "\
## How a stream resumes

1. The connection is lost, or the page is reloaded.
2. The client sends its **last event ID** with the next request.
3. The server continues right after this event, from a history that it keeps.

Nobody notices the difference, *if* the work does not belong to the connection. This answer is written by a run: a task \
of its own that stores each event before anybody reads it. So the answer continues while nobody reads, and a second \
reader gets all of it.
";
