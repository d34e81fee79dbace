//! Reads the headers of a response: whether it is an event stream, and when to retry.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};

use super::{attempt::EVENT_STREAM, trace};

/// Servers of this crate announce here the longest interval between two messages, in seconds.
const SSE_KEEP_ALIVE: HeaderName = HeaderName::from_static("sse-keep-alive");

/// Whether the [essence](https://mimesniff.spec.whatwg.org/#mime-type-essence) of the content type is
/// `text/event-stream`. Its parameters are ignored, because the stream is always UTF-8. If there are several content
/// types, the last valid one counts, [as in
/// browsers](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type).
pub(super) fn is_event_stream(headers: &HeaderMap, accepts_missing_content_type: bool) -> bool {
    if !headers.contains_key(CONTENT_TYPE) {
        return accepts_missing_content_type;
    }
    let value = joined_lines(headers, &CONTENT_TYPE);
    let essences = list_elements(&value).map(|element| {
        let end = memchr::memchr(b';', element).unwrap_or(element.len());
        element[..end].trim_ascii()
    });
    let last = essences.filter(|essence| is_media_type(essence) && *essence != b"*/*").last();
    last.is_some_and(|essence| essence.eq_ignore_ascii_case(EVENT_STREAM.as_bytes()))
}

/// Whether it consists of two [tokens](https://www.rfc-editor.org/rfc/rfc9110#name-tokens) separated by a slash.
fn is_media_type(essence: &[u8]) -> bool {
    let is_token = |text: &[u8]| {
        let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        !text.is_empty() && text.iter().all(is_of_it)
    };
    memchr::memchr(b'/', essence).is_some_and(|slash| is_token(&essence[..slash]) && is_token(&essence[slash + 1..]))
}

/// Whether the body still has a [content coding](https://www.rfc-editor.org/rfc/rfc9110#field.content-encoding).
/// Read as text, a compressed stream would never contain an event.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let is_coding = |coding: &[u8]| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity");
    list_elements(&joined_lines(headers, &CONTENT_ENCODING)).any(is_coding)
}

/// The [`Retry-After`](https://www.rfc-editor.org/rfc/rfc9110#field.retry-after) of a response: seconds, or a date.
/// If there are several values, the longest time counts.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    longest_time(headers, &RETRY_AFTER, |value| {
        let date = httpdate::parse_http_date(value).ok()?;
        Some(date.duration_since(now).unwrap_or_default())
    })
}

/// The server's keep-alive interval. Zero means that the server sends no keep-alives.
pub(super) fn keep_alive(headers: &HeaderMap) -> Option<Duration> {
    longest_time(headers, &SSE_KEEP_ALIVE, |_| None).filter(|time| !time.is_zero())
}

/// The longest of the times in a header, on several lines or in a list. Invalid values are traced.
fn longest_time(headers: &HeaderMap, name: &HeaderName, other: impl Fn(&str) -> Option<Duration>) -> Option<Duration> {
    let mut longest = None;
    for line in headers.get_all(name) {
        let text = line.to_str().unwrap_or_default().trim();
        let is_valid = if let Some(time) = other(text) {
            longest = longest.max(Some(time));
            true
        } else {
            let times = text.split(',').map(parse_seconds);
            // `all` would stop at the first invalid value.
            times.fold(true, |all, time| {
                longest = longest.max(time);
                all && time.is_some()
            })
        };
        if !is_valid {
            trace::invalid_header(name, line.as_bytes());
        }
    }
    longest
}

/// Parses seconds. The standards allow whole seconds only; a fraction is rounded up, so that the client does not
/// come too early.
fn parse_seconds(text: &str) -> Option<Duration> {
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let rounding = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Duration::from_secs(whole.parse().unwrap_or(u64::MAX).saturating_add(rounding)))
}

/// The value of a list header: its lines, [joined](https://fetch.spec.whatwg.org/#concept-header-list-get) by
/// commas.
fn joined_lines<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, [u8]> {
    let mut lines = headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
    let first = lines.next().unwrap_or_default();
    lines.fold(Cow::Borrowed(first), |value, line| Cow::Owned([&value, line].join(&b", "[..])))
}

/// The elements of a comma-separated list. A comma within quotes does not separate elements.
fn list_elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let elements = value.split(move |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    });
    elements.map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap())).collect()
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
            assert_eq!(is_event_stream(&headers(&CONTENT_TYPE, &[value]), true), expected, "{value:?}");
        }
        assert!(!is_event_stream(&HeaderMap::new(), false));
        assert!(is_event_stream(&HeaderMap::new(), true));
    }

    #[test]
    fn of_several_content_types_the_last_valid_one_counts() {
        for (lines, expected) in [
            (&["text/html", "text/event-stream"][..], true),
            (&["text/event-stream", "text/html"], false),
            (&["text/html, text/event-stream"], true),
            (&["text/event-stream, text/html"], false),
            (&["text/event-stream, text/event-stream"], true),
            (&["text/event-stream", "", "*/*", "text/", "/x", "a b/c"], true),
            (&["text/event-stream; a=\"x, text/html\""], true),
            (&["text/html; a=\"\\\", text/event-stream\""], false),
            // The lines are joined before they are split.
            (&["text/html; a=\"x", "text/event-stream"], false),
            (&["text/html; a=\"x", "y\", text/event-stream"], true),
            (&["text/event-stream; a=\"x", "text/html\""], true),
            (&["text/event-stream; a=\"x\\", "text/html"], true),
            (&["", ","], false),
        ] {
            assert_eq!(is_event_stream(&headers(&CONTENT_TYPE, lines), true), expected, "{lines:?}");
        }
    }

    #[test]
    fn every_content_coding_except_identity_counts_as_encoded() {
        for (lines, expected) in [
            (&["gzip"][..], true),
            (&["identity, br"], true),
            (&["unheard-of"], true),
            (&["identity", "zstd"], true),
            (&["identity"], false),
            (&["Identity,"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(is_encoded(&headers(&CONTENT_ENCODING, lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (lines, expected) in [
            (&["120"][..], Some(120)),
            (&[" 0 "], Some(0)),
            (&["2.5"], Some(3)),
            (&["0.001"], Some(1)),
            (&["2.0"], Some(2)),
            (&["2."], Some(2)),
            (&["18446744073709551615.5"], Some(u64::MAX)),
            (&["99999999999999999999999"], Some(u64::MAX)),
            (&["7", "9", "8"], Some(9)),
            (&["7, 9,8"], Some(9)),
            (&["soon", "9"], Some(9)),
            (&["9, soon, 10"], Some(10)),
            (&["Sun, 06 Nov 1994 08:49:47 GMT"], Some(10)),
            (&["Sun, 06 Nov 1994 08:49:27 GMT"], Some(0)),
            (&["Sunday, 06-Nov-94 08:49:47 GMT"], Some(10)),
            (&["Sun Nov  6 08:49:47 1994"], Some(10)),
            (&["Sun, 06 Nov 1994 08:49:47 GMT", "12"], Some(12)),
            (&["Sun, 06 Nov 1994 08:49:47 +0000"], None),
            (&["1994-11-06T08:49:47Z"], None),
            (&["-1"], None),
            (&["+1"], None),
            (&[".5"], None),
            (&["1.-5"], None),
            (&["5s"], None),
            (&["soon"], None),
            (&["é"], None),
            (&[""], None),
            (&[], None),
        ] {
            let found = retry_after(&headers(&RETRY_AFTER, lines), now);
            assert_eq!(found, expected.map(Duration::from_secs), "{lines:?}");
        }
    }

    #[test]
    fn a_keep_alive_is_in_seconds_and_zero_disables_it() {
        for (lines, expected) in [
            (&["15"][..], Some(15)),
            (&["0.5"], Some(1)),
            (&["15, 20"], Some(20)),
            (&["20", "15"], Some(20)),
            (&["0", "15"], Some(15)),
            (&["0"], None),
            (&["0.0"], None),
            (&["Sun, 06 Nov 1994 08:49:47 GMT"], None),
            (&[""], None),
            (&[], None),
        ] {
            let found = keep_alive(&headers(&SSE_KEEP_ALIVE, lines));
            assert_eq!(found, expected.map(Duration::from_secs), "{lines:?}");
        }
    }
}
