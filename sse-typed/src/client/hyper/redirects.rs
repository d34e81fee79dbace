//! Which redirects are followed, and what of the request goes along.

use bytes::Bytes;
use http::{
    HeaderName, Method, Request, Uri,
    header::{ACCEPT, CACHE_CONTROL, USER_AGENT},
    uri::Scheme,
};
use http_body::Body;
use http_body_util::Full;
use tower_http::follow_redirect::policy::{Action, Attempt, Policy};

/// As many as browsers follow.
const LIMIT: u32 = 20;

/// What another origin may see: tower-http's own policy removes only the headers that it knows as credentials, and an
/// `x-api-key` would go along.
const HARMLESS: [HeaderName; 3] = [ACCEPT, CACHE_CONTROL, USER_AGENT];
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Clone, Debug)]
pub(super) struct Redirects {
    followed: u32,
    keep_last_event_id: bool,
    has_body: bool,
    /// The next request goes to another origin than the one before.
    crossing: bool,
}

impl Redirects {
    pub(super) const fn new() -> Self {
        Self { followed: 0, keep_last_event_id: true, has_body: false, crossing: false }
    }

    pub(super) const fn keep_last_event_id(mut self, yes: bool) -> Self {
        self.keep_last_event_id = yes;
        self
    }

    fn may_follow(&mut self, method: &Method, from: &Uri, to: &Uri) -> bool {
        self.followed += 1;
        self.crossing = !same_origin(from, to);
        let downgrade = from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS);
        // A redirected GET has lost its body, a 307 or 308 has not.
        let body_leaves = self.crossing && self.has_body && *method != Method::GET && *method != Method::HEAD;
        self.followed <= LIMIT && !downgrade && !body_leaves
    }
}

impl<E> Policy<Full<Bytes>, E> for Redirects {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, E> {
        let follow = self.may_follow(attempt.method(), attempt.previous(), attempt.location());
        Ok(if follow { Action::Follow } else { Action::Stop })
    }

    fn on_request(&mut self, request: &mut Request<Full<Bytes>>) {
        self.has_body = request.body().size_hint().exact() != Some(0);
        if !self.crossing {
            return;
        }
        let mut all = std::mem::take(request.headers_mut());
        for name in HARMLESS.into_iter().chain(self.keep_last_event_id.then_some(LAST_EVENT_ID)) {
            if let Some(value) = all.remove(&name) {
                request.headers_mut().insert(name, value);
            }
        }
    }

    fn clone_body(&self, body: &Full<Bytes>) -> Option<Full<Bytes>> {
        Some(body.clone())
    }
}

/// The [origin](https://html.spec.whatwg.org/multipage/browsers.html#same-origin) of two URLs: scheme, host and port.
fn same_origin(a: &Uri, b: &Uri) -> bool {
    fn port(uri: &Uri) -> Option<u16> {
        let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        Some(uri.port_u16().unwrap_or(default))
    }
    let same_host = matches!((a.host(), b.host()), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b));
    a.scheme() == b.scheme() && same_host && port(a) == port(b)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn uri(text: &'static str) -> Uri {
        Uri::from_static(text)
    }

    #[test]
    fn origins_are_scheme_host_and_port() {
        for (a, b, same) in [
            ("http://a/1", "http://a/2", true),
            ("http://a/", "http://a:80/", true),
            ("https://a/", "https://A:443/", true),
            ("https://user@a/", "https://a/", true),
            ("http://a/", "https://a/", false),
            ("http://a/", "http://b/", false),
            ("http://a/", "http://a:81/", false),
        ] {
            assert_eq!(same_origin(&uri(a), &uri(b)), same, "{a} {b}");
        }
    }

    fn redirected(policy: &mut Redirects, from: &'static str, to: &'static str) -> HeaderMap {
        let follow = policy.may_follow(&Method::GET, &uri(from), &uri(to));
        assert!(follow);
        let mut request = Request::new(Full::default());
        for name in ["accept", "authorization", "cache-control", "cookie", "last-event-id", "user-agent", "x-api-key"] {
            request.headers_mut().insert(name, HeaderValue::from_static("1"));
        }
        Policy::<_, ()>::on_request(policy, &mut request);
        std::mem::take(request.headers_mut())
    }

    #[test]
    fn within_one_origin_all_headers_go_along() {
        assert_eq!(redirected(&mut Redirects::new(), "http://a/1", "http://a/2").len(), 7);
    }

    #[test]
    fn across_origins_only_harmless_headers_and_the_cursor_go_along() {
        let mut policy = Redirects::new();
        let headers = redirected(&mut policy, "http://a/", "http://b/");
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "cache-control", "last-event-id", "user-agent"]);

        let mut policy = Redirects::new().keep_last_event_id(false);
        assert!(!redirected(&mut policy, "http://a/", "http://b/").contains_key(LAST_EVENT_ID));
    }

    #[test]
    fn https_is_never_redirected_to_http() {
        let mut policy = Redirects::new();
        assert!(!policy.may_follow(&Method::GET, &uri("https://a/"), &uri("http://a/")));
        assert!(policy.may_follow(&Method::GET, &uri("http://a/"), &uri("https://a/")));
    }

    #[test]
    fn a_body_is_sent_again_within_its_origin_only() {
        let mut policy = Redirects::new();
        let mut request = Request::new(Full::from("secret"));
        Policy::<_, ()>::on_request(&mut policy, &mut request);
        assert!(policy.may_follow(&Method::POST, &uri("http://a/1"), &uri("http://a/2")));
        assert!(policy.may_follow(&Method::GET, &uri("http://a/1"), &uri("http://b/")));
        assert!(!policy.may_follow(&Method::POST, &uri("http://a/1"), &uri("http://b/")));
    }

    #[test]
    fn twenty_redirects_are_followed() {
        let mut policy = Redirects::new();
        for _ in 0..20 {
            assert!(policy.may_follow(&Method::GET, &uri("http://a/"), &uri("http://a/")));
        }
        assert!(!policy.may_follow(&Method::GET, &uri("http://a/"), &uri("http://a/")));
    }
}
