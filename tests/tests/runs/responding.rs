//! The responses of a server, through axum.

use std::time::Duration;

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    response::IntoResponse,
    routing::get,
};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use sse_typed::{
    LastEventId, SseLayer,
    hub::MemoryStore,
    runs::{RunWriter, Runs},
};
use tokio::time::{Instant, sleep, timeout};
use tower::ServiceExt;

use crate::{
    common::{Answer, Setup, count, hang, started_hanging},
    faulty::{Faults, Faulty},
    memory_setup,
};

type Answers = Runs<Answer, Faulty<MemoryStore>>;

async fn read(State(answers): State<Answers>, Path(key): Path<String>, id: LastEventId) -> impl IntoResponse {
    answers.public().respond::<Body>(&key, id).await
}

async fn ask(
    State(answers): State<Answers>,
    Path(key): Path<String>,
    id: LastEventId,
    body: Bytes,
) -> impl IntoResponse {
    let produce = |run: RunWriter<Answer, _>| count(run, 2);
    answers.public().start(key, produce).input(&body).respond::<Body>(id).await
}

async fn stop(State(answers): State<Answers>, Path(key): Path<String>) -> impl IntoResponse {
    answers.public().respond_to_stop::<Body>(&key).await
}

struct Server {
    answers: Answers,
    app: Router,
    store: Faulty<MemoryStore>,
}

impl Server {
    fn new(setup: &Setup<MemoryStore>) -> Self {
        let store = Faulty::new(&setup.store);
        let answers = setup.builder("a").build_on(store.clone(), "answers");
        let routes = Router::new().route("/answers/{key}", get(read).post(ask).delete(stop));
        Self { app: routes.layer(SseLayer::new()).with_state(answers.clone()), answers, store }
    }

    async fn send(&self, method: &str, key: &str, id: Option<&str>, body: &'static str) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("/answers/{key}"));
        if let Some(id) = id {
            request = request.header("last-event-id", id);
        }
        self.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
    }
}

async fn text(response: Response<Body>) -> String {
    let body = timeout(Duration::from_secs(60), response.into_body().collect()).await.unwrap().unwrap();
    String::from_utf8(body.to_bytes().into()).unwrap()
}

fn ids(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_post_starts_once_and_a_get_resumes() {
    let server = Server::new(&memory_setup());
    assert_eq!(server.send("GET", "7", None, "").await.status(), StatusCode::NOT_FOUND);
    let response = server.send("POST", "7", None, "question").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let all = text(response).await;
    assert!(all.contains("event: token") && all.contains("event: done"), "{all}");
    let sent = ids(&all);
    assert_eq!(sent.len(), 3);

    let again = text(server.send("POST", "7", None, "question").await).await;
    assert_eq!(ids(&again), sent, "the POST is repeated, and the run is not");
    let rest = text(server.send("GET", "7", Some(sent[0]), "").await).await;
    assert_eq!(ids(&rest), sent[1..]);
    for method in ["GET", "POST"] {
        let response = server.send(method, "7", Some(sent[2]), "question").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{method} of a client that has everything");
    }
}

#[tokio::test(start_paused = true)]
async fn another_input_is_a_409_and_a_bad_key_a_400() {
    let server = Server::new(&memory_setup());
    text(server.send("POST", "7", None, "question").await).await;
    let response = server.send("POST", "7", None, "another").await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(text(response).await, "the key has a run of another input");
    for method in ["GET", "POST", "DELETE"] {
        let response = server.send(method, &"k".repeat(201), None, "").await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_stops_a_run() {
    let server = Server::new(&memory_setup());
    assert_eq!(server.send("DELETE", "7", None, "").await.status(), StatusCode::NOT_FOUND);
    started_hanging(&server.answers.public(), "7").await;
    for _ in 0..2 {
        assert_eq!(server.send("DELETE", "7", None, "").await.status(), StatusCode::NO_CONTENT);
    }
    assert!(text(server.send("GET", "7", None, "").await).await.contains("event: stopped"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_a_503_with_a_time_to_retry() {
    let server = Server::new(&memory_setup());
    let run = started_hanging(&server.answers.public(), "7").await;
    Faults::set(&server.store.faults.is_away, true);
    for method in ["GET", "POST", "DELETE"] {
        let response = server.send(method, "8", None, "").await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{method}");
        let retry: u32 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=5).contains(&retry));
        assert_eq!(text(response).await, "the store of the runs failed", "the error of the store is not for clients");
    }
    drop(run);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_away_before_the_head_is_a_503() {
    let server = Server::new(&memory_setup());
    started_hanging(&server.answers.public(), "7").await;
    Faults::set(&server.store.faults.reads_fail, true);
    let began = Instant::now();
    let response = server.send("GET", "7", None, "").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_shuts_down_refuses_a_post() {
    let server = Server::new(&memory_setup());
    server.answers.shutdown(Duration::ZERO).await;
    let response = server.send("POST", "7", None, "").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(server.send("GET", "7", None, "").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_a_503() {
    let server = Server::new(&memory_setup());
    started_hanging(&server.answers.public(), "7").await;
    Faults::set(&server.store.faults.is_silent, true);
    server.store.faults.waits.send_replace(true);
    for (method, key) in [("GET", "7"), ("POST", "8"), ("DELETE", "7")] {
        let began = Instant::now();
        let response = timeout(Duration::from_secs(60), server.send(method, key, None, "")).await;
        let response = response.unwrap_or_else(|_| panic!("{method} has no response"));
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{method}");
        assert!(response.headers().contains_key("retry-after"), "{method}");
        assert!(began.elapsed() <= Duration::from_secs(10), "{method} {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_with_the_last_event_id_of_an_earlier_run_is_not_a_204() {
    let server = Server::new(&memory_setup());
    let all = text(server.send("POST", "7", None, "").await).await;
    let last = ids(&all)[2];
    let answers = server.answers.public();
    answers.restart("7", |run| count(run, 3)).await.unwrap();
    for method in ["GET", "POST"] {
        // The key has no input now.
        let response = server.send(method, "7", Some(last), "").await;
        let status = if method == "GET" { StatusCode::OK } else { StatusCode::CONFLICT };
        assert_eq!(response.status(), status);
    }
    assert_eq!(ids(&text(server.send("GET", "7", None, "").await).await).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_replaced_before_its_first_event_is_read_is_not_a_204() {
    // The server looks at its runs sooner than the request is given up.
    let setup = Setup { lease: Duration::from_secs(3), ..memory_setup() };
    let server = Server::new(&setup);
    let owner = setup.process("b").public();
    for (method, status) in [("GET", StatusCode::OK), ("POST", StatusCode::SERVICE_UNAVAILABLE)] {
        owner.start(method, hang).input(b"").await.unwrap();
        Faults::set(&server.store.faults.reads_fail, true);
        let replace = async {
            // The request has begun to read the run.
            sleep(Duration::from_millis(100)).await;
            owner.stop(method).await.unwrap();
            owner.restart(method, |run| count(run, 2)).input(b"").await.unwrap();
            // The server finds out that the run is gone.
            sleep(setup.lease / 2).await;
            Faults::set(&server.store.faults.reads_fail, false);
        };
        let (response, ()) = tokio::join!(server.send(method, method, None, ""), replace);
        assert_eq!(response.status(), status, "{method}");
        assert_eq!(ids(&text(server.send(method, method, None, "").await).await).len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_request_has_the_head_of_the_get() {
    let server = Server::new(&memory_setup());
    started_hanging(&server.answers.public(), "7").await;
    let response = server.send("HEAD", "7", None, "").await;
    assert_eq!((response.status(), text(response).await.as_str()), (StatusCode::OK, ""));
    assert_eq!(server.send("HEAD", "8", None, "").await.status(), StatusCode::NOT_FOUND);
}
