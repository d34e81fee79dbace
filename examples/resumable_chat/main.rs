//! A chat whose answers outlive the page. Each answer is a run: reload the page in the middle of it, open it in a second tab,
//! stop it, or kill the server that writes it.
//!
//! `cargo run --example resumable_chat [-- --port N]`, then open the address that it prints. The default port is 3008.
//! `--pace MS` is the time that the model takes for a word; the default is 60.
//!
//! `--store URL` says where answers are kept: `memory:` (the default), `file:FOLDER`, or `redis://HOST` with
//! `--features redis`. On a Redis, two servers share the answers, and `--peer URL` tells each where the other is:
//!
//! ```text
//! cargo run --example resumable_chat --features redis -- --store redis://127.0.0.1 --peer http://127.0.0.1:3009
//! cargo run --example resumable_chat --features redis -- --store redis://127.0.0.1 --peer http://127.0.0.1:3008 --port 3009
//! ```
//!
//! Kill the server that writes an answer: the page continues with its peer, and shows that the answer is lost once the lease
//! of the dead server has expired.

mod answer;
mod answer_event;
mod arguments;
mod model;
mod user;

use std::{env, error::Error, iter, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use sse_typed::{
    LastEventId, SseLayer,
    runs::{AnyRunStore, Runs, RunsError, Scope},
    server::{Drain, GuardedListener, Shutdown},
};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;

use self::{answer::Answerer, answer_event::AnswerEvent, arguments::Arguments, model::Model, user::User};

/// The other servers take a server for dead when it has not renewed its lease for this time. It is shorter than the default of
/// 15 s, so that the page shows a lost answer sooner.
const LEASE: Duration = Duration::from_secs(6);

/// How long the server waits for its answers after Ctrl-C.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// The limit of a request in bytes. The page sends at most 500 characters.
const MAX_REQUEST: usize = 16 << 10;

#[derive(Clone, Debug)]
struct Chat {
    runs: Runs<AnswerEvent, AnyRunStore>,
    answerer: Answerer,
    peer: Option<String>,
}

impl Chat {
    /// The answers of one user. Keys come from clients: a key of another user is not found here.
    fn answers_of(&self, user: &User) -> Result<Scope<AnswerEvent, AnyRunStore>, RunsError> {
        self.runs.scope(user.as_str())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes = iter::successors(error.source(), |&cause| cause.source());
            eprintln!("error: {error}{}", causes.map(|cause| format!(": {cause}")).collect::<String>());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Arguments { port, pace, store, peer } = arguments::read(env::args().skip(1))?;
    let cors = cross_origin(peer.as_deref())?;
    let store = AnyRunStore::open(&store).await?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        format!("cannot listen on port {port}: {error}. Choose another with `-- --port N`; 0 takes any free one.")
    })?;
    let origin = format!("http://{}", listener.local_addr()?);
    println!("The page:  {origin}/");
    println!("Ctrl-C ends the server. An answer that is not complete {} s later is lost.", LAST_ANSWERS.as_secs());

    let runs = Runs::builder().lease(LEASE).owner(&*origin).build_on(store, "answers");
    let answerer = Answerer { model: Model::start(pace).await?, server: origin };
    let chat = Chat { runs: runs.clone(), answerer, peer };
    let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
    let app = Router::new()
        .route("/answers/{key}", get(read).post(ask).delete(stop))
        .route("/answers/{key}/again", post(ask_again))
        .layer(SseLayer::new().shutdown(&shutdown, Drain::Now))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .route("/peer", get(find_peer))
        .layer(cors)
        .route("/", get(page))
        .route("/app.js", get(|| async { asset("text/javascript", include_str!("page/app.js")) }))
        .route("/style.css", get(|| async { asset("text/css", include_str!("page/style.css")) }))
        .with_state(chat);

    let listener = GuardedListener::new(listener).shutdown_deadline(&shutdown, Duration::from_secs(1));
    axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()).await?;
    // Answers that are complete within this time end as such, the others as lost.
    match runs.shutdown(LAST_ANSWERS).await {
        0 => {}
        lost => println!("Lost answers: {lost}. Their pages offer to ask again."),
    }
    Ok(())
}

/// The body of a request that asks.
#[derive(Debug, Deserialize)]
struct Question {
    question: String,
}

impl Question {
    fn read(body: &[u8]) -> Result<Self, (StatusCode, String)> {
        serde_json::from_slice(body).map_err(|error| {
            let text = format!("the body must be JSON such as {{\"question\":\"Why?\"}}: {error}\n");
            (StatusCode::BAD_REQUEST, text)
        })
    }
}

/// Starts the answer of a key. The page sends the same request again after a lost connection: there is one answer for a key,
/// and the client resumes it. The same key with another question is a 409.
async fn ask(
    State(chat): State<Chat>,
    user: User,
    Path(key): Path<String>,
    id: LastEventId,
    body: Bytes,
) -> axum::response::Result<impl IntoResponse> {
    let Question { question } = Question::read(&body)?;
    let answerer = chat.answerer.clone();
    let start = chat.answers_of(&user)?.start(key, |run| answerer.answer(question, run)).input(&body);
    Ok(start.respond::<Body>(id).await)
}

/// Starts the answer of a key anew, if it has ended. An answer that is not complete yet continues.
async fn ask_again(
    State(chat): State<Chat>,
    user: User,
    Path(key): Path<String>,
    body: Bytes,
) -> axum::response::Result<StatusCode> {
    let Question { question } = Question::read(&body)?;
    let answerer = chat.answerer.clone();
    let restart = chat.answers_of(&user)?.restart(key, |run| answerer.answer(question, run)).input(&body);
    restart.await?;
    Ok(StatusCode::ACCEPTED)
}

async fn read(
    State(chat): State<Chat>,
    user: User,
    Path(key): Path<String>,
    id: LastEventId,
) -> Result<impl IntoResponse, RunsError> {
    Ok(chat.answers_of(&user)?.respond::<Body>(&key, id).await)
}

async fn stop(State(chat): State<Chat>, user: User, Path(key): Path<String>) -> Result<impl IntoResponse, RunsError> {
    Ok(chat.answers_of(&user)?.respond_to_stop::<Body>(&key).await)
}

#[derive(Debug, Serialize)]
struct Peer {
    peer: Option<String>,
}

async fn find_peer(State(Chat { peer, .. }): State<Chat>) -> Json<Peer> {
    Json(Peer { peer })
}

/// The page. A browser without the cookie of a user gets one.
async fn page(user: Option<User>) -> Response {
    let page = Html(include_str!("page/index.html"));
    match user {
        Some(_) => page.into_response(),
        None => (User::new().to_cookie(), page).into_response(),
    }
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type)], text)
}

/// Lets the page of the peer send requests to this server.
fn cross_origin(peer: Option<&str>) -> Result<CorsLayer, Box<dyn Error>> {
    let Some(peer) = peer else { return Ok(CorsLayer::new()) };
    let origin: HeaderValue =
        peer.parse().map_err(|_| format!("`--peer` needs an origin such as http://127.0.0.1:3009, not `{peer}`"))?;
    Ok(CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([CONTENT_TYPE, HeaderName::from_static("last-event-id")])
        .expose_headers([RETRY_AFTER, HeaderName::from_static("sse-keep-alive")])
        .max_age(Duration::from_secs(3600)))
}
