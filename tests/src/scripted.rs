//! A server that answers by a script and remembers what it was asked, on a real socket or in the process.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{Ready, ready},
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready as poll_ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::{Instant, Sleep, sleep},
};

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    steps: VecDeque<Step>,
    /// Close the connection without an answer.
    hang_up: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Bytes),
    Pause(Duration),
    Break,
    Hold,
}

impl Reply {
    /// A status, and nothing else.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), steps: VecDeque::new(), hang_up: false }
    }

    /// An event stream with this body, which then ends.
    pub fn events(body: impl AsRef<[u8]>) -> Self {
        Self::status(200).header("content-type", "text/event-stream").then(body)
    }

    /// No answer: the connection is closed.
    #[must_use]
    pub fn hang_up() -> Self {
        Self { hang_up: true, ..Self::status(500) }
    }

    /// With a header; it takes the place of one of that name.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Without a content type.
    #[must_use]
    pub fn untyped(mut self) -> Self {
        self.headers.retain(|(name, _)| *name != "content-type");
        self
    }

    /// Sends more of the body, as a chunk of its own.
    #[must_use]
    pub fn then(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push_back(Step::Send(Bytes::copy_from_slice(bytes.as_ref())));
        self
    }

    /// Sends nothing for a while.
    #[must_use]
    pub fn pause(mut self, time: Duration) -> Self {
        self.steps.push_back(Step::Pause(time));
        self
    }

    /// The body breaks off here.
    #[must_use]
    pub fn break_off(mut self) -> Self {
        self.steps.push_back(Step::Break);
        self
    }

    /// Nothing more comes, and the body does not end.
    #[must_use]
    pub fn hold(mut self) -> Self {
        self.steps.push_back(Step::Hold);
        self
    }
}

/// A request as it was received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// When.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The headers, in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Recorded {
    /// All values of a header, as text.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(other, _)| other == name);
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The one value of a header.
    ///
    /// # Panics
    ///
    /// When there are several.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        assert!(values.len() <= 1, "{name}: {values:?}");
        values.pop()
    }
}

/// What is to be answered, and what was asked. Behind the script, every answer is `204 No Content`, which ends a client.
#[derive(Clone, Debug, Default)]
struct Script {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Recorded>>>,
}

impl Script {
    fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { replies: Arc::new(Mutex::new(replies.into_iter().collect())), requests: Arc::default() }
    }

    fn answer(&self, request: Recorded) -> Reply {
        self.requests.lock().unwrap().push(request);
        self.replies.lock().unwrap().pop_front().unwrap_or_else(|| Reply::status(204))
    }

    fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }
}

/// A scripted server on a real socket: HTTP/1.1, one request for each connection.
#[derive(Debug)]
pub struct ScriptedServer {
    address: SocketAddr,
    script: Script,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    /// Listens on a free port of 127.0.0.1, and gives each connection the next of the replies.
    ///
    /// # Panics
    ///
    /// When there is no port.
    pub async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Script::new(replies);
        let served = script.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let script = served.clone();
                // The client may hang up at any time.
                tokio::spawn(async move { serve(socket, &script).await.ok() });
            }
        });
        Self { address, script, task }
    }

    /// A URL on this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.script.requests()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, script: &Script) -> std::io::Result<()> {
    let request = read_request(&mut socket).await?;
    let reply = script.answer(request);
    if reply.hang_up {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", reply.status);
    let bodiless = reply.status == 204;
    if !bodiless {
        head.push_str("transfer-encoding: chunked\r\n");
    }
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes()).await?;
    for step in reply.steps {
        match step {
            Step::Send(bytes) if bytes.is_empty() => {}
            Step::Send(bytes) => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(&bytes);
                chunk.extend_from_slice(b"\r\n");
                socket.write_all(&chunk).await?;
            }
            Step::Pause(time) => sleep(time).await,
            Step::Break => return Ok(()),
            Step::Hold => {
                // Until the client closes.
                socket.read_u8().await?;
            }
        }
    }
    if !bodiless {
        socket.write_all(b"0\r\n\r\n").await?;
    }
    socket.shutdown().await
}

async fn read_request(socket: &mut TcpStream) -> std::io::Result<Recorded> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut lines = bytes[..head_end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let headers: Vec<_> = lines
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok()).unwrap_or(0);
    let mut body = bytes[head_end + 4..].to_vec();
    while body.len() < length {
        if socket.read_buf(&mut body).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Recorded { at: Instant::now(), method, path, headers, body })
}

/// A scripted server in the process, as a Tower service: for paused time.
#[derive(Clone, Debug)]
pub struct ScriptedService {
    script: Script,
}

impl ScriptedService {
    /// Gives each request the next of the replies.
    pub fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self { script: Script::new(replies) }
    }

    /// What was asked so far. Bodies are not recorded.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.script.requests()
    }

    /// The time between each request and the next.
    #[must_use]
    pub fn delays(&self) -> Vec<Duration> {
        self.requests().windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }
}

/// Why a scripted service gave no response.
#[derive(Debug)]
#[non_exhaustive]
pub struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}

impl From<Infallible> for HungUp {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl<B> tower_service::Service<http::Request<B>> for ScriptedService {
    type Response = http::Response<ScriptedBody>;
    type Error = HungUp;
    type Future = Ready<Result<Self::Response, HungUp>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HungUp>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let headers = request.headers().iter();
        let recorded = Recorded {
            at: Instant::now(),
            method: request.method().to_string(),
            path: request.uri().to_string(),
            headers: headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
            body: Vec::new(),
        };
        let reply = self.script.answer(recorded);
        if reply.hang_up {
            return ready(Err(HungUp));
        }
        let mut response = http::Response::builder().status(reply.status);
        for (name, value) in &reply.headers {
            response = response.header(*name, value);
        }
        ready(Ok(response.body(ScriptedBody { steps: reply.steps, sleep: None }).unwrap()))
    }
}

/// The body of a scripted reply.
#[derive(Debug)]
pub struct ScriptedBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for ScriptedBody {
    type Data = Bytes;
    type Error = HungUp;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HungUp>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                poll_ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            return Poll::Ready(match self.steps.pop_front() {
                None => None,
                Some(Step::Send(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Step::Break) => Some(Err(HungUp)),
                Some(Step::Pause(time)) => {
                    self.sleep = Some(Box::pin(sleep(time)));
                    continue;
                }
                Some(Step::Hold) => {
                    self.steps.push_front(Step::Hold);
                    return Poll::Pending;
                }
            });
        }
    }
}
