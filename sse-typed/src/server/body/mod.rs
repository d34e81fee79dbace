mod maybe_sse_body;
mod open_stream;
mod server_signals;
mod stream_timer;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use pin_project_lite::pin_project;

pub use self::maybe_sse_body::MaybeSseBody;
pub(super) use self::stream_timer::StreamTimer;
use self::{
    open_stream::{OpenStream, PolledEvents},
    server_signals::{ServerSignal, ServerSignals},
};
use super::{Events, hooks::Hooks, observer::EndReason, response_settings::SharedSettings};
use crate::panics::catch_panic;

pin_project! {
    /// The body of an event-stream response, made from an [`Sse`](super::Sse).
    ///
    /// It never fails: whatever ends the stream, the body first sends the events that were yielded before and then ends.
    /// Events that are ready together leave in one frame. The body must be polled on a Tokio runtime with its timer
    /// enabled, unless keep-alive is off and no lifetime or grace period is set.
    pub struct SseBody<St> {
        // Dropped before `state`, so that observers are called after the stream is dropped.
        #[pin]
        events: Option<St>,
        // Dropped together with the stream.
        hooks: Hooks,
        #[pin]
        timer: StreamTimer,
        server_signals: Option<Box<ServerSignals>>,
        state: BodyState,
    }
}

#[derive(Debug)]
enum BodyState {
    /// Not polled yet: layers may still add their settings.
    Unpolled(SharedSettings),
    Open(OpenStream),
    /// There is no stream to send.
    Empty,
}

impl<St> SseBody<St> {
    pub(super) const fn new(events: St, hooks: Hooks, settings: SharedSettings) -> Self {
        Self {
            events: Some(events),
            hooks,
            timer: StreamTimer::new(),
            server_signals: None,
            state: BodyState::Unpolled(settings),
        }
    }

    pub(super) const fn empty() -> Self {
        Self {
            events: None,
            hooks: Hooks::none(),
            timer: StreamTimer::new(),
            server_signals: None,
            state: BodyState::Empty,
        }
    }
}

impl<St> SseBody<St> {
    /// Opens the stream with the settings of the layers, at the first poll. It is not inlined, which keeps later polls short.
    #[cold]
    fn open(self: Pin<&mut Self>) {
        let mut this = self.project();
        let BodyState::Unpolled(settings) = this.state else { return };
        let mut settings = settings.take();
        if settings.is_head_only() {
            // A stream that was never opened is not observed, and a panic of its drop is not reported.
            catch_panic(|| this.events.set(None));
            *this.hooks = Hooks::none();
            *this.state = BodyState::Empty;
            return;
        }
        let shutdowns = std::mem::take(&mut settings.shutdowns);
        let stream_settings = &settings.stream_settings;
        *this.server_signals =
            ServerSignals::new(stream_settings.random_lifetime(), shutdowns, &stream_settings.reconnect_range());
        *this.state = BodyState::Open(OpenStream::new(settings));
    }
}

impl<St: Events> Body for SseBody<St> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut this = self.as_mut().project();
        if let BodyState::Unpolled(_) = this.state {
            self.as_mut().open();
            this = self.project();
        }
        let BodyState::Open(open) = this.state else { return Poll::Ready(None) };
        let events_before = open.events();

        if let Some(signals) = this.server_signals {
            poll_signals(signals, this.timer.as_mut(), this.events.as_mut(), this.hooks, open, cx);
        }

        if this.events.is_some()
            && let Poll::Ready((last, reason)) = this.hooks.poll_end(cx)
        {
            open.encode_last_event(last.as_ref());
            drop_events(this.events.as_mut(), this.hooks, open, reason);
        }

        let mut is_pending = false;
        if let Some(events) = this.events.as_mut().as_pin_mut() {
            match open.poll_events(events, this.hooks, cx) {
                PolledEvents::Pending => is_pending = true,
                PolledEvents::MayHaveMore => {}
                PolledEvents::Ended(reason) => drop_events(this.events.as_mut(), this.hooks, open, reason),
            }
        }

        if open.is_empty() && this.events.is_some() {
            // Nothing to send, though the stream may have yielded events that are never on the wire.
            if open.poll_silence(this.timer.as_mut(), cx).is_pending() {
                if !is_pending {
                    // Many events were read and none was sent: yield to other tasks, then continue.
                    cx.waker().wake_by_ref();
                }
                return Poll::Pending;
            }
            if open.encode_keep_alive() {
                drop_events(this.events.as_mut(), this.hooks, open, EndReason::Terminal);
            }
        }
        if open.is_empty() {
            return Poll::Ready(None);
        }
        open.restart_silence();
        let frame = open.take_frame();
        if open.events() == events_before {
            // A keep-alive or a reconnection time: the stream is idle.
            open.free_buffer();
        }
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            BodyState::Unpolled(settings) => settings.is_head_only(),
            BodyState::Open(open) => self.events.is_none() && open.is_empty(),
            BodyState::Empty => true,
        }
    }
}

/// Does what the server asks of the stream, which may end it. Most streams have no signals, so it is not inlined.
#[inline(never)]
fn poll_signals<St>(
    signals: &mut ServerSignals,
    mut timer: Pin<&mut StreamTimer>,
    mut events: Pin<&mut Option<St>>,
    hooks: &mut Hooks,
    open: &mut OpenStream,
    cx: &mut Context<'_>,
) {
    while events.is_some()
        && let Poll::Ready(signal) = signals.poll(timer.as_mut(), cx)
    {
        let reason = match signal {
            ServerSignal::GraceStarted(retry) => {
                open.encode_retry(retry);
                continue;
            }
            ServerSignal::Shutdown(farewell, retry) => {
                open.encode_farewell(farewell.as_ref(), retry);
                EndReason::Shutdown
            }
            ServerSignal::TimeOver(reason) => reason,
        };
        drop_events(events.as_mut(), hooks, open, reason);
    }
}

/// Drops and closes the stream. Its drop may panic, also after an earlier panic.
fn drop_events<St>(mut events: Pin<&mut Option<St>>, hooks: &mut Hooks, open: &mut OpenStream, reason: EndReason) {
    let events_dropped = catch_panic(|| events.set(None)).is_some();
    if matches!(reason, EndReason::Panicked) {
        open.encode_last_event(hooks.run_on_panic().as_ref());
    }
    let all_dropped = hooks.drop_all() && events_dropped;
    open.close(if all_dropped { reason } else { EndReason::Panicked });
}

/// An empty body, for middleware such as a timeout that answers in place of the stream.
impl<St> Default for SseBody<St> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<St> fmt::Debug for SseBody<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseBody").field("state", &self.state).finish_non_exhaustive()
    }
}
