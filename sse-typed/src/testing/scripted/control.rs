use std::{
    collections::VecDeque,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;

use super::answer::{Step, encode};
use crate::codec::EventItem;

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

impl Drop for AnswerControl {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_over = true);
    }
}

impl Steps {
    /// The next step, or `None` after the last one.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Step>> {
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
