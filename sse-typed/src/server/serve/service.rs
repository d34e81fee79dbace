use std::{
    error::Error,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use http::{
    HeaderMap, Method, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRAILER, TRANSFER_ENCODING},
};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::service::{TowerToHyperService, TowerToHyperServiceFuture};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    hand_off::{Framing, HandOff, OfferedBody, Terms},
    request_body::{IsRead, RequestBody},
};
use crate::server::PeerAddr;

/// A service that a server can serve: an alias for its bounds.
pub(super) trait Application:
    Service<
        Request<RequestBody>,
        Response = Response<Self::Body>,
        Error: Into<Box<dyn Error + Send + Sync>>,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
{
    type Body: Body<Data: Buf + Send + 'static, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Application for S
where
    S: Service<
            Request<RequestBody>,
            Response = Response<B>,
            Error: Into<Box<dyn Error + Send + Sync>>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static,
    B: Body<Data: Buf + Send + 'static, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}

/// The address of a peer: an alias for its bounds.
pub(super) trait Address: Clone + Send + Sync + 'static {}

impl<A: Clone + Send + Sync + 'static> Address for A {}

/// The service of one connection: adds the address of the peer to requests, and offers event streams for the hand-off.
pub(super) struct ConnectionService<S, A, B> {
    service: TowerToHyperService<S>,
    peer: A,
    /// `None` if the connection stays with hyper.
    hand_off: Option<Arc<HandOff<B>>>,
}

impl<S: Application, A: Address> ConnectionService<S, A, S::Body> {
    pub(super) const fn new(service: TowerToHyperService<S>, peer: A, hand_off: Option<Arc<HandOff<S::Body>>>) -> Self {
        Self { service, peer, hand_off }
    }

    pub(super) fn into_peer(self) -> A {
        self.peer
    }
}

impl<S: Application, A: Address> hyper::service::Service<Request<Incoming>> for ConnectionService<S, A, S::Body> {
    type Response = Response<ResponseBody<S::Body>>;
    type Error = S::Error;
    type Future = ResponseFuture<TowerToHyperServiceFuture<S, Request<RequestBody>>, S::Body>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (mut head, incoming) = request.into_parts();
        head.extensions.insert(PeerAddr(self.peer.clone()));
        #[cfg(feature = "axum")]
        {
            use axum::extract::ConnectInfo;

            head.extensions.insert(ConnectInfo(self.peer.clone()));
            head.extensions.insert(ConnectInfo(PeerAddr(self.peer.clone())));
        }
        let terms = self.hand_off.as_ref().zip(RequestTerms::of(&head));
        let (body, offer) = match terms {
            Some((hand_off, terms)) => {
                let (body, is_read) = RequestBody::tracked(incoming);
                (body, Some(Offer { hand_off: Arc::clone(hand_off), terms, request: is_read }))
            }
            None => (RequestBody::new(incoming), None),
        };
        ResponseFuture { future: self.service.call(Request::from_parts(head, body)), offer }
    }
}

impl<S, A, B> fmt::Debug for ConnectionService<S, A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionService").field("hand_off", &self.hand_off).finish_non_exhaustive()
    }
}

/// What a request allows for the response to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RequestTerms {
    framing: Framing,
    is_persistent: bool,
}

impl RequestTerms {
    /// `None` if the response to this request stays with hyper.
    fn of(head: &http::request::Parts) -> Option<Self> {
        if matches!(head.method, Method::HEAD | Method::CONNECT) {
            return None;
        }
        // A request with `content-length`, too, may hide another one, so hyper takes none after it. But hyper removes that
        // header, and does not say that it was there.
        if head.headers.contains_key(TRANSFER_ENCODING) {
            return None;
        }
        match head.version {
            Version::HTTP_11 => {
                Some(Self { framing: Framing::Chunked, is_persistent: !has_connection_close(&head.headers) })
            }
            Version::HTTP_10 => Some(Self { framing: Framing::CloseDelimited, is_persistent: false }),
            _ => None,
        }
    }
}

/// As in hyper, a value that is not ASCII has no options.
fn has_connection_close(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|option| option.trim().eq_ignore_ascii_case("close"))
}

/// Whether hyper frames the response as an event stream of unknown length.
fn is_endless_stream<B: Body>(response: &Response<B>) -> bool {
    let headers = response.headers();
    response.status() == StatusCode::OK
        && response.version() == Version::HTTP_11
        && headers.get(CONTENT_TYPE).is_some_and(|value| is_event_stream(value.as_bytes()))
        && ![CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER].iter().any(|name| headers.contains_key(name))
        && !response.body().is_end_stream()
        && response.body().size_hint().exact().is_none()
}

fn is_event_stream(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// What the response to a request needs to be offered.
#[derive(Debug)]
struct Offer<B> {
    hand_off: Arc<HandOff<B>>,
    terms: RequestTerms,
    request: IsRead,
}

pin_project! {
    /// The future of a response, which offers the body of an event stream for the hand-off.
    pub(super) struct ResponseFuture<F, B> {
        #[pin]
        future: F,
        offer: Option<Offer<B>>,
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(cx))?;
        let offer = this.offer.take().filter(|_| is_endless_stream(&response));
        Poll::Ready(Ok(match offer {
            Some(Offer { hand_off, terms, request }) => {
                let terms = Terms {
                    framing: terms.framing,
                    is_persistent: terms.is_persistent && !has_connection_close(response.headers()),
                    request,
                };
                response.map(|body| ResponseBody::Offered { body: hand_off.offer(body, terms) })
            }
            None => response.map(|body| ResponseBody::Plain { body }),
        }))
    }
}

impl<F, B> fmt::Debug for ResponseFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// The body that hyper sends.
    #[project = ResponseBodyProj]
    pub(super) enum ResponseBody<B> {
        Plain { #[pin] body: B },
        Offered { body: OfferedBody<B> },
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project() {
            ResponseBodyProj::Plain { body } => body.poll_frame(cx),
            ResponseBodyProj::Offered { body } => body.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain { body } => body.is_end_stream(),
            Self::Offered { body } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain { body } => body.size_hint(),
            Self::Offered { .. } => SizeHint::default(),
        }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
