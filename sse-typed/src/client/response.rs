//! Sends one request and checks whether the response is an event stream.

use std::{
    future::{Future, poll_fn},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, response};
use http_body_util::BodyExt;
use tokio::{task::coop::consume_budget, time::Instant};

use super::{
    Error, HttpService, ResponseBody,
    connection::Connection,
    headers::{is_encoded, is_event_stream},
    timer::within,
    trace,
};

/// How much of the body of a response that is not an event stream is kept, in bytes, and how long reading it may
/// take.
const ERROR_BODY_LIMIT: usize = 8 << 10;
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Which responses are accepted as event streams, and how long they may take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ResponseOptions {
    /// Accepts a response without a content type.
    pub(super) accepts_missing_content_type: bool,
    pub(super) response_timeout: ResponseTimeout,
}

/// The limit of time for the head of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseTimeout {
    /// The default: [`GET_TIMEOUT`] for GET, and no limit for other methods, which may do work of unknown duration.
    #[default]
    ByMethod,
    Set(Option<Duration>),
}

/// The default is long because some servers send the head only with the first event.
const GET_TIMEOUT: Duration = Duration::from_secs(120);

impl ResponseTimeout {
    fn of(self, method: &Method) -> Option<Duration> {
        match self {
            Self::Set(time) => time,
            Self::ByMethod => (method == Method::GET).then_some(GET_TIMEOUT),
        }
    }
}

/// A response, by what its head says.
#[derive(Debug)]
pub(super) enum CheckedResponse {
    EventStream(response::Parts, ResponseBody),
    /// A 204: the server has nothing more to send.
    NoContent(response::Parts),
    /// Not an event stream.
    Other(response::Parts, ResponseBody),
}

/// Sends a request and checks the head of the response. The timeout of `method` limits how long `request` may take;
/// the method of the resulting request sets the limit for the rest. On a timeout the connection is abandoned.
///
/// # Errors
///
/// When there is no response.
pub(super) async fn send_request<S: HttpService>(
    mut service: S,
    method: Method,
    request: impl Future<Output = Result<http::Request<Bytes>, Error>>,
    connection: Connection,
    options: ResponseOptions,
) -> Result<CheckedResponse, Error> {
    let started = Instant::now();
    let mut request = before_deadline(options.response_timeout.of(&method), started, request).await??;
    let limit = options.response_timeout.of(request.method());
    request.extensions_mut().insert(connection.clone());
    let response = async {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    };
    let response = before_deadline(limit, started, response).await.inspect_err(|_| connection.abandon())?;
    let response = response.map_err(|error| Error::service(error.into()))?;
    Ok(CheckedResponse::check(response.map(ResponseBody::new), options))
}

/// Runs a future and returns its output, or a timeout error if `limit` has passed since `started`.
async fn before_deadline<F: Future>(limit: Option<Duration>, started: Instant, future: F) -> Result<F::Output, Error> {
    let Some(limit) = limit else { return Ok(future.await) };
    let left = limit.saturating_sub(started.elapsed());
    within(left, future).await.ok_or_else(|| Error::response_timeout(limit))
}

impl CheckedResponse {
    /// Checks the head of a response.
    pub(super) fn check(response: http::Response<ResponseBody>, options: ResponseOptions) -> Self {
        let (mut head, body) = response.into_parts();
        detach_values(&mut head.headers);
        match head.status {
            StatusCode::NO_CONTENT => Self::NoContent(head),
            StatusCode::OK
                if is_event_stream(&head.headers, options.accepts_missing_content_type)
                    && !is_encoded(&head.headers) =>
            {
                trace::opened(&head);
                Self::EventStream(head, body)
            }
            _ => Self::Other(head, body),
        }
    }
}

/// Copies the values of the headers into one allocation of their size.
///
/// The head is kept as long as its stream. hyper's values are slices of its read buffer of 8 KiB, which they would keep
/// allocated, and hyper would read on into another one.
fn detach_values(headers: &mut HeaderMap) {
    let values = Bytes::from(headers.values().map(HeaderValue::as_bytes).collect::<Vec<_>>().concat());
    let mut start = 0;
    for value in headers.values_mut() {
        let end = start + value.len();
        // A copy of a valid value is valid.
        if let Ok(mut copy) = HeaderValue::from_maybe_shared(values.slice(start..end)) {
            copy.set_sensitive(value.is_sensitive());
            *value = copy;
        }
        start = end;
    }
}

/// Turns a response that is not an event stream into an error with the beginning of its body.
pub(super) async fn rejection(head: response::Parts, body: ResponseBody) -> Error {
    let received = read_error_body(body).await;
    if head.status != StatusCode::OK {
        Error::status_of(head, received)
    } else if is_encoded(&head.headers) && is_event_stream(&head.headers, true) {
        Error::content_encoding_of(head, received)
    } else {
        Error::content_type_of(head, received)
    }
}

async fn read_error_body(mut body: ResponseBody) -> Bytes {
    let mut received = BytesMut::new();
    let read = async {
        // Limits the number of frames too, so that a body of endless empty frames ends.
        for _ in 0..ERROR_BODY_LIMIT {
            let left = ERROR_BODY_LIMIT - received.len();
            if left == 0 {
                break;
            }
            consume_budget().await;
            let Some(Ok(frame)) = body.frame().await else { break };
            if let Ok(data) = frame.into_data() {
                received.extend_from_slice(&data[..data.len().min(left)]);
            }
        }
    };
    // A body that is endless or stalls must not delay the error.
    let _ = within(ERROR_BODY_TIMEOUT, read).await;
    received.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kept_head_does_not_keep_the_buffer_that_it_was_received_in() {
        let buffer = Bytes::from(b"text/event-stream, secret, one, two".to_vec());
        let value = |range| HeaderValue::from_maybe_shared(buffer.slice(range)).unwrap();
        let mut secret = value(19..25);
        secret.set_sensitive(true);
        let mut response = http::Response::new(ResponseBody::new(http_body_util::Empty::<Bytes>::new()));
        response.headers_mut().insert("content-type", value(0..17));
        response.headers_mut().insert("set-cookie", secret);
        response.headers_mut().append("x-part", value(27..30));
        response.headers_mut().append("x-part", value(32..35));
        response.headers_mut().insert("x-empty", HeaderValue::from_static(""));
        let expected = response.headers().clone();
        let CheckedResponse::EventStream(head, _) = CheckedResponse::check(response, ResponseOptions::default()) else {
            panic!("not an event stream");
        };
        assert_eq!(head.headers, expected);
        assert!(head.headers["set-cookie"].is_sensitive() && !head.headers["x-part"].is_sensitive());
        drop(expected);
        assert!(buffer.is_unique());
    }
}
