use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::time::timeout;

use super::{
    LIMIT,
    answer::{Step, encode},
};
use crate::{codec::EventItem, testing::collect::Expect};

/// Sends the body of an answer when the test says so: the handle of [`Answer::controlled`](super::Answer::controlled).
///
/// Steps can be taken before the request arrives; the response begins with them. They are not repeated: if
/// several requests get clones of the answer, each step goes to the one that is first.
///
/// Dropping it [ends](Self::end) the steps.
#[must_use = "a control that is dropped ends its answer"]
pub struct AnswerControl {
    shared: Arc<Shared>,
}

/// The steps of an answer as they are taken.
#[derive(Clone, Debug)]
pub(super) struct Steps(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    steps: VecDeque<Step>,
    is_over: bool,
    is_closed: bool,
    /// Of bodies and connections, and of those that wait for their end.
    wakers: Vec<Waker>,
}

impl AnswerControl {
    pub(super) fn new() -> (Self, Steps) {
        let shared = Arc::<Shared>::default();
        (Self { shared: Arc::clone(&shared) }, Steps(shared))
    }

    /// Sends an event, or an [`Event`](crate::Event) with its id, as one piece.
    ///
    /// # Panics
    ///
    /// When the event cannot be sent.
    #[track_caller]
    pub fn event<I: EventItem>(&self, event: &I) {
        let bytes = encode(event);
        self.shared.change(|state| state.steps.push_back(Step::Send(bytes)));
    }

    /// Sends these bytes as one piece: a frame of a body in the process, a chunk on a socket.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        let bytes = Bytes::copy_from_slice(bytes.as_ref());
        self.shared.change(|state| state.steps.push_back(Step::Send(bytes)));
    }

    /// Closes the connection before the end of the body. In the process the body fails with
    /// [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof).
    pub fn break_off(self) {
        self.shared.change(|state| state.steps.push_back(Step::BreakOff));
    }

    /// Resets the connection (RST). In the process the body fails with [`ConnectionReset`](std::io::ErrorKind::ConnectionReset).
    ///
    /// On a socket, data that was sent right before may be lost with the connection.
    pub fn reset(self) {
        self.shared.change(|state| state.steps.push_back(Step::Reset));
    }

    /// Ends the steps of the test: the answer's own steps follow, or the body ends cleanly.
    pub fn end(self) {
        drop(self);
    }
}

impl AnswerControl {
    /// Waits until the response is over: the client has disconnected, or everything is sent. In the process a client disconnects
    /// when it drops the body. It fails after 30 s.
    ///
    /// ```
    /// use sse_typed::{Client, RawEvent, testing::{Answer, Collect, ScriptedServer}};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// let (answer, control) = Answer::controlled();
    /// let mut ticks = Collect::<RawEvent>::source(Client::new(ScriptedServer::new([answer])).get("/").connect());
    /// ticks.expect_open().await;
    /// drop(ticks);
    /// control.closed().await;
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// When awaited, if the response is not over after 30 s.
    ///
    /// # Cancel safety
    ///
    /// Dropping it changes nothing.
    pub fn closed(&self) -> Expect<'_, ()> {
        Expect::new(async move {
            let waiting = poll_fn(|cx| {
                let mut state = self.shared.state();
                if state.is_closed {
                    return Poll::Ready(());
                }
                add_waker(&mut state.wakers, cx);
                Poll::Pending
            });
            let closed = timeout(LIMIT, waiting).await;
            closed.map_err(|_| format!("expected that the client disconnects\nit has not within {LIMIT:?}"))
        })
    }
}

impl Drop for AnswerControl {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_over = true);
    }
}

impl Steps {
    /// The next step, or `None` after the last one.
    pub(super) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Step>> {
        let mut state = self.0.state();
        if let Some(step) = state.steps.pop_front() {
            return Poll::Ready(Some(step));
        }
        if state.is_over {
            return Poll::Ready(None);
        }
        add_waker(&mut state.wakers, cx);
        Poll::Pending
    }
}

/// A response with steps that are taken. Dropping it closes them.
#[derive(Debug)]
pub(super) struct Attached(Vec<Steps>);

impl Attached {
    pub(super) fn to(steps: &VecDeque<Step>) -> Self {
        let controlled = steps.iter().filter_map(|step| match step {
            Step::Controlled(steps) => Some(steps.clone()),
            _ => None,
        });
        Self(controlled.collect())
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        for Steps(shared) in &self.0 {
            shared.change(|state| state.is_closed = true);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let wakers = mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

pub(super) fn add_waker(wakers: &mut Vec<Waker>, cx: &Context<'_>) {
    if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
        wakers.push(cx.waker().clone());
    }
}

impl fmt::Debug for AnswerControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerControl").field("unsent", &self.shared.state().steps.len()).finish_non_exhaustive()
    }
}
