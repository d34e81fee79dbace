use std::{
    collections::VecDeque,
    fmt::{self, Write},
    future::{Future, pending, poll_fn},
    io, mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{Method, Request, Response};
use http_body::Body;
use tokio::time::{Instant, timeout};
use tower_service::Service;

pub use self::{
    answer::Answer, body::ScriptedBody, control::AnswerControl, request::RecordedRequest, socket::ListeningServer,
};
use self::{answer::Head, control::add_waker};

use super::{collect::Expect, http1::has_body};

mod answer;
mod body;
mod control;
mod request;
mod socket;

/// How long requests are waited for.
const LIMIT: Duration = Duration::from_secs(30);

/// A server for tests of clients: it gives answers that the test prepares (the script), and records its requests.
///
/// Each request gets the next [`Answer`]. Requests after the last one get `204 No Content`, which ends a client, or
/// [another answer](Self::otherwise).
///
/// It is a Tower service: [`Client::new`](crate::Client::new) takes it without a socket, and the test runs on paused time.
/// [`listen`](Self::listen) serves the same script on a socket, where an answer may also break the rules of HTTP. Clones
/// share the script and the records.
///
/// ```
/// use std::time::Duration;
/// use sse_typed::{Client, RawEvent, testing::{Answer, Collect, ScriptedServer}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let tick = |n: u64| RawEvent::new("tick", n.to_string()).with_id(n);
/// let server = ScriptedServer::new([
///     Answer::stream().event(&tick(1)).send("event: tick\nda").break_off(), // in the middle of the second
///     Answer::status(503).header("retry-after", "60"),
///     Answer::stream().event(&tick(2)).stall(),
/// ]);
/// let source = Client::new(server.clone()).get("/ticks").connect::<RawEvent>();
/// let mut ticks = Collect::source(source).within(Duration::from_secs(120));
/// ticks.expect(tick(1)).await;
/// ticks.expect(tick(2)).await;
///
/// assert_eq!(server.last_event_ids(), ["", "1", "1"]);
/// assert!(server.delays()[1] >= Duration::from_secs(60));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct ScriptedServer {
    state: Arc<Mutex<State>>,
}

struct State {
    script: Script,
    otherwise: Answer,
    requests: Vec<RecordedRequest>,
    /// The wakers of the tasks that wait for requests.
    wakers: Vec<Waker>,
}

/// Adds a request to the records, and unlocks them.
fn record(mut state: MutexGuard<'_, State>, request: RecordedRequest) {
    state.requests.push(request);
    let wakers = mem::take(&mut state.wakers);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

type MakeAnswer = Box<dyn FnMut(&RecordedRequest) -> Answer + Send>;

enum Script {
    Answers(VecDeque<Answer>),
    /// It has a lock of its own, so that it can ask the server for its requests.
    Function(Arc<Mutex<MakeAnswer>>),
}

impl ScriptedServer {
    /// A server that gives these answers, one for each request.
    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::of(Script::Answers(answers.into_iter().collect()))
    }

    /// A server whose answers are made by a function.
    ///
    /// ```
    /// use sse_typed::testing::{Answer, ScriptedServer};
    ///
    /// let server = ScriptedServer::answer_with(|request| match request.last_event_id() {
    ///     "" => Answer::stream().send("id: 1\ndata: first\n\n"),
    ///     _ => Answer::status(204),
    /// });
    /// # let _ = server;
    /// ```
    pub fn answer_with(answer: impl FnMut(&RecordedRequest) -> Answer + Send + 'static) -> Self {
        Self::of(Script::Function(Arc::new(Mutex::new(Box::new(answer)))))
    }

    fn of(script: Script) -> Self {
        let state = State { script, otherwise: Answer::status(204), requests: Vec::new(), wakers: Vec::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Sets the answer to all requests after the script. The default is `204 No Content`.
    #[must_use]
    pub fn otherwise(self, answer: Answer) -> Self {
        self.state().otherwise = answer;
        self
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.state().requests.clone()
    }

    /// Waits until there are as many requests, and returns all requests so far. It fails after 30 s.
    ///
    /// A client sends requests only while it is polled. One that a [`Collect`](crate::testing::Collect) reads is polled while an
    /// expectation is awaited, so await both together:
    ///
    /// ```
    /// use sse_typed::{Client, RawEvent, testing::{Answer, Collect, ScriptedServer}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// let (answer, control) = Answer::controlled();
    /// let server = ScriptedServer::new([Answer::close(), answer]);
    /// let mut ticks = Collect::source(Client::new(server.clone()).get("/").connect::<RawEvent>());
    /// let (requests, ()) = tokio::join!(server.wait_for_requests(2), ticks.expect_open());
    /// assert_eq!(requests[1].uri, "/");
    /// # drop(control);
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When awaited, if there are fewer requests after 30 s.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub fn wait_for_requests(&self, n: usize) -> Expect<'static, Vec<RecordedRequest>> {
        let server = self.clone();
        Expect::new(async move {
            let waiting = poll_fn(|cx| {
                let mut state = server.state();
                if state.requests.len() >= n {
                    return Poll::Ready(state.requests.clone());
                }
                add_waker(&mut state.wakers, cx);
                Poll::Pending
            });
            timeout(LIMIT, waiting).await.map_err(|_| {
                let mut text = format!("expected {n} requests within {LIMIT:?}\nreceived {}", server.requests().len());
                for request in server.requests() {
                    let _ = write!(text, "\n  {} {}", request.method, request.uri);
                }
                text
            })
        })
    }

    /// The last event ID of each request so far; empty where there was none.
    #[must_use]
    pub fn last_event_ids(&self) -> Vec<String> {
        self.state().requests.iter().map(|request| request.last_event_id().to_owned()).collect()
    }

    /// The times between each request and the next.
    #[must_use]
    pub fn delays(&self) -> Vec<Duration> {
        self.state().requests.windows(2).map(|pair| pair[1].at - pair[0].at).collect()
    }

    /// The number of answers that are left. It is 0 if a function makes them.
    #[must_use]
    pub fn remaining(&self) -> usize {
        match &self.state().script {
            Script::Answers(answers) => answers.len(),
            Script::Function(_) => 0,
        }
    }

    /// Records the request, and gives the answer to it.
    fn answer(&self, request: RecordedRequest) -> Answer {
        let mut state = self.state();
        let State { script, otherwise, .. } = &mut *state;
        let function = match script {
            Script::Answers(answers) => {
                let answer = answers.pop_front().unwrap_or_else(|| otherwise.clone());
                record(state, request);
                return answer;
            }
            Script::Function(function) => Arc::clone(function),
        };
        drop(state);
        // It is asked in the order of the records.
        let mut answer = function.lock().unwrap_or_else(PoisonError::into_inner);
        record(self.state(), request.clone());
        answer(&request)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A function that has panicked has failed its test; what was recorded is still right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Service<Request<B>> for ScriptedServer
where
    B: Body<Data: Buf> + Send + 'static,
{
    type Response = Response<ScriptedBody>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Response<ScriptedBody>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Reads the body of the request, and gives the next answer. It fails where the answer is a closed or reset connection.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        let at = Instant::now();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = read(body).await?;
            let (method, uri, headers) = (head.method, head.uri, head.headers);
            let is_head = method == Method::HEAD;
            let request = RecordedRequest { at, method, uri, headers, body };
            let Answer { head, steps } = server.answer(request);
            match head {
                Head::Response { status, headers } => {
                    let has_body = !is_head && has_body(status);
                    let mut response = Response::new(ScriptedBody::new(steps, has_body));
                    *response.status_mut() = status;
                    *response.headers_mut() = headers;
                    Ok(response)
                }
                Head::Never => pending().await,
                Head::Close => Err(closed()),
                Head::Reset => Err(reset()),
                Head::Raw(_) => Err(io::Error::other("raw bytes of a connection are an answer on a socket alone")),
            }
        })
    }
}

/// All data of a body.
async fn read<B: Body<Data: Buf>>(body: B) -> io::Result<Bytes> {
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    let mut poll = |cx: &mut Context<'_>| {
        while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
            let frame = frame.map_err(|_| io::Error::other("the body of the request failed"))?;
            if let Ok(data) = frame.into_data() {
                bytes.put(data);
            }
        }
        Poll::Ready(Ok(bytes.split().freeze()))
    };
    poll_fn(&mut poll).await
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the scripted server closed the connection")
}

fn reset() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "the scripted server reset the connection")
}

impl fmt::Debug for ScriptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not in one statement with the rest, which takes the lock again.
        let requests = self.state().requests.len();
        f.debug_struct("ScriptedServer")
            .field("requests", &requests)
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
