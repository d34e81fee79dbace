//! URL validation, and the form in which messages show a URL: recognizable, without parts that may be secret.

use std::fmt;

#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
use http::{Uri, uri::Scheme};

#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
use super::permanent_error::PermanentError;

/// A URL, valid or not, displayed without its user, password, query and fragment.
pub(super) struct RedactedUrl<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for RedactedUrl<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let (place, rest) = text.find(['?', '#']).map_or((&text[..], ""), |at| (&text[..at], ".."));
        let host = place.find("//").map_or(0, |at| at + 2);
        let path = place[host..].find('/').map_or(place.len(), |at| host + at);
        let user = place[host..path].rfind('@').map_or(host, |at| host + at + 1);
        write!(f, "{}{}{rest}", place[..host].escape_debug(), place[user..].escape_debug())
    }
}

/// Returns the scheme of a URL that can be requested over the network, which must have a scheme and a host.
///
/// # Errors
///
/// For any other URL, such as a path alone, or a host and a port.
#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
pub(super) fn absolute_scheme(url: &Uri) -> Result<&Scheme, PermanentError> {
    match (url.scheme(), url.host()) {
        (Some(scheme), Some(host)) if !host.is_empty() => Ok(scheme),
        _ => Err(PermanentError::new(format!(
            "`{}` is not an absolute URL such as `http://host/path`",
            RedactedUrl(url)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_parts_that_may_be_secret() {
        for (url, shown) in [
            ("https://host:81/feed", "https://host:81/feed"),
            ("https://user:pw@host/feed?token=1#top", "https://host/feed.."),
            ("https://us/er@host/", "https://us/er@host/"),
            ("user@host", "host"),
            ("/feed@9?a", "/feed@9.."),
            ("http://a b/\n", "http://a b/\\n"),
            ("", ""),
            ("//", "//"),
            ("é//@é?", "é//é.."),
        ] {
            assert_eq!(RedactedUrl(url).to_string(), shown);
        }
    }

    #[cfg(any(feature = "hyper-client", feature = "reqwest"))]
    #[test]
    fn an_absolute_url_has_a_scheme_and_a_host() {
        for (url, is_absolute) in [
            ("http://host/feed", true),
            ("ftp://host", true),
            ("http://:81/", false),
            ("host:81", false),
            ("/feed", false),
            ("*", false),
        ] {
            assert_eq!(absolute_scheme(&Uri::from_static(url)).is_ok(), is_absolute, "{url}");
        }
    }
}
