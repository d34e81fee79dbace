use bytes::Bytes;
use http::Response;
use http_body::Body;

use super::{Events, MaybeSseBody, Sse, SseBody};

/// A response that [`SseLayer`](super::SseLayer) can send.
///
/// A service under the layer answers with one of:
///
/// - [`Sse<St>`](Sse): always a stream;
/// - `http::Response<Sse<St>>`: a stream with additional headers;
/// - `Result<Sse<St>, http::Response<B>>`: a stream, or another response such as a 401;
/// - `http::Response<B>` with any body, such as axum's: a stream if it was made from an [`Sse`], otherwise left unchanged.
#[diagnostic::on_unimplemented(
    message = "`SseLayer` does not know how to send `{Self}`",
    label = "not a response that `SseLayer` can send",
    note = "the service may answer with `Sse<St>`, `http::Response<Sse<St>>`, `Result<Sse<St>, http::Response<B>>` or `http::Response<B>`"
)]
pub trait SseResponse {
    /// The body of the HTTP response.
    type Body;

    /// Converts it into an HTTP response. `head_only` is whether the request is a HEAD.
    #[doc(hidden)]
    fn respond(self, head_only: bool) -> Response<Self::Body>;
}

impl<St: Events> SseResponse for Sse<St> {
    type Body = SseBody<St>;

    fn respond(self, head_only: bool) -> Response<Self::Body> {
        Response::new(self).respond(head_only)
    }
}

impl<St: Events> SseResponse for Response<Sse<St>> {
    type Body = SseBody<St>;

    fn respond(self, head_only: bool) -> Response<Self::Body> {
        let (head, sse) = self.into_parts();
        sse.respond(head, head_only)
    }
}

impl<St, B> SseResponse for Result<Sse<St>, Response<B>>
where
    St: Events,
    B: Body<Data = Bytes>,
{
    type Body = MaybeSseBody<St, B>;

    fn respond(self, head_only: bool) -> Response<Self::Body> {
        match self {
            Ok(sse) => SseResponse::respond(sse, head_only).map(MaybeSseBody::events),
            Err(response) => response.map(MaybeSseBody::other),
        }
    }
}

impl<B: Body> SseResponse for Response<B> {
    type Body = B;

    fn respond(self, _head_only: bool) -> Self {
        self
    }
}
