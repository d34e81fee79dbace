use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE};

use super::control::{AnswerControl, Steps};
use crate::codec::{Encoded, EventItem};

/// The answer of a [`ScriptedServer`](super::ScriptedServer) to one request: a head, and the steps of the body. After the last
/// step the body ends cleanly.
///
/// On a socket each answer has a connection of its own, which is closed after it. The bytes of an answer are not sent where HTTP
/// has no body: with status 204 or 304, and to a HEAD request.
///
/// ```
/// use std::time::Duration;
/// use sse_typed::{RawEvent, testing::Answer};
///
/// let answers = [
///     Answer::stream().event(&RawEvent::new("tick", "1")).wait(Duration::from_secs(5)).send("data: 2\n\n"),
///     Answer::stream().send("data: 1\n\ndata: 2\n\n").break_at(12),
///     Answer::status(503).header("retry-after", "5"),
///     Answer::redirect(307, "/elsewhere"),
///     Answer::never(),
/// ];
/// # let _ = answers;
/// ```
#[derive(Clone, Debug)]
#[must_use = "an answer is given by a server"]
pub struct Answer {
    pub(super) head: Head,
    pub(super) steps: VecDeque<Step>,
}

#[derive(Clone, Debug)]
pub(super) enum Head {
    Response { status: StatusCode, headers: HeaderMap },
    Raw(Bytes),
    Never,
    Close,
    Reset,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Bytes),
    /// The steps that the test takes.
    Controlled(Steps),
    Wait(Duration),
    Stall,
    BreakOff,
    Reset,
}

impl Answer {
    const fn of(head: Head) -> Self {
        Self { head, steps: VecDeque::new() }
    }

    /// A `200 OK` with content type `text/event-stream`. Its body is empty until steps are added.
    pub fn stream() -> Self {
        Self::status(200).header("content-type", "text/event-stream")
    }

    /// A `200 OK` with content type `text/event-stream`, whose body the test sends through the handle. Steps that are added to the
    /// answer follow when the handle [ends](AnswerControl::end) or is dropped.
    ///
    /// ```
    /// use sse_typed::{Client, RawEvent, testing::{Answer, Collect, ScriptedServer}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// let (answer, control) = Answer::controlled();
    /// let server = ScriptedServer::new([answer]);
    /// let mut ticks = Collect::source(Client::new(server).get("/ticks").connect());
    /// control.event(&RawEvent::new("tick", "1"));
    /// ticks.expect(RawEvent::new("tick", "1")).await;
    /// control.break_off();
    /// ticks.expect_reconnect().await;
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn controlled() -> (Self, AnswerControl) {
        let (control, steps) = AnswerControl::new();
        (Self::stream().step(Step::Controlled(steps)), control)
    }

    /// A response with this status and no headers. Its body is empty until steps are added.
    ///
    /// # Panics
    ///
    /// When the status is below 100 or above 999.
    #[track_caller]
    pub fn status(status: u16) -> Self {
        let Ok(status) = StatusCode::from_u16(status) else { panic!("{status} is no status") };
        Self::of(Head::Response { status, headers: HeaderMap::new() })
    }

    /// A redirect: this status, and the header `location`.
    ///
    /// # Panics
    ///
    /// When the status is below 100 or above 999, or the location is not valid in a header.
    #[track_caller]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("location", location)
    }

    /// No answer at all: the connection stays open, and nothing is sent.
    pub const fn never() -> Self {
        Self::of(Head::Never)
    }

    /// Closes the connection instead of answering. In the process the service fails with
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof).
    pub const fn close() -> Self {
        Self::of(Head::Close)
    }

    /// Resets the connection (RST) instead of answering. In the process the service fails with
    /// [`ConnectionReset`](std::io::ErrorKind::ConnectionReset).
    pub const fn refuse() -> Self {
        Self::of(Head::Reset)
    }

    /// Sends these bytes instead of a head, and then the steps of the body without the framing of chunks, for answers that break
    /// the rules of HTTP/1.1. This needs a socket: in the process the service fails.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self::of(Head::Raw(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// Sets a header, and replaces those of the same name.
    ///
    /// # Panics
    ///
    /// When the name or the value is not valid, or the answer has no head.
    #[track_caller]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = header(name, value.as_ref());
        self.headers().insert(name, value);
        self
    }

    /// Adds a header, and keeps those of the same name.
    ///
    /// # Panics
    ///
    /// When the name or the value is not valid, or the answer has no head.
    #[track_caller]
    pub fn append_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let (name, value) = header(name, value.as_ref());
        self.headers().append(name, value);
        self
    }

    /// Removes the content type.
    ///
    /// # Panics
    ///
    /// When the answer has no head.
    #[track_caller]
    pub fn without_content_type(mut self) -> Self {
        self.headers().remove(CONTENT_TYPE);
        self
    }

    #[track_caller]
    fn headers(&mut self) -> &mut HeaderMap {
        match &mut self.head {
            Head::Response { headers, .. } => headers,
            _ => panic!("an answer without a head has no headers"),
        }
    }

    /// Sends an event, or an [`Event`](crate::Event) with its id, as one piece.
    ///
    /// # Panics
    ///
    /// When the event cannot be sent.
    #[track_caller]
    pub fn event<I: EventItem>(self, event: &I) -> Self {
        self.send(encode(event))
    }

    /// Sends events, each as one piece.
    ///
    /// # Panics
    ///
    /// When an event cannot be sent.
    #[track_caller]
    pub fn events<I: EventItem>(mut self, events: impl IntoIterator<Item = I>) -> Self {
        for event in events {
            self = self.event(&event);
        }
        self
    }

    /// Sends these bytes as one piece: a frame of a body in the process, a chunk on a socket.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Send(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// Sends these bytes in pieces of `size` bytes, with this time before each but the first.
    ///
    /// # Panics
    ///
    /// When the size is 0.
    #[track_caller]
    pub fn trickle(mut self, bytes: impl AsRef<[u8]>, size: usize, every: Duration) -> Self {
        assert!(size > 0, "a piece has a byte at least");
        for (number, piece) in bytes.as_ref().chunks(size).enumerate() {
            if number > 0 && !every.is_zero() {
                self = self.wait(every);
            }
            self = self.send(piece);
        }
        self
    }

    /// Sends nothing for this time.
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Sends nothing more, and keeps the connection open.
    pub fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Closes the connection before the end of the body. In the process the body fails with
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof).
    pub fn break_off(self) -> Self {
        self.step(Step::BreakOff)
    }

    /// Resets the connection (RST). In the process the body fails with [`ConnectionReset`](std::io::ErrorKind::ConnectionReset).
    ///
    /// On a socket, data that was sent right before may be lost with the connection.
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Sends the first `n` bytes of the body as it is so far, and then [breaks off](Self::break_off). A body that is shorter
    /// breaks off at its end. Bytes that the test sends through a handle are not counted.
    pub fn break_at(self, n: usize) -> Self {
        self.cut(n).break_off()
    }

    /// Sends the first `n` bytes of the body as it is so far, and then [resets](Self::reset) the connection.
    pub fn reset_at(self, n: usize) -> Self {
        self.cut(n).reset()
    }

    fn cut(mut self, n: usize) -> Self {
        let mut left = n;
        let mut steps = VecDeque::new();
        for step in self.steps {
            match step {
                Step::Send(_) if left == 0 => break,
                Step::Send(bytes) if bytes.len() >= left => {
                    steps.push_back(Step::Send(bytes.slice(..left)));
                    break;
                }
                Step::Send(bytes) => {
                    left -= bytes.len();
                    steps.push_back(Step::Send(bytes));
                }
                Step::Wait(_) | Step::Controlled(_) => steps.push_back(step),
                // Nothing behind it is sent.
                Step::Stall | Step::BreakOff | Step::Reset => break,
            }
        }
        self.steps = steps;
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

#[track_caller]
pub(super) fn encode<I: EventItem>(event: &I) -> Bytes {
    match Encoded::new(event) {
        Ok(encoded) => Bytes::copy_from_slice(encoded.as_bytes()),
        Err(error) => panic!("the event cannot be sent: {error}"),
    }
}

#[track_caller]
fn header(name: &str, value: &[u8]) -> (HeaderName, HeaderValue) {
    match (name.parse(), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => (name, value),
        _ => panic!("`{name}: {}` is no header", value.escape_ascii()),
    }
}
