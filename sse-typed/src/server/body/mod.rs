mod either;
mod lifetime;
mod open;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

pub use self::either::MaybeSseBody;
use self::{
    lifetime::{Lifetime, Turn},
    open::Open,
};
use super::{Events, hooks::Hooks, keep_alive::Silence, observer::Ended, slot::Slot};
use crate::panics::caught;

/// How many events are taken from a stream in one poll at most, whatever they weigh.
const EVENTS_IN_A_POLL: usize = 1024;

pin_project! {
    /// The body of a response that is a stream of events: made from an [`Sse`](super::Sse).
    ///
    /// It never fails: what ends a stream ends the body, behind all that was yielded before. When events are ready
    /// together they leave in one frame. It is polled on a Tokio runtime with its timer, unless keep-alive is off.
    pub struct SseBody<St> {
        // Dropped first, so that what observers hear of comes after.
        #[pin]
        events: Option<St>,
        // Dropped with them.
        hooks: Hooks,
        #[pin]
        silence: Silence,
        lifetime: Option<Pin<Box<Lifetime>>>,
        stage: Stage,
    }
}

#[derive(Debug)]
enum Stage {
    /// Not polled yet. Layers may still be writing into the slot.
    Waiting(Slot),
    Open(Open),
    /// Nothing was to be sent from the start.
    Empty,
}

impl<St> SseBody<St> {
    pub(super) const fn new(events: St, hooks: Hooks, slot: Slot) -> Self {
        Self { events: Some(events), hooks, silence: Silence::new(), lifetime: None, stage: Stage::Waiting(slot) }
    }

    pub(super) const fn empty() -> Self {
        Self { events: None, hooks: Hooks::none(), silence: Silence::new(), lifetime: None, stage: Stage::Empty }
    }
}

impl<St: Events> Body for SseBody<St> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut this = self.project();
        if let Stage::Waiting(slot) = this.stage {
            let mut handover = slot.take();
            if handover.is_head_only() {
                // Nobody hears of a stream that was never opened, and its panic is nobody's.
                caught(|| this.events.set(None));
                *this.hooks = Hooks::none();
                *this.stage = Stage::Empty;
            } else {
                let shutdowns = std::mem::take(&mut handover.shutdowns);
                let policy = &handover.policy;
                *this.lifetime = Lifetime::begin(policy.lifetime(), shutdowns, policy.spread());
                let open = Open::begin(handover);
                open.restart_silence(this.silence.as_mut());
                *this.stage = Stage::Open(open);
            }
        }
        let Stage::Open(open) = this.stage else { return Poll::Ready(None) };

        while this.events.is_some()
            && let Some(lifetime) = this.lifetime
        {
            let Poll::Ready(turn) = lifetime.as_mut().poll(cx) else { break };
            let ended = match turn {
                Turn::Draining(come_back) => {
                    open.come_back(come_back);
                    continue;
                }
                Turn::Shutdown(farewell, come_back) => {
                    open.say_farewell(farewell.as_ref(), come_back);
                    Ended::Shutdown
                }
                Turn::Over(ended) => ended,
            };
            drop_events(this.events.as_mut(), this.hooks, open, ended);
        }

        if this.events.is_some()
            && let Poll::Ready((last, ended)) = this.hooks.poll_end(cx)
        {
            open.say_last(last.as_ref());
            drop_events(this.events.as_mut(), this.hooks, open, ended);
        }

        let (mut taken, mut idle) = (0, false);
        while let Some(events) = this.events.as_mut().as_pin_mut() {
            if open.is_full() || taken == EVENTS_IN_A_POLL {
                break;
            }
            taken += 1;
            match open.poll_event(events, this.hooks, cx) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(ended)) => drop_events(this.events.as_mut(), this.hooks, open, ended),
                Poll::Pending => {
                    idle = true;
                    break;
                }
            }
        }

        if open.is_empty() && this.events.is_some() {
            // Nothing is for the wire, however busy the stream may be.
            if this.silence.as_mut().poll(cx).is_pending() {
                if !idle {
                    // Of many events none was sent: let others have their turn, then go on.
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            if open.keep_alive() {
                drop_events(this.events.as_mut(), this.hooks, open, Ended::Terminal);
            }
        }
        if open.is_empty() {
            return Poll::Ready(None);
        }
        open.restart_silence(this.silence);
        Poll::Ready(Some(Ok(Frame::data(open.take()))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.stage {
            Stage::Waiting(slot) => slot.is_head_only(),
            Stage::Open(open) => self.events.is_none() && open.is_empty(),
            Stage::Empty => true,
        }
    }
}

/// Ends the stream. It may panic, or panic again, while it is dropped.
fn drop_events<St>(mut events: Pin<&mut Option<St>>, hooks: &mut Hooks, open: &mut Open, ended: Ended) {
    let events_dropped = caught(|| events.set(None)).is_some();
    if matches!(ended, Ended::Panicked) {
        open.say_last(hooks.event_of_panic().as_ref());
    }
    let dropped = hooks.clear() && events_dropped;
    open.end(if dropped { ended } else { Ended::Panicked });
}

/// An empty body: what middleware such as a timeout answers with in the place of the stream.
impl<St> Default for SseBody<St> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<St> fmt::Debug for SseBody<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseBody").field("stage", &self.stage).finish_non_exhaustive()
    }
}
