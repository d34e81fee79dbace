//! HTTP/2 connections over TLS that carry several streams, when one of the streams times out or when the network
//! path to the server fails silently.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::Request;
use http_body_util::Full;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use sse_typed::{
    Client, EventSource, EventStream,
    client::{HyperClient, SseDecodeLayer},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::{Layer, ServiceExt};

use crate::{
    certificates::Identity,
    reading::{Reading, fast},
};

const SOON: Duration = Duration::from_millis(300);
/// Much longer than any step takes.
const LATE: Duration = Duration::from_secs(20);

/// An HTTP/2 server, which clients can also reach without the middlebox.
#[derive(Clone)]
struct Server {
    /// The requests: the number of the connection, the path, and the last event ID.
    requests: Arc<Mutex<Vec<(usize, String, String)>>>,
    ticks: broadcast::Sender<i64>,
    port: u16,
}

#[derive(Clone, Copy)]
struct Number(usize);

impl Server {
    async fn start(identity: &Identity) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { requests: Arc::default(), ticks: broadcast::channel(16).0, port };
        let router = Router::new()
            .route("/feed", get(Self::feed))
            .route("/never", get(std::future::pending::<()>))
            .route("/to/feed", get(async || Redirect::temporary("/feed")))
            .route("/to/never", get(async || Redirect::temporary("/never")))
            .layer(axum::middleware::from_fn_with_state(server.clone(), Self::record))
            .with_state(server.clone());
        let acceptor = TlsAcceptor::from(identity.server_config(&["h2"]));
        tokio::spawn(async move {
            for number in 1.. {
                let (socket, _) = listener.accept().await.unwrap();
                let (acceptor, router) = (acceptor.clone(), router.clone().layer(Extension(Number(number))));
                tokio::spawn(async move {
                    let socket = TokioIo::new(acceptor.accept(socket).await.ok()?);
                    let service = TowerToHyperService::new(router);
                    auto::Builder::new(TokioExecutor::new()).serve_connection(socket, service).await.ok()
                });
            }
        });
        server
    }

    async fn record(
        State(server): State<Self>,
        Extension(Number(number)): Extension<Number>,
        request: axum::extract::Request,
        next: axum::middleware::Next,
    ) -> Response {
        let id = request.headers().get("last-event-id").map_or("", |id| id.to_str().unwrap()).to_owned();
        server.requests.lock().unwrap().push((number, request.uri().path().to_owned(), id));
        next.run(request).await
    }

    /// Sends an event at once, and then one for each tick.
    async fn feed(State(server): State<Self>, Extension(Number(number)): Extension<Number>) -> Response {
        let ticks = stream::unfold(server.ticks.subscribe(), async |mut ticks| Some((ticks.recv().await.ok()?, ticks)));
        let first = stream::iter([i64::try_from(number).unwrap()]);
        let events = first.chain(ticks).map(|n| Ok::<_, Infallible>(format!("id: {n}\nevent: value\ndata: {n}\n\n")));
        ([("content-type", "text/event-stream")], Body::from_stream(events)).into_response()
    }

    fn requests(&self) -> Vec<(usize, String, String)> {
        self.requests.lock().unwrap().clone()
    }
}

/// The requests, as [`Server::requests`] returns them.
fn requests<const N: usize>(requests: [(usize, &str, &str); N]) -> Vec<(usize, String, String)> {
    requests.map(|(number, path, id)| (number, path.to_owned(), id.to_owned())).into()
}

/// A middlebox that forwards bytes until it discards them without closing the connection.
#[derive(Clone)]
struct MiddleBox {
    port: u16,
    /// How many connections were accepted, and how many of these are dead.
    accepted: Arc<AtomicUsize>,
    dead: Arc<AtomicUsize>,
}

impl MiddleBox {
    async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (to, accepted, dead) = (server.port, Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let this = Self { port, accepted, dead };
        let middle = this.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let number = middle.accepted.fetch_add(1, Ordering::SeqCst);
                let (client_reads, client_writes) = client.into_split();
                let (server_reads, server_writes) = TcpStream::connect(("127.0.0.1", to)).await.unwrap().into_split();
                tokio::spawn(pass(client_reads, server_writes, number, Arc::clone(&middle.dead)));
                tokio::spawn(pass(server_reads, client_writes, number, Arc::clone(&middle.dead)));
            }
        });
        this
    }

    /// Discards the data of all existing connections; new ones work.
    fn swallow(&self) {
        self.dead.store(self.accepted.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    number: usize,
    dead: Arc<AtomicUsize>,
) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if number >= dead.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    if number < dead.load(Ordering::SeqCst) {
        // A dead connection is not closed.
        std::future::pending::<()>().await;
    }
}

struct Stage {
    server: Server,
    middle: MiddleBox,
    client: Client<HyperClient>,
}

impl Stage {
    async fn set(identity: &Identity) -> Self {
        let server = Server::start(identity).await;
        Self { middle: MiddleBox::before(&server).await, client: Client::hyper(), server }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.middle.port)
    }

    async fn open(&self, path: &str) -> EventStream<Reading> {
        let mut stream = self.client.get(self.url(path)).send().await.unwrap();
        value(stream.next().await);
        stream
    }

    fn source(&self, path: &str) -> EventSource<Reading, HyperClient> {
        self.client.get(self.url(path)).idle_timeout(SOON).reconnect(fast()).connect()
    }

    /// The number of the connection that the next request uses.
    async fn next_connection(&self) -> i64 {
        let mut stream = self.client.get(self.url("/feed")).send().await.unwrap();
        value(stream.next().await)
    }
}

type Item = Option<Result<sse_typed::Event<Reading>, sse_typed::client::Error>>;

fn value(item: Item) -> i64 {
    let Reading::Value(value) = item.unwrap().unwrap().data else { panic!("no value") };
    value
}

macro_rules! trusted {
    ($test:literal) => {
        match Identity::trusted(concat!("lost_paths::", $test)).await {
            Some(identity) => Stage::set(&identity).await,
            None => return,
        }
    };
}

#[tokio::test]
async fn a_source_whose_path_is_dead_reconnects_over_a_new_connection() {
    let stage = trusted!("a_source_whose_path_is_dead_reconnects_over_a_new_connection");
    let mut source = stage.source("/feed");
    assert_eq!(value(source.next().await), 1);
    stage.middle.swallow();
    let next = timeout(LATE, source.next()).await;
    assert_eq!(value(next.expect("it is not back")), 2);
    assert_eq!(stage.server.requests(), requests([(1, "/feed", ""), (2, "/feed", "1")]));
}

#[tokio::test]
async fn the_request_after_a_response_timeout_uses_a_new_connection() {
    let stage = trusted!("the_request_after_a_response_timeout_uses_a_new_connection");
    let _held = stage.open("/feed").await;
    stage.middle.swallow();
    let late = stage.client.get(stage.url("/feed")).response_timeout(SOON).send::<Reading>().await;
    assert!(late.unwrap_err().is_timeout());
    assert_eq!(timeout(LATE, stage.next_connection()).await.expect("no response"), 2);
}

#[tokio::test]
async fn other_streams_of_an_abandoned_connection_continue() {
    let stage = trusted!("other_streams_of_an_abandoned_connection_continue");
    let mut other = stage.open("/feed").await;
    let mut silent = stage.source("/feed");
    assert_eq!(value(silent.next().await), 1);
    assert_eq!(value(silent.next().await), 2);
    assert!(other.next().now_or_never().is_none());
    stage.server.ticks.send(17).unwrap();
    assert_eq!(value(other.next().await), 17);
    assert_eq!(stage.server.requests(), requests([(1, "/feed", ""), (1, "/feed", ""), (2, "/feed", "1")]));
}

#[tokio::test]
async fn an_event_timeout_abandons_the_connection_too() {
    let stage = trusted!("an_event_timeout_abandons_the_connection_too");
    let mut stream = stage.client.get(stage.url("/feed")).event_timeout(SOON).send::<Reading>().await.unwrap();
    assert_eq!(value(stream.next().await), 1);
    assert!(stream.next().await.unwrap().unwrap_err().is_timeout());
    assert_eq!(stage.next_connection().await, 2);
}

#[tokio::test]
async fn a_dropped_stream_does_not_abandon_its_connection() {
    let stage = trusted!("a_dropped_stream_does_not_abandon_its_connection");
    drop(stage.open("/feed").await);
    let mut source = stage.source("/feed");
    assert_eq!(value(source.next().await), 1);
    assert!(source.next().now_or_never().is_none());
    drop(source);
    let never = stage.client.get(stage.url("/never")).send::<Reading>();
    assert!(timeout(SOON, never).await.is_err());
    assert_eq!(stage.next_connection().await, 1);
}

#[tokio::test]
async fn the_connection_after_a_redirect_is_abandoned() {
    let stage = trusted!("the_connection_after_a_redirect_is_abandoned");
    let mut source = stage.source("/to/feed");
    assert_eq!(value(source.next().await), 1);
    assert_eq!(value(source.next().await), 2);
    let late = stage.client.get(stage.url("/to/never")).response_timeout(SOON).send::<Reading>().await;
    assert!(late.unwrap_err().is_timeout());
    assert_eq!(stage.next_connection().await, 3);
}

#[tokio::test]
async fn the_decode_layer_abandons_a_silent_connection_too() {
    let stage = trusted!("the_decode_layer_abandons_a_silent_connection_too");
    let service = SseDecodeLayer::<Reading>::new().layer(stage.client.service().clone());
    let request = Request::builder().uri(stage.url("/feed")).body(Full::<Bytes>::default()).unwrap();
    let mut stream = service.oneshot(request).await.unwrap().into_body().idle_timeout(SOON);
    assert_eq!(value(stream.next().await), 1);
    assert!(stream.next().await.unwrap().unwrap_err().is_timeout());
    assert_eq!(stage.next_connection().await, 2);
}
