//! One request and its answer: what is asked, and whether the response is an event stream.

use std::{
    future::poll_fn,
    time::{Duration, SystemTime},
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER},
    response,
};
use http_body_util::BodyExt;

use super::{Error, HttpService, ResponseBody, trace};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const EVENT_STREAM: &str = "text/event-stream";

/// How much of a response that is no event stream is kept, in bytes, and how long it may take to come.
const PIECE: usize = 8 << 10;
const PIECE_TIME: Duration = Duration::from_secs(2);

/// What every attempt of a source asks.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    /// Of a source that makes no request.
    pub(super) fn none() -> Self {
        Self { method: Method::GET, uri: Uri::default(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// The request of an attempt. `last-event-id` is set, not added, and only if there is an id.
    pub(super) fn request(&self, last_event_id: &str) -> http::Request<Bytes> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        let mut headers = self.headers.clone();
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(EVENT_STREAM));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        headers.remove(LAST_EVENT_ID);
        if !last_event_id.is_empty() {
            match HeaderValue::from_bytes(last_event_id.as_bytes()) {
                Ok(id) => {
                    headers.insert(LAST_EVENT_ID, id);
                }
                // A control character. The id counts nonetheless: the next may be sendable.
                Err(_) => trace::unsendable_id(last_event_id),
            }
        }
        *request.headers_mut() = headers;
        request
    }

    /// Takes a last event ID that was set as a header.
    pub(super) fn take_last_event_id(&mut self) -> Option<String> {
        let id = self.headers.remove(LAST_EVENT_ID)?;
        Some(String::from_utf8_lossy(id.as_bytes()).into_owned())
    }
}

/// An answer that is as it should be.
#[derive(Debug)]
pub(super) enum Answer {
    Stream(response::Parts, ResponseBody),
    /// 204: there is nothing to come.
    NoContent(response::Parts),
}

/// Sends a request and looks at the head of the response.
///
/// # Errors
///
/// When there is no response, or one that is no event stream; a piece of its body is in the error then.
pub(super) async fn exchange<S: HttpService>(
    mut service: S,
    request: http::Request<Bytes>,
    lenient: bool,
) -> Result<Answer, Error> {
    let response = async {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    };
    let response = response.await.map_err(|error| Error::service(error.into()))?;
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::NO_CONTENT => return Ok(Answer::NoContent(head)),
        StatusCode::OK => {}
        _ => {
            let piece = piece(ResponseBody::new(body)).await;
            return Err(Error::status_of(head, piece));
        }
    }
    if is_event_stream(&head.headers, lenient) {
        trace::opened(head.status);
        Ok(Answer::Stream(head, ResponseBody::new(body)))
    } else {
        let piece = piece(ResponseBody::new(body)).await;
        Err(Error::content_type_of(head, piece))
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

async fn piece(mut body: ResponseBody) -> Bytes {
    let mut piece = BytesMut::new();
    let read = async {
        while piece.len() < PIECE {
            let Some(Ok(frame)) = body.frame().await else { break };
            if let Ok(data) = frame.into_data() {
                let room = PIECE - piece.len();
                piece.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
    };
    // A body without end, or one that stalls, must not keep the error back.
    let _ = tokio::time::timeout(PIECE_TIME, read).await;
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

    #[test]
    fn c12_an_id_that_cannot_be_a_header_is_left_out_and_clears_a_stale_one() {
        let ask = Ask {
            method: Method::GET,
            uri: Uri::from_static("/"),
            headers: headers(LAST_EVENT_ID, "stale"),
            body: Bytes::new(),
        };
        for id in ["", "a\u{7f}", "\u{1}"] {
            assert!(!ask.request(id).headers().contains_key(LAST_EVENT_ID), "{id:?}");
        }
        for id in ["a", "é…", "a\tb", "\u{2028}"] {
            let request = ask.request(id);
            let values: Vec<_> = request.headers().get_all(LAST_EVENT_ID).iter().collect();
            assert_eq!(values, [id.as_bytes()], "{id:?}");
        }
    }
}
