//! Removes the user and the password from a URL and sends them as `authorization: Basic`.

use http::{
    HeaderValue, Uri,
    header::{AUTHORIZATION, Entry},
};

use super::{permanent_error::PermanentError, url::RedactedUrl};

/// Removes the user and the password from the request's URL and sets `authorization` from them. An existing
/// `authorization` header stays unchanged.
///
/// # Errors
///
/// When the rest is not a valid URL, or when the header map is full.
pub(super) fn set_basic_auth_from_url<B>(request: &mut http::Request<B>) -> Result<(), PermanentError> {
    let Some(value) = take_userinfo(request.uri_mut())?.and_then(|user| basic_auth_header(&user)) else {
        return Ok(());
    };
    if let Entry::Vacant(entry) = request.headers_mut().try_entry(AUTHORIZATION).map_err(PermanentError::new)? {
        entry.try_insert(value).map_err(PermanentError::new)?;
    }
    Ok(())
}

/// Removes the [userinfo](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1) from a URL and returns it: a proxy
/// must not see it, and [HTTP/2 forbids it](https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1) in `:authority`.
///
/// # Errors
///
/// When the rest is not a valid URL.
pub(super) fn take_userinfo(url: &mut Uri) -> Result<Option<String>, PermanentError> {
    let Some((user, host)) = url.authority().and_then(|authority| authority.as_str().rsplit_once('@')) else {
        return Ok(None);
    };
    let invalid_url =
        |fault: &dyn std::fmt::Display| PermanentError::new(format!("`{}` is not a URL: {fault}", RedactedUrl(&*url)));
    let mut parts = url.clone().into_parts();
    parts.authority = Some(host.parse().map_err(|fault| invalid_url(&fault))?);
    let (user, rest) = (user.to_owned(), Uri::from_parts(parts).map_err(|fault| invalid_url(&fault))?);
    *url = rest;
    Ok(Some(user))
}

/// The [Basic authentication](https://www.rfc-editor.org/rfc/rfc7617#section-2) header of a userinfo. `None` if the
/// userinfo is empty.
fn basic_auth_header(user: &str) -> Option<HeaderValue> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    if name.is_empty() && password.is_empty() {
        return None;
    }
    let credentials = [percent_decoded(name), percent_decoded(password)].join(&b':');
    let mut value = HeaderValue::try_from(format!("Basic {}", base64(&credentials))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// [Percent-decodes](https://url.spec.whatwg.org/#percent-decode) a text. A `%` without two hexadecimal digits stays
/// unchanged.
fn percent_decoded(text: &str) -> Vec<u8> {
    const fn digit(byte: u8) -> Option<u8> {
        match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            b'A'..=b'F' => Some(byte - b'A' + 10),
            _ => None,
        }
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, tail @ ..] = rest {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

/// Encodes [Base64](https://www.rfc-editor.org/rfc/rfc4648#section-4) with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index: usize| group.get(index).copied().unwrap_or_default();
        let [a, b, c] = [byte(0), byte(1), byte(2)];
        let sextets = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        for (index, sextet) in sextets.into_iter().enumerate() {
            text.push(if index > group.len() { '=' } else { char::from(ALPHABET[usize::from(sextet)]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_rfc() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"foobar", "Zm9vYmFy"),
            (b"\xfb\xff\xbf\x00", "+/+/AA=="),
        ] {
            assert_eq!(base64(bytes), text);
        }
    }

    #[test]
    fn only_two_hexadecimal_digits_are_decoded() {
        for (text, bytes) in [
            ("a%20%4f%4F", &b"a OO"[..]),
            ("%C3%a9", "é".as_bytes()),
            ("%", b"%"),
            ("%4", b"%4"),
            ("%+f%zz", b"%+f%zz"),
        ] {
            assert_eq!(percent_decoded(text), bytes);
        }
    }

    /// The remaining URL, and the header.
    fn authorized(url: &'static str) -> (String, Option<HeaderValue>) {
        let mut request = http::Request::new(());
        *request.uri_mut() = Uri::from_static(url);
        set_basic_auth_from_url(&mut request).unwrap();
        (request.uri().to_string(), request.headers_mut().remove(AUTHORIZATION))
    }

    #[test]
    fn the_user_of_a_url_becomes_a_sensitive_header() {
        for (url, left, credentials) in [
            ("http://me:hidden@host:81/a?b=c@d", "http://host:81/a?b=c@d", "me:hidden"),
            ("https://me@[::1]/", "https://[::1]/", "me:"),
            ("http://:pw@host/", "http://host/", ":pw"),
            ("http://a:b:c@host/", "http://host/", "a:b:c"),
            ("http://a@b@host/", "http://host/", "a@b:"),
            ("http://us%3Aer:pa%20ss%40word@host/", "http://host/", "us:er:pa ss@word"),
        ] {
            let (shown, header) = authorized(url);
            let header = header.unwrap();
            assert_eq!(
                (&*shown, header.to_str().unwrap()),
                (left, &*format!("Basic {}", base64(credentials.as_bytes())))
            );
            assert!(header.is_sensitive());
        }
        for (url, left) in [
            ("http://host/@", "http://host/@"),
            ("http://@host/", "http://host/"),
            ("http://:@host/", "http://host/"),
            ("/a@b", "/a@b"),
            ("*", "*"),
        ] {
            assert_eq!(authorized(url), (left.to_owned(), None));
        }
    }
}
