use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use http_body::{Body, Frame};

use super::request_body::IsRead;

/// Where an HTTP/1 connection of hyper leaves the body of an event stream, so that its task can take the connection over.
///
/// The connection may leave hyper once everything that hyper has buffered is in the kernel. hyper calls the flush of its
/// socket only while its own buffer is empty. So a flush that is ready after the body was pending, without a frame in
/// between, proves it.
pub(super) struct HandOff<B> {
    state: Mutex<State<B>>,
}

struct State<B> {
    /// The body, while hyper is not polling it.
    body: Option<Pin<Box<B>>>,
    progress: Progress,
    terms: Option<Terms>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// hyper may hold bytes of the head or of a frame.
    Dirty,
    /// The body was pending since then.
    Quiet,
    /// Everything before was written.
    Flushed,
}

/// How the stream continues without hyper.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) framing: Framing,
    /// Whether the connection may take another request after the stream.
    pub(super) is_persistent: bool,
    pub(super) request: IsRead,
}

/// How the body is framed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Chunked,
    /// As it is, and its end is that of the connection: HTTP/1.0.
    CloseDelimited,
}

impl<B> HandOff<B> {
    pub(super) const fn new() -> Self {
        Self { state: Mutex::new(State { body: None, progress: Progress::Dirty, terms: None }) }
    }

    /// Keeps the body of a response. hyper gets the returned one.
    pub(super) fn offer(self: Arc<Self>, body: B, terms: Terms) -> OfferedBody<B> {
        let body = Box::pin(body);
        let replaced = {
            let mut state = self.lock();
            state.progress = Progress::Dirty;
            state.terms = Some(terms);
            state.body.replace(body)
        };
        drop(replaced);
        OfferedBody { hand_off: self }
    }

    /// A flush of the socket was ready.
    pub(super) fn flushed(&self) {
        let mut state = self.lock();
        if state.progress == Progress::Quiet {
            state.progress = Progress::Flushed;
        }
    }

    /// Takes the body if its connection may leave hyper now.
    pub(super) fn take(&self) -> Option<(Pin<Box<B>>, Terms)> {
        let mut state = self.lock();
        if state.progress != Progress::Flushed || !state.terms.as_ref()?.request.get() {
            return None;
        }
        let body = state.body.take()?;
        let terms = state.terms.take()?;
        Some((body, terms))
    }

    fn take_body(&self) -> Option<Pin<Box<B>>> {
        self.lock().body.take()
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        // No code of others runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> fmt::Debug for HandOff<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("HandOff")
            .field("has_body", &state.body.is_some())
            .field("progress", &state.progress)
            .field("terms", &state.terms)
            .finish()
    }
}

/// The body that hyper polls. It passes the frames of the kept body on, and is dropped with it.
#[derive(Debug)]
pub(super) struct OfferedBody<B> {
    hand_off: Arc<HandOff<B>>,
}

/// `None` at the end of the body.
type NextFrame<B> = Option<Result<Frame<<B as Body>::Data>, <B as Body>::Error>>;

impl<B: Body> OfferedBody<B> {
    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<NextFrame<B>> {
        let Some(mut body) = self.hand_off.take_body() else { return Poll::Ready(None) };
        let frame = body.as_mut().poll_frame(cx);
        let mut state = self.hand_off.lock();
        match frame {
            Poll::Pending if state.progress == Progress::Dirty => state.progress = Progress::Quiet,
            // Nothing was given to hyper since the last poll.
            Poll::Pending => {}
            Poll::Ready(_) => state.progress = Progress::Dirty,
        }
        // After its end or an error it is polled no more.
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            drop(state);
            drop(body);
        } else {
            state.body = Some(body);
        }
        frame
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let Some(body) = self.hand_off.take_body() else { return true };
        let is_end = body.is_end_stream();
        self.hand_off.lock().body = Some(body);
        is_end
    }
}

impl<B> Drop for OfferedBody<B> {
    fn drop(&mut self) {
        let body = self.hand_off.take_body();
        drop(body);
    }
}
