use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// The body of a request to a [`Server`](super::Server).
///
/// It is hyper's [`Incoming`], and notes whether it was read to its end. Until then the bytes after the request are part of
/// the body, so the connection stays with hyper.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    /// `None` if there is nothing to read, as for a GET request, or if the response cannot be handed off.
    is_read: Option<Arc<AtomicBool>>,
}

/// Whether a request body was read to its end.
#[derive(Debug)]
pub(super) struct IsRead(Option<Arc<AtomicBool>>);

impl IsRead {
    #[cfg(test)]
    pub(super) const fn nothing_to_read() -> Self {
        Self(None)
    }

    pub(super) fn get(&self) -> bool {
        self.0.as_ref().is_none_or(|is_read| is_read.load(Ordering::Acquire))
    }
}

impl RequestBody {
    pub(super) const fn new(incoming: Incoming) -> Self {
        Self { incoming, is_read: None }
    }

    pub(super) fn tracked(incoming: Incoming) -> (Self, IsRead) {
        let is_read = (!incoming.is_end_stream()).then(Arc::<AtomicBool>::default);
        (Self { incoming, is_read: is_read.clone() }, IsRead(is_read))
    }

    /// Returns hyper's body. Its connection stays with hyper while this stream is open.
    pub fn into_inner(self) -> Incoming {
        self.incoming
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(cx);
        let has_ended = match &frame {
            Poll::Ready(None) => true,
            // Of a body with a length, this may be the last poll.
            Poll::Ready(Some(Ok(_))) => self.incoming.is_end_stream(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        if has_ended && let Some(is_read) = &self.is_read {
            is_read.store(true, Ordering::Release);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
