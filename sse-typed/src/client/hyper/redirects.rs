//! Which redirects are followed, and what of the request goes along.

use bytes::Bytes;
use http::{
    HeaderName, Request, StatusCode, Uri,
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

    fn may_follow(&mut self, from: &Uri, to: &Uri, keeps_body: bool) -> bool {
        self.followed += 1;
        self.crossing = !same_origin(from, to);
        let downgrade = from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS);
        let body_leaves = self.crossing && self.has_body && keeps_body;
        self.followed <= LIMIT && !downgrade && !body_leaves
    }
}

impl<E> Policy<Full<Bytes>, E> for Redirects {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, E> {
        // A body is left behind by 303, and where a POST becomes a GET; a GET that has one keeps it.
        let keeps_body = attempt.status() != StatusCode::SEE_OTHER && attempt.method() == attempt.previous_method();
        let follow = self.may_follow(attempt.previous(), attempt.location(), keeps_body);
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
    use std::{
        convert::Infallible,
        sync::{Arc, Mutex},
    };

    use http::{HeaderMap, HeaderValue, Method, Response};
    use http_body_util::BodyExt;
    use tower::ServiceExt;
    use tower_http::follow_redirect::FollowRedirect;

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
            ("http://a:81/", "https://a:81/", false),
        ] {
            assert_eq!(same_origin(&uri(a), &uri(b)), same, "{a} {b}");
        }
    }

    fn redirected(policy: &mut Redirects, from: &'static str, to: &'static str) -> HeaderMap {
        let follow = policy.may_follow(&uri(from), &uri(to), true);
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
        assert!(!policy.may_follow(&uri("https://a/"), &uri("http://a/"), true));
        assert!(policy.may_follow(&uri("http://a/"), &uri("https://a/"), true));
    }

    /// The requests to the origins `a` and `b`: method, host, body. `/1` of `a` is redirected to its `/2`, and that to `b`.
    async fn requests(from: &str, status: u16, method: Method, body: &'static str) -> Vec<(Method, String, Bytes)> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&seen);
        let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let recorded = Arc::clone(&recorded);
            async move {
                let (head, body) = request.into_parts();
                let host = head.uri.host().unwrap_or_default().to_owned();
                let body = body.collect().await?.to_bytes();
                recorded.lock().unwrap().push((head.method, host, body));
                let to = match head.uri.path() {
                    "/1" => "http://a/2",
                    "/2" => "http://b/3",
                    _ => return Ok(Response::new(())),
                };
                Ok::<_, Infallible>(Response::builder().status(status).header("location", to).body(()).unwrap())
            }
        });
        let request = Request::builder().method(method).uri(from).body(Full::from(body)).unwrap();
        FollowRedirect::with_policy(service, Redirects::new()).oneshot(request).await.unwrap();
        std::mem::take(&mut *seen.lock().unwrap())
    }

    #[tokio::test]
    async fn a_body_is_sent_again_within_its_origin_only() {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::from_bytes(b"QUERY").unwrap()] {
            for status in [301, 302, 303, 307, 308] {
                let left_behind = status == 303 || (method == Method::POST && status < 303);
                let seen = requests("http://a/1", status, method.clone(), "secret").await;
                let told: Vec<_> = seen.iter().map(|(_, host, body)| (&host[..], &body[..])).collect();
                let expected: &[(&str, &[u8])] = if left_behind {
                    &[("a", b"secret"), ("a", b""), ("b", b"")]
                } else {
                    &[("a", b"secret"), ("a", b"secret")]
                };
                assert_eq!(told, expected, "{method} {status}");
            }
        }
    }

    #[tokio::test]
    async fn a_body_that_is_left_behind_does_not_keep_a_request_in_its_origin() {
        let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
        for (status, method, follows) in [
            (301, &post, true),
            (302, &post, true),
            (303, &post, true),
            (303, &put, true),
            (303, &get, true),
            (302, &get, false),
            (302, &put, false),
            (307, &post, false),
            (308, &post, false),
        ] {
            // The first redirect leads away.
            let seen = requests("http://a/2", status, method.clone(), "secret").await;
            let told: Vec<_> = seen.iter().map(|(method, host, body)| (method, &host[..], &body[..])).collect();
            let (first, second) = ((method, "a", &b"secret"[..]), (&Method::GET, "b", &b""[..]));
            assert_eq!(told, if follows { vec![first, second] } else { vec![first] }, "{method} {status}");
        }
    }

    #[tokio::test]
    async fn a_request_without_a_body_is_redirected_to_any_origin() {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::DELETE] {
            for status in [301, 302, 303, 307, 308] {
                let seen = requests("http://a/1", status, method.clone(), "").await;
                let hosts: Vec<_> = seen.iter().map(|(_, host, _)| &host[..]).collect();
                assert_eq!(hosts, ["a", "a", "b"], "{method} {status}");
            }
        }
    }

    #[test]
    fn twenty_redirects_are_followed() {
        let mut policy = Redirects::new();
        for _ in 0..20 {
            assert!(policy.may_follow(&uri("http://a/"), &uri("http://a/"), true));
        }
        assert!(!policy.may_follow(&uri("http://a/"), &uri("http://a/"), true));
    }
}
