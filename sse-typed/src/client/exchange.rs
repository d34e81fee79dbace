//! One request and its answer: whether the response is an event stream.

use std::{
    future::{Future, poll_fn},
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
    response,
};
use http_body_util::BodyExt;
use tokio::task::coop::consume_budget;

use super::{Error, HttpService, ResponseBody, ask::EVENT_STREAM, connection::Connection, timer::within, trace};

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

/// Sends a request and looks at the head of the response. `method` is the request's, as far as it is known before it is
/// made. A connection that lets a response wait for too long is abandoned.
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
    let response = async {
        let mut request = request.await?;
        request.extensions_mut().insert(connection.clone());
        let response = async {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        };
        response.await.map_err(|error| Error::service(error.into()))
    };
    let response = match terms.response_timeout.of(&method) {
        None => response.await?,
        Some(limit) => match within(limit, response).await {
            Some(response) => response?,
            None => {
                connection.abandon();
                return Err(Error::no_head(limit));
            }
        },
    };
    Ok(Answer::of(response.map(ResponseBody::new), terms))
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

/// Whether the content type's [essence](https://mimesniff.spec.whatwg.org/#mime-type-essence) is `text/event-stream`.
/// Parameters are ignored: the stream is UTF-8 whatever they say.
fn is_event_stream(headers: &HeaderMap, lenient: bool) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE) else { return lenient };
    let bytes = content_type.as_bytes();
    let end = memchr::memchr(b';', bytes).unwrap_or(bytes.len());
    bytes[..end].trim_ascii().eq_ignore_ascii_case(EVENT_STREAM.as_bytes())
}

/// Whether there is a [content coding](https://www.rfc-editor.org/rfc/rfc9110#field.content-encoding) that nobody has
/// undone. Read as text, a compressed stream would be one without events, for ever.
fn is_encoded(headers: &HeaderMap) -> bool {
    let codings =
        headers.get_all(CONTENT_ENCODING).into_iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
    codings.map(<[u8]>::trim_ascii).any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
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

/// The [`Retry-After`](https://www.rfc-editor.org/rfc/rfc9110#field.retry-after) of a response: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::HeaderName};

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn r3_the_essence_of_the_content_type_decides_and_its_parameters_do_not() {
        for (value, expected) in [
            ("text/event-stream", true),
            ("text/event-stream;", true),
            ("Text/Event-Stream; charset=windows-1252", true),
            (" text/event-stream ;charset", true),
            ("text/event-stream-x", false),
            ("text/event_stream", false),
            ("x bogus", false),
            ("text/html", false),
            ("", false),
        ] {
            assert_eq!(is_event_stream(&headers(CONTENT_TYPE, value), true), expected, "{value:?}");
        }
        assert!(!is_event_stream(&HeaderMap::new(), false));
        assert!(is_event_stream(&HeaderMap::new(), true));
    }

    #[test]
    fn every_content_coding_but_identity_has_to_be_undone() {
        for (value, expected) in [
            ("gzip", true),
            ("identity, br", true),
            ("unheard-of", true),
            ("identity", false),
            ("Identity,", false),
            ("", false),
        ] {
            assert_eq!(is_encoded(&headers(CONTENT_ENCODING, value)), expected, "{value:?}");
        }
        let mut twice = headers(CONTENT_ENCODING, "identity");
        twice.append(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
        assert!(is_encoded(&twice) && !is_encoded(&HeaderMap::new()));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            let found = retry_after(&headers(RETRY_AFTER, value), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{value:?}");
        }
    }
}
