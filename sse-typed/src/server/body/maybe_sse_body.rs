use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::SseBody;
use crate::server::Events;

pin_project! {
    /// The body of a service that answers either with a stream of events or with another response: see
    /// [`SseResponse`](crate::server::SseResponse).
    pub struct MaybeSseBody<St, B> {
        #[pin]
        kind: Kind<St, B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<St, B> {
        Events { #[pin] body: SseBody<St> },
        Other { #[pin] body: B },
    }
}

impl<St, B> MaybeSseBody<St, B> {
    pub(in crate::server) const fn events(body: SseBody<St>) -> Self {
        Self { kind: Kind::Events { body } }
    }

    pub(in crate::server) const fn other(body: B) -> Self {
        Self { kind: Kind::Other { body } }
    }
}

impl<St, B> Body for MaybeSseBody<St, B>
where
    St: Events,
    B: Body<Data = Bytes>,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Events { body } => {
                body.poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(|never: Infallible| match never {})))
            }
            KindProj::Other { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Events { body } => body.is_end_stream(),
            Kind::Other { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Events { body } => body.size_hint(),
            Kind::Other { body } => body.size_hint(),
        }
    }
}

/// An empty body, for middleware such as a timeout that answers in place of the service.
impl<St, B> Default for MaybeSseBody<St, B> {
    fn default() -> Self {
        Self::events(SseBody::default())
    }
}

impl<St, B> fmt::Debug for MaybeSseBody<St, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaybeSseBody").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::Full;

    use super::*;
    use crate::{RawEvent, Sse};

    #[test]
    fn the_body_has_the_end_and_the_size_of_the_body_inside() {
        type Either = MaybeSseBody<stream::Pending<RawEvent>, Full<Bytes>>;
        let other = Either::other(Full::from("four"));
        assert!(!other.is_end_stream());
        assert_eq!(other.size_hint().exact(), Some(4));
        assert!(Either::other(Full::default()).is_end_stream());

        let events = MaybeSseBody::<_, Full<Bytes>>::events(
            http::Response::from(Sse::new(stream::iter([RawEvent::new("tick", "a")]))).into_body(),
        );
        assert!(!events.is_end_stream());
        assert_eq!(events.size_hint().exact(), None);
        assert!(Either::default().is_end_stream());
    }
}
