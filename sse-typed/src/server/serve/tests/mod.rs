mod accept;
mod bytes_on_the_wire;
mod chunks;
mod gathering;
mod hand_off;
mod panics;
mod polls;
mod property;
mod server;

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    sync::mpsc,
    task::JoinHandle,
};
use tower_service::Service;

use super::*;

/// What a [`ScriptedBody`] does in one poll.
#[derive(Clone, Debug)]
enum Step {
    Frame(Bytes),
    /// Pending, and woken at once.
    Yield,
    /// Pending until [`Log::release`].
    Wait,
    Trailers,
    Fail,
}

fn frame(text: &str) -> Step {
    Step::Frame(Bytes::copy_from_slice(text.as_bytes()))
}

/// A body that runs its steps, and records the tasks that polled it.
pub(super) struct ScriptedBody {
    steps: VecDeque<Step>,
    log: Log,
    exact_size: Option<u64>,
}

/// What happened to the bodies of a service.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Events>>);

#[derive(Debug, Default)]
struct Events {
    tasks: Vec<tokio::task::Id>,
    dropped: usize,
    waiting: Option<std::task::Waker>,
    released: usize,
}

impl Log {
    /// Whether the last task that polled a body is not the first.
    fn was_handed_off(&self) -> bool {
        let events = self.0.lock().unwrap();
        events.tasks.first() != events.tasks.last()
    }

    fn dropped(&self) -> usize {
        self.0.lock().unwrap().dropped
    }

    fn polls(&self) -> usize {
        self.0.lock().unwrap().tasks.len()
    }

    /// Ends one [`Step::Wait`].
    fn release(&self) {
        let mut events = self.0.lock().unwrap();
        events.released += 1;
        if let Some(waker) = events.waiting.take() {
            drop(events);
            waker.wake();
        }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let mut events = this.log.0.lock().unwrap();
        events.tasks.extend(tokio::task::try_id());
        match this.steps.front() {
            Some(Step::Yield) => {
                this.steps.pop_front();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Wait) if events.released == 0 => {
                events.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
            Some(Step::Wait) => {
                events.released -= 1;
                this.steps.pop_front();
            }
            _ => {}
        }
        drop(events);
        match this.steps.pop_front() {
            Some(Step::Frame(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
            Some(Step::Fail) => Poll::Ready(Some(Err(io::Error::other("the body fails")))),
            Some(step @ (Step::Yield | Step::Wait)) => {
                this.steps.push_front(step);
                self.poll_frame(cx)
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.exact_size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for ScriptedBody {
    fn drop(&mut self) {
        self.log.0.lock().unwrap().dropped += 1;
    }
}

/// Answers each request with the same event stream.
#[derive(Clone)]
pub(super) struct Scripted {
    steps: Vec<Step>,
    change: fn(Response<ScriptedBody>) -> Response<ScriptedBody>,
    log: Log,
}

impl Scripted {
    fn response(&self) -> Response<ScriptedBody> {
        let body = ScriptedBody { steps: self.steps.clone().into(), log: self.log.clone(), exact_size: None };
        let mut response = Response::new(body);
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/event-stream"));
        (self.change)(response)
    }

    fn new(steps: impl Into<Vec<Step>>) -> Self {
        Self { steps: steps.into(), change: std::convert::identity, log: Log::default() }
    }
}

impl Service<Request<RequestBody>> for Scripted {
    type Response = Response<ScriptedBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<RequestBody>) -> Self::Future {
        ready(Ok(self.response()))
    }
}

/// A listener for connections in memory, so that paused time advances only when no task can run.
struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

/// Connects to [`Pipes`].
#[derive(Clone)]
struct Dial(mpsc::UnboundedSender<DuplexStream>);

fn pipes() -> (Dial, Pipes) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Dial(sender), Pipes(receiver))
}

impl Dial {
    fn connect(&self, size: usize) -> DuplexStream {
        let (client, server) = tokio::io::duplex(size);
        self.0.send(server).unwrap();
        client
    }
}

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = &'static str;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(DuplexStream, &'static str)>> {
        self.0.poll_recv(cx).map(|io| Ok((io.ok_or(io::ErrorKind::NotConnected)?, "pipe")))
    }

    fn local_addr(&self) -> io::Result<&'static str> {
        Ok("pipe")
    }
}

/// Starts a server with connections in memory.
fn start<S, B>(service: S, set: impl FnOnce(Server<Pipes>) -> Server<Pipes>) -> (Dial, JoinHandle<Served>)
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let (dial, listener) = pipes();
    (dial, tokio::spawn(set(Server::new(listener)).serve(service)))
}

const PIPE: usize = 64 << 10;

const GET: &str = "GET / HTTP/1.1\r\nhost: test\r\n\r\n";

/// Reads until the text ends like this.
async fn read_until(client: &mut DuplexStream, end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let byte = tokio::time::timeout(Duration::from_secs(3600), client.read_u8()).await;
        let read = String::from_utf8_lossy(&text);
        text.push(
            byte.unwrap_or_else(|_| panic!("nothing after {read:?}")).unwrap_or_else(|_| panic!("end after {read:?}")),
        );
    }
    String::from_utf8(text).unwrap()
}

/// Reads to the end of the connection.
async fn read_to_end(client: &mut DuplexStream) -> String {
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(3600), client.read_to_string(&mut text)).await.expect("an end").unwrap();
    text
}

/// The text without the headers that vary.
fn without_date(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("date: ")).collect()
}

/// The bytes that the client gets for these, until the connection ends. The client closes its side when the server has
/// nothing left to do.
async fn exchange(service: Scripted, hand_off: bool, request: &str) -> String {
    let (dial, server) = start(service, |server| server.hand_off(hand_off));
    let mut client = dial.connect(PIPE);
    client.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    // Paused time advances when no task can run.
    let _ = tokio::time::timeout(Duration::from_secs(1), client.read_to_end(&mut text)).await;
    server.abort();
    without_date(&String::from_utf8(text).unwrap())
}
