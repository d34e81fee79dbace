//! URLs that are none, and how one is named in a message: so that it is known again, without what may be a secret.

use std::fmt;

#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
use http::{Uri, uri::Scheme};

#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
use super::unsendable::Unsendable;

/// A URL, or what was taken for one, without user, password, query and fragment.
pub(super) struct Shown<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let (place, rest) = text.find(['?', '#']).map_or((&text[..], ""), |at| (&text[..at], ".."));
        let host = place.find("//").map_or(0, |at| at + 2);
        let path = place[host..].find('/').map_or(place.len(), |at| host + at);
        let user = place[host..path].rfind('@').map_or(host, |at| host + at + 1);
        write!(f, "{}{}{rest}", place[..host].escape_debug(), place[user..].escape_debug())
    }
}

/// The scheme of a URL that can be asked for over the network: one with a scheme and a host.
///
/// # Errors
///
/// For any other, such as a path, or a host and a port.
#[cfg(any(feature = "hyper-client", feature = "reqwest"))]
pub(super) fn absolute(url: &Uri) -> Result<&Scheme, Unsendable> {
    match (url.scheme(), url.host()) {
        (Some(scheme), Some(host)) if !host.is_empty() => Ok(scheme),
        _ => Err(Unsendable::because(format!("`{}` is no absolute URL, such as `http://host/path`", Shown(url)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_named_without_what_may_be_a_secret() {
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
            assert_eq!(Shown(url).to_string(), shown);
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
            assert_eq!(absolute(&Uri::from_static(url)).is_ok(), is_absolute, "{url}");
        }
    }
}
