use std::{
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::{
    task::coop::{Unconstrained, unconstrained},
    time::{Sleep, sleep},
};

use super::{answer::Step, closed, control::Attached, reset};

/// The body of a response that the test receives without a socket, from an [`Answer`](super::Answer). A connection that
/// breaks is an [`io::Error`].
pub struct ScriptedBody {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Unconstrained<Sleep>>>>,
    /// Whether bytes are sent, and not left out.
    has_body: bool,
    _attached: Attached,
}

impl ScriptedBody {
    pub(super) fn new(steps: VecDeque<Step>, has_body: bool) -> Self {
        let attached = Attached::to(&steps);
        Self { steps, sleep: None, has_body, _attached: attached }
    }
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            let Some(step) = self.steps.pop_front() else { return Poll::Ready(None) };
            return Poll::Ready(Some(match step {
                // An empty frame is nothing on a socket.
                Step::Send(bytes) if bytes.is_empty() || !self.has_body => continue,
                Step::Send(bytes) => Ok(Frame::data(bytes)),
                Step::Controlled(steps) => {
                    let Poll::Ready(step) = steps.poll_next(cx) else {
                        self.steps.push_front(Step::Controlled(steps));
                        return Poll::Pending;
                    };
                    if let Some(step) = step {
                        self.steps.push_front(Step::Controlled(steps));
                        self.steps.push_front(step);
                    }
                    continue;
                }
                Step::Wait(time) => {
                    self.sleep = Some(Box::pin(unconstrained(sleep(time))));
                    continue;
                }
                Step::Stall => {
                    self.steps.push_front(step);
                    return Poll::Pending;
                }
                // Nothing follows.
                Step::BreakOff | Step::Reset => {
                    self.steps.clear();
                    Err(if matches!(step, Step::Reset) { reset() } else { closed() })
                }
            }));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.sleep.is_none()
    }
}

impl fmt::Debug for ScriptedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedBody").field("steps", &self.steps).finish_non_exhaustive()
    }
}
