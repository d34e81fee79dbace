//! Servers by axum, by hyper and by this crate, on sockets and in memory, and clients for both versions of HTTP.

use std::{
    convert::Infallible,
    future, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{Router, routing::get, serve::Listener};
use futures_util::Stream;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use sse_typed::{
    Sse, SseLayer,
    server::{self, ConnectionGuard, Drain, Events, GuardedListener, Shutdown, WritesReachKernel},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};
use tower::{Layer, service_fn};

/// The time after which a test fails instead of hanging. It is no promise.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) async fn within_timeout<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(TEST_TIMEOUT, future).await.unwrap_or_else(|_| panic!("no {what}"))
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Server {
    /// `axum::serve` with its graceful shutdown, on a guarded listener.
    Axum,
    /// An accept loop with the graceful shutdown of hyper-util, on guarded connections.
    Hyper,
    /// The server of this crate, which hands event streams over from hyper.
    HandOff,
    /// The same, and streams stay with hyper.
    NoHandOff,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Version {
    Http1,
    Http2,
}

pub(crate) const SERVERS: [Server; 4] = [Server::Axum, Server::Hyper, Server::HandOff, Server::NoHandOff];
pub(crate) const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

/// The settings of a server.
#[derive(Clone)]
pub(crate) struct Serve<F> {
    pub(crate) layer: SseLayer,
    pub(crate) sse: F,
    pub(crate) shutdown: Shutdown,
    /// The shutdown deadline. With `None`, axum's connections are not guarded and hyper's have no deadline.
    pub(crate) deadline: Option<Duration>,
    pub(crate) write_timeout: Duration,
}

impl<F, St> Serve<F>
where
    F: Fn() -> Sse<St> + Clone + Send + Sync + 'static,
    St: Events + Send + 'static,
{
    pub(crate) fn new(layer: SseLayer, shutdown: &Shutdown, sse: F) -> Self {
        Self { layer, sse, shutdown: shutdown.clone(), deadline: Some(TEST_TIMEOUT * 10), write_timeout: Duration::MAX }
    }

    /// Starts the server in a task, which ends with the server.
    pub(crate) fn start<L>(self, server: Server, listener: L) -> JoinHandle<()>
    where
        L: Listener<Io: WritesReachKernel, Addr: std::fmt::Debug> + server::Listener,
    {
        match server {
            Server::Axum => tokio::spawn(self.axum(listener)),
            Server::Hyper => tokio::spawn(self.hyper(listener)),
            Server::HandOff => tokio::spawn(self.own(listener, true)),
            Server::NoHandOff => tokio::spawn(self.own(listener, false)),
        }
    }

    async fn axum<L: Listener<Io: WritesReachKernel, Addr: std::fmt::Debug>>(self, listener: L) {
        let Self { layer, sse, shutdown, deadline, write_timeout } = self;
        let app = Router::new().route("/", get(move || future::ready(sse()))).layer(layer);
        let begun = shutdown.begun();
        match deadline {
            Some(deadline) => {
                let listener =
                    GuardedListener::new(listener).write_timeout(write_timeout).shutdown_deadline(&shutdown, deadline);
                axum::serve(listener, app).with_graceful_shutdown(begun).await
            }
            None => axum::serve(listener, app).with_graceful_shutdown(begun).await,
        }
        .unwrap();
    }

    async fn own<L: server::Listener>(self, listener: L, hand_off: bool) {
        let Self { layer, sse, shutdown, deadline, write_timeout } = self;
        let app = Router::new().route("/", get(move || future::ready(sse()))).layer(layer);
        let server = server::Server::new(listener).hand_off(hand_off).write_timeout(write_timeout).shutdown(
            &shutdown,
            Drain::Now,
            deadline.unwrap_or(Duration::MAX),
        );
        server.serve(app).await;
    }

    async fn hyper<L: Listener<Io: WritesReachKernel>>(self, mut listener: L) {
        let Self { layer, sse, shutdown, deadline, write_timeout } = self;
        let service = layer.layer(service_fn(move |_: Request<Incoming>| future::ready(Ok::<_, Infallible>(sse()))));
        let http = auto::Builder::new(TokioExecutor::new());
        let graceful = GracefulShutdown::new();
        loop {
            let (io, _) = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.begun() => break,
            };
            let mut io = ConnectionGuard::new(io).write_timeout(write_timeout);
            if let Some(deadline) = deadline {
                io = io.shutdown_deadline(&shutdown, deadline);
            }
            let service = TowerToHyperService::new(service.clone());
            let connection = graceful.watch(http.serve_connection(TokioIo::new(io), service).into_owned());
            tokio::spawn(async { drop(connection.await) });
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

/// A listener for connections in memory, so that paused time advances only when no task can run.
pub(crate) struct Memory(mpsc::UnboundedReceiver<DuplexStream>);

#[derive(Clone)]
pub(crate) struct Dial(mpsc::UnboundedSender<DuplexStream>);

pub(crate) fn memory() -> (Dial, Memory) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Dial(sender), Memory(receiver))
}

impl Dial {
    pub(crate) fn connect(&self) -> DuplexStream {
        self.try_connect().expect("a listener")
    }

    /// `None` when the listener is dropped.
    pub(crate) fn try_connect(&self) -> Option<DuplexStream> {
        let (client, server) = tokio::io::duplex(16 << 10);
        self.0.send(server).is_ok().then_some(client)
    }

    /// Connects by a pipe of this size.
    pub(crate) fn connect_with(&self, size: usize) -> DuplexStream {
        let (client, server) = tokio::io::duplex(size);
        self.0.send(server).expect("a listener");
        client
    }
}

impl Listener for Memory {
    type Io = DuplexStream;
    type Addr = &'static str;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.recv().await {
            Some(io) => (io, "memory"),
            None => future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok("memory")
    }
}

impl server::Listener for Memory {
    type Io = DuplexStream;
    type Addr = &'static str;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Io, Self::Addr)>> {
        match ready!(self.0.poll_recv(cx)) {
            Some(io) => Poll::Ready(Ok((io, "memory"))),
            None => Poll::Pending,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok("memory")
    }
}

pub(crate) async fn bind() -> (std::net::SocketAddr, tokio::net::TcpListener) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    (listener.local_addr().unwrap(), listener)
}

pub(crate) async fn connect(address: std::net::SocketAddr) -> TcpStream {
    within_timeout("connection", TcpStream::connect(address)).await.unwrap()
}

/// Requests `streams` streams on one connection, over HTTP/1.1 only one. A task drives the connection; aborting the task
/// drops it.
pub(crate) async fn ask(
    version: Version,
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    streams: usize,
) -> (Vec<Response<Incoming>>, JoinHandle<()>) {
    let mut responses = Vec::new();
    let task = match version {
        Version::Http1 => {
            assert_eq!(streams, 1);
            let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
            let task = tokio::spawn(async { drop(connection.await) });
            let request = Request::get("/").header("host", "test").body(String::new()).unwrap();
            responses.push(within_timeout("response head", client.send_request(request)).await.unwrap());
            task
        }
        Version::Http2 => {
            let (mut client, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
            let task = tokio::spawn(async { drop(connection.await) });
            for _ in 0..streams {
                let request = Request::get("http://test/").body(String::new()).unwrap();
                responses.push(within_timeout("response head", client.send_request(request)).await.unwrap());
            }
            task
        }
    };
    (responses, task)
}

/// Counts the streams that were created, those that are not dropped, and their events.
#[derive(Clone, Default)]
pub(crate) struct Alive(Arc<watch::Sender<Count>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) made: usize,
    pub(crate) alive: usize,
    pub(crate) events: usize,
}

impl Alive {
    pub(crate) fn watch<St>(&self, stream: St) -> Watched<St> {
        self.0.send_modify(|count| {
            count.made += 1;
            count.alive += 1;
        });
        Watched { stream: Box::pin(stream), alive: self.clone() }
    }

    pub(crate) fn count(&self) -> Count {
        *self.0.borrow()
    }

    /// Waits until streams were created and all of them are dropped.
    pub(crate) async fn all_dropped(&self) {
        let mut counts = self.0.subscribe();
        within_timeout("drop of the streams", counts.wait_for(|count| count.made > 0 && count.alive == 0))
            .await
            .unwrap();
    }
}

pub(crate) struct Watched<St> {
    stream: Pin<Box<St>>,
    alive: Alive,
}

impl<St: Stream> Stream for Watched<St> {
    type Item = St::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<St::Item>> {
        let event = self.stream.as_mut().poll_next(cx);
        if event.is_ready() {
            self.alive.0.send_modify(|count| count.events += 1);
        }
        event
    }
}

impl<St> Drop for Watched<St> {
    fn drop(&mut self) {
        self.alive.0.send_modify(|count| count.alive -= 1);
    }
}
