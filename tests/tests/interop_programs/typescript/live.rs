//! The generated subscription with npm's `eventsource` and a server of this crate.

use std::{
    fmt::Debug,
    net::{self, SocketAddr},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sse_typed::{
    EncodeEvent, Event, Gap, Hub, LastEventId, RawEvent, Sse, SseEvent, SseLayer,
    event::{EventId, GapReason},
    hub::OnGap,
    typescript::Options,
};
use tests::contracts;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStdout, Command},
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::timeout,
};

use super::{PROGRAMS, compiled};
use crate::program::{browser_tests, found};

/// An event type with every kind of data.
#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Live {
    Position {
        x: f64,
        y: Option<f64>,
    },
    #[sse(text)]
    Note(String),
    #[sse(message)]
    Chunk(Vec<u8>),
    #[sse(message, data = "[PAUSE]")]
    Pause,
    #[sse(message, key = "error", error)]
    Failed {
        error: String,
    },
    Tick,
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Completed,
    #[sse(other)]
    Other(RawEvent),
}

#[test]
fn the_generated_typescript_is_current() {
    contracts::assert_current::<Live>("live.ts", &Options::new());
}

/// An event that the contract does not allow, as a broken server or one of another version may send it.
struct Broken(&'static str, &'static str);

impl sse_typed::EventKind for Broken {
    fn event_type(&self) -> &str {
        self.0
    }
}

impl EncodeEvent for Broken {
    fn encode(&self, event: &mut sse_typed::EventWriter<'_>) -> Result<(), sse_typed::EncodeError> {
        event.event_type(self.0)?;
        event.text(self.1)
    }
}

type AnyEvent = Event<Box<dyn EncodeEvent + Send>>;

/// What connects the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    EventSource,
    /// An `EventSource` that hides the status, as those of browsers do.
    SilentEventSource,
    Fetch,
}

/// All events, each with the lines that a page must print for it.
fn events_and_lines(by: Connection) -> Vec<(AnyEvent, Vec<Value>)> {
    let ours = |id: u64, event: Live| Event::<Box<dyn EncodeEvent + Send>>::new(Box::new(event)).id(EventId::from(id));
    let broken = |event_type, data| Event::<Box<dyn EncodeEvent + Send>>::new(Box::new(Broken(event_type, data)));
    let gap = Gap::new(Some(2), GapReason::Trimmed);
    // npm's implementation reports no last event ID for an event without an id of its own.
    vec![
        (
            ours(1, Live::Position { x: 1.5, y: None }),
            vec![json!(["handler", 1.5]), json!(["event", "position", { "x": 1.5, "y": null }, "1"])],
        ),
        (ours(2, Live::Note("a\r\nb \n".to_owned())), vec![json!(["event", "note", "a\nb \n", "2"])]),
        (ours(3, Live::Chunk(vec![1, 2])), vec![json!(["event", "chunk", [1, 2], "3"])]),
        (ours(4, Live::Pause), vec![json!(["event", "pause", "[PAUSE]", "4"])]),
        (broken("message", "[PAUS"), vec![json!(["invalid", "message", "[PAUS"])]),
        (broken("position", "{\"x\":"), vec![json!(["invalid", "position", "{\"x\":"])]),
        (
            broken("new_kind", "{}"),
            // An `EventSource` does not receive it.
            match by {
                Connection::Fetch => vec![json!(["event", "other", { "eventType": "new_kind", "data": "{}" }, "4"])],
                _ => vec![],
            },
        ),
        (
            ours(5, Live::Failed { error: "full".to_owned() }),
            vec![json!(["event", "failed", { "error": "full" }, "5"])],
        ),
        (ours(6, Live::Tick), vec![json!(["event", "tick", null, "6"])]),
        (
            ours(7, Live::Missed(gap)),
            vec![json!(["gap", "trimmed"]), json!(["event", "missed", { "missed": 2, "reason": "trimmed" }, "7"])],
        ),
        (ours(8, Live::Completed), vec![json!(["event", "completed", null, "8"])]),
        (ours(9, Live::Tick), vec![]),
    ]
}

/// The number of events that the first server sends.
const EVENTS_BEFORE_CUT: usize = 9;

/// A request: its method, and the last event ID in its header and query.
type Visit = (Method, Option<String>, Option<String>);

#[derive(Clone, Debug, Default)]
struct Visits(Arc<Mutex<Vec<Visit>>>);

impl Visits {
    fn record(&self, request: &Request) {
        let header = request.headers().get("last-event-id").map(|id| id.to_str().unwrap().to_owned());
        let query = request.uri().query().and_then(|query| query.strip_prefix("last_event_id=")).map(str::to_owned);
        self.0.lock().unwrap().push((request.method().clone(), header, query));
    }

    fn all(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let all = self.0.lock().unwrap().clone();
        all.into_iter().map(|(method, header, query)| (method.to_string(), header, query)).collect()
    }
}

fn visit(method: &str, header: Option<&str>, query: Option<&str>) -> (String, Option<String>, Option<String>) {
    (method.to_owned(), header.map(str::to_owned), query.map(str::to_owned))
}

/// A server with a runtime of its own. Dropping it closes all connections.
struct Server {
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Server {
    /// Starts a server on a free port, or on the address of an earlier server.
    fn start(router: Router, address: Option<SocketAddr>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = net::TcpListener::bind(address.unwrap_or_else(|| ([127, 0, 0, 1], 0).into())).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), router).await });
        Self { runtime: Some(runtime), address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits until the port is free. A runtime must not be shut down within another one, so this is another thread.
            let stopping = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(10)));
            stopping.join().unwrap();
        }
    }
}

/// The process of the script, and the lines that it prints.
struct Page {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Page {
    async fn open(test: &str, url: String, options: Value) -> Self {
        let contract = compiled(test).await.join("live.js");
        let mut command = Command::new("node");
        command.arg(browser_tests().join("typescript/live.mjs")).arg(contract).arg(url).arg(options.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, lines }
    }

    /// The next line, or `None` when the script has ended.
    async fn next(&mut self) -> Option<Value> {
        let line = timeout(Duration::from_secs(60), self.lines.next_line()).await.expect("no line from the page");
        line.unwrap().map(|line| serde_json::from_str(&line).unwrap())
    }

    async fn assert_prints(&mut self, expected: impl IntoIterator<Item = Value>) {
        for expected in expected {
            assert_eq!(self.next().await, Some(expected));
        }
    }

    async fn assert_ends(&mut self) {
        assert_eq!(self.next().await, None);
    }
}

fn close(reason: &str, status: Option<u16>) -> [Value; 2] {
    [json!(["state", "closed"]), json!(["close", reason, status])]
}

/// A stream whose size hint is unknown, so that the response is never a 204.
fn unsized_stream<T>(items: impl IntoIterator<Item = T>) -> impl Stream<Item = T> {
    stream::iter(items).filter(|_| std::future::ready(true))
}

fn layer() -> SseLayer {
    SseLayer::new().retry(Duration::from_millis(20))
}

/// A server sends some events and is killed. Another one on its port refuses at first, and then sends the others.
async fn a_server_is_killed_and_another_continues(test: &str, by: Connection) {
    let visits = Visits::default();
    let recorded = visits.clone();
    let first = Router::new().route(
        "/events",
        get(move |request: Request| {
            recorded.record(&request);
            let events = events_and_lines(by).into_iter().take(EVENTS_BEFORE_CUT).map(|(event, _)| event);
            async { Sse::new(stream::iter(events).chain(stream::pending())).into_response() }
        }),
    );
    let first = Server::start(first.layer(layer()), None);
    let address = first.address;

    let mut page = Page::open(
        test,
        format!("http://{address}/events"),
        json!({ "silent": by == Connection::SilentEventSource, "fetch": by == Connection::Fetch }),
    )
    .await;
    page.assert_prints([json!(["state", "open"])]).await;
    page.assert_prints(events_and_lines(by).into_iter().take(EVENTS_BEFORE_CUT).flat_map(|(_, lines)| lines)).await;
    drop(first);
    page.assert_prints([json!(["state", "connecting"])]).await;
    assert_eq!(visits.all(), [visit("GET", None, None)]);

    async fn second(State(visits): State<Visits>, after: LastEventId, request: Request) -> Response {
        visits.record(&request);
        // The request for the stream is refused, and so is the page's request for the status.
        let refused = visits.all().iter().filter(|visit| visit.0 == request.method().as_str()).count();
        if refused == 1 || (request.method() == Method::GET && refused == 2) {
            return (StatusCode::SERVICE_UNAVAILABLE, "not yet").into_response();
        }
        let after: usize = after.parse().unwrap().unwrap();
        assert_eq!(after, 6);
        Sse::new(unsized_stream(
            events_and_lines(Connection::EventSource).into_iter().skip(EVENTS_BEFORE_CUT).map(|(event, _)| event),
        ))
        .into_response()
    }
    let router = Router::new().route("/events", get(second)).with_state(visits.clone()).layer(layer());
    let _second = Server::start(router, Some(address));

    page.assert_prints([json!(["state", "open"])]).await;
    page.assert_prints(events_and_lines(by).into_iter().skip(EVENTS_BEFORE_CUT).flat_map(|(_, lines)| lines)).await;
    page.assert_prints(close("terminal", None)).await;
    page.assert_prints([json!(["loop", if by == Connection::Fetch { 9 } else { 8 }, "8"])]).await;
    page.assert_ends().await;

    let id = Some("6");
    if by == Connection::Fetch {
        let resumed = visit("GET", id, None);
        assert_eq!(visits.all(), [visit("GET", None, None), resumed.clone(), resumed]);
        return;
    }
    let head = visit("HEAD", None, id);
    let refused = visit("GET", id, None);
    let resumed = visit("GET", None, id);
    let all = visits.all();
    let refusals: Vec<_> = all.iter().filter(|visit| **visit != head).collect();
    assert_eq!(
        all.iter().filter(|visit| **visit == head).count(),
        usize::from(by == Connection::SilentEventSource),
        "{all:?}"
    );
    assert_eq!(refusals, [&visit("GET", None, None), &refused, &resumed]);
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_gets_all_events_although_a_server_is_killed_and_the_next_refuses_at_first() {
    let name = "a_page_gets_all_events_although_a_server_is_killed_and_the_next_refuses_at_first";
    if found(name, &PROGRAMS) {
        a_server_is_killed_and_another_continues(name, Connection::EventSource).await;
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_without_the_status_of_a_refusal_asks_for_it_and_resumes() {
    let name = "a_page_without_the_status_of_a_refusal_asks_for_it_and_resumes";
    if found(name, &PROGRAMS) {
        a_server_is_killed_and_another_continues(name, Connection::SilentEventSource).await;
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_with_fetch_gets_all_events_although_a_server_is_killed_and_the_next_refuses_at_first() {
    let name = "a_page_with_fetch_gets_all_events_although_a_server_is_killed_and_the_next_refuses_at_first";
    if found(name, &PROGRAMS) {
        a_server_is_killed_and_another_continues(name, Connection::Fetch).await;
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_204_ends_the_subscription_with_and_without_a_known_status() {
    let name = "a_204_ends_the_subscription_with_and_without_a_known_status";
    if !found(name, &PROGRAMS) {
        return;
    }
    for silent in [false, true] {
        let visits = Visits::default();
        async fn once(State(visits): State<Visits>, request: Request) -> Response {
            visits.record(&request);
            if visits.all().len() > 1 {
                return Sse::<stream::Empty<Live>>::stop().into_response();
            }
            Sse::new(unsized_stream([Event::new(Live::Tick).id("1".parse::<EventId>().unwrap())])).into_response()
        }
        let router = Router::new().route("/events", get(once)).with_state(visits.clone()).layer(layer());
        let server = Server::start(router, None);
        let url = format!("http://{}/events", server.address);
        let mut page = Page::open(name, url, json!({ "silent": silent })).await;
        page.assert_prints([
            json!(["state", "open"]),
            json!(["event", "tick", null, "1"]),
            json!(["state", "connecting"]),
        ])
        .await;
        page.assert_prints(close("complete", Some(204))).await;
        page.assert_prints([json!(["loop", 1, "1"])]).await;
        page.assert_ends().await;
        let mut expected = vec![visit("GET", None, None), visit("GET", Some("1"), None)];
        expected.extend(silent.then(|| visit("HEAD", None, Some("1"))));
        assert_eq!(visits.all(), expected);
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn an_abort_signal_ends_the_connection() {
    let name = "an_abort_signal_ends_the_connection";
    if !found(name, &PROGRAMS) {
        return;
    }
    let (held, gone) = oneshot::channel::<()>();
    let held = Arc::new(Mutex::new(Some(held)));
    let router = Router::new().route(
        "/events",
        get(move || {
            let held = held.lock().unwrap().take().expect("only one request");
            let events = stream::iter([Live::Tick, Live::Pause]).chain(stream::pending());
            // Dropped with the stream.
            async { Sse::new(events.inspect(move |_| assert!(!held.is_closed()))).into_response() }
        }),
    );
    let server = Server::start(router.layer(layer()), None);
    let mut page = Page::open(name, format!("http://{}/events", server.address), json!({ "abortAt": "pause" })).await;
    page.assert_prints([
        json!(["state", "open"]),
        json!(["event", "tick", null, ""]),
        json!(["event", "pause", "[PAUSE]", ""]),
    ])
    .await;
    page.assert_prints(close("aborted", None)).await;
    page.assert_prints([json!(["loop", 2, ""])]).await;
    page.assert_ends().await;
    timeout(Duration::from_secs(60), gone).await.expect("the server drops the stream").unwrap_err();
}

/// A page with the last event ID of an earlier process, and a hub that has an event.
async fn page_of_an_earlier_process(
    test: &str,
    hub: Hub<Live>,
    router: fn(Hub<Live>, Visits) -> Router,
) -> (Page, Server, Visits) {
    let visits = Visits::default();
    hub.publish_now(&Live::Tick).unwrap();
    let server = Server::start(router(hub, visits.clone()).layer(layer()), None);
    let url = format!("http://{}/events", server.address);
    let page = Page::open(test, url, json!({ "lastEventId": "0123456789abcdef-7" })).await;
    (page, server, visits)
}

fn hub_router(hub: Hub<Live>, visits: Visits) -> Router {
    let handler = move |after: LastEventId, request: Request<Body>| {
        visits.record(&request);
        let subscription = hub.subscribe(after);
        async { Sse::new(subscription).into_response() }
    };
    Router::new().route("/events", get(handler))
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_with_an_id_of_an_earlier_process_gets_a_gap() {
    let name = "a_page_with_an_id_of_an_earlier_process_gets_a_gap";
    if !found(name, &PROGRAMS) {
        return;
    }
    let hub = Hub::<Live>::builder().build();
    let (mut page, _server, _) = page_of_an_earlier_process(name, hub.clone(), hub_router).await;
    page.assert_prints([json!(["state", "open"]), json!(["gap", "unknown_id"])]).await;
    let missed = page.next().await.unwrap();
    assert_eq!((&missed[1], &missed[2]["reason"]), (&json!("missed"), &json!("unknown_id")));
    let tick = page.next().await.unwrap();
    assert_eq!(tick[1], "tick");
    hub.publish_now(&Live::Completed).unwrap();
    assert_eq!(page.next().await.unwrap()[1], "completed");
    page.assert_prints(close("terminal", None)).await;
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_whose_id_the_hub_clears_gets_new_events_after_a_few_requests() {
    let name = "a_page_whose_id_the_hub_clears_gets_new_events_after_a_few_requests";
    if !found(name, &PROGRAMS) {
        return;
    }
    let hub = Hub::<Live>::builder_on_gap(OnGap::Restart).build();
    let (mut page, _server, visits) = page_of_an_earlier_process(name, hub.clone(), hub_router).await;
    // The browser reconnects to the URL with the id in it. The subscription notices that the id is not accepted.
    let mut states = Vec::new();
    while states.iter().filter(|state| **state == json!(["state", "open"])).count() < 3 {
        states.push(page.next().await.unwrap());
    }
    hub.publish_now(&Live::Completed).unwrap();
    assert_eq!(page.next().await.unwrap()[1], "completed");
    page.assert_prints(close("terminal", None)).await;
    let foreign = visit("GET", None, Some("0123456789abcdef-7"));
    assert_eq!(visits.all(), [foreign.clone(), foreign, visit("GET", None, None)]);
}
