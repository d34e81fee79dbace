//! One request and its answer: whether the response is an event stream.

use std::{
    future::{Future, poll_fn},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, response};
use http_body_util::BodyExt;
use tokio::{task::coop::consume_budget, time::Instant};

use super::{
    Error, HttpService, ResponseBody,
    connection::Connection,
    headers::{is_encoded, is_event_stream},
    timer::within,
    trace,
};

/// How much of a response that is no event stream is kept, in bytes, and how long it may take to come.
const PIECE: usize = 8 << 10;
const PIECE_TIME: Duration = Duration::from_secs(2);

/// What a response must be, and how soon.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// It may be without a content type.
    pub(super) lenient: bool,
    pub(super) response_timeout: ResponseTimeout,
}

/// How long the head of a response may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseTimeout {
    /// Of a GET, [`GET_TIMEOUT`]. Other requests do something, and nobody knows how long it takes.
    #[default]
    ByMethod,
    Set(Option<Duration>),
}

/// Long, because some servers hold the head back until there is an event.
const GET_TIMEOUT: Duration = Duration::from_secs(120);

impl ResponseTimeout {
    fn of(self, method: &Method) -> Option<Duration> {
        match self {
            Self::Set(time) => time,
            Self::ByMethod => (method == Method::GET).then_some(GET_TIMEOUT),
        }
    }
}

#[derive(Debug)]
pub(super) enum Answer {
    Stream(response::Parts, ResponseBody),
    /// 204: there is nothing to come.
    NoContent(response::Parts),
    /// No event stream.
    Other(response::Parts, ResponseBody),
}

/// Sends a request and looks at the head of the response. `method` limits how long the request may take to be made; the
/// method that it has then limits the rest. A connection that lets a response wait for too long is abandoned.
///
/// # Errors
///
/// When there is no response.
pub(super) async fn exchange<S: HttpService>(
    mut service: S,
    method: Method,
    request: impl Future<Output = Result<http::Request<Bytes>, Error>>,
    connection: Connection,
    terms: Terms,
) -> Result<Answer, Error> {
    let begun = Instant::now();
    let mut request = in_time(terms.response_timeout.of(&method), begun, request).await??;
    let limit = terms.response_timeout.of(request.method());
    request.extensions_mut().insert(connection.clone());
    let response = async {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    };
    let response = in_time(limit, begun, response).await.inspect_err(|_| connection.abandon())?;
    let response = response.map_err(|error| Error::service(error.into()))?;
    Ok(Answer::of(response.map(ResponseBody::new), terms))
}

/// The output of a future, if it comes within `limit` after `begun`.
async fn in_time<F: Future>(limit: Option<Duration>, begun: Instant, future: F) -> Result<F::Output, Error> {
    let Some(limit) = limit else { return Ok(future.await) };
    let left = limit.saturating_sub(begun.elapsed());
    within(left, future).await.ok_or_else(|| Error::no_head(limit))
}

impl Answer {
    /// What a response is, by its head.
    pub(super) fn of(response: http::Response<ResponseBody>, terms: Terms) -> Self {
        let (head, body) = response.into_parts();
        match head.status {
            StatusCode::NO_CONTENT => Self::NoContent(head),
            StatusCode::OK if is_event_stream(&head.headers, terms.lenient) && !is_encoded(&head.headers) => {
                trace::opened(&head);
                Self::Stream(head, body)
            }
            _ => Self::Other(head, body),
        }
    }
}

/// An answer that is no event stream, as an error with a piece of its body.
pub(super) async fn refusal(head: response::Parts, body: ResponseBody) -> Error {
    let piece = piece(body).await;
    if head.status != StatusCode::OK {
        Error::status_of(head, piece)
    } else if is_encoded(&head.headers) && is_event_stream(&head.headers, true) {
        Error::content_encoding_of(head, piece)
    } else {
        Error::content_type_of(head, piece)
    }
}

async fn piece(mut body: ResponseBody) -> Bytes {
    let mut piece = BytesMut::new();
    let read = async {
        // As many frames as bytes: a body that always has a frame with nothing in it ends too.
        for _ in 0..PIECE {
            let room = PIECE - piece.len();
            if room == 0 {
                break;
            }
            consume_budget().await;
            let Some(Ok(frame)) = body.frame().await else { break };
            if let Ok(data) = frame.into_data() {
                piece.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
    };
    // A body without end, or one that stalls, must not keep the error back.
    let _ = within(PIECE_TIME, read).await;
    piece.freeze()
}
