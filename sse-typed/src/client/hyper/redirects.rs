//! Which redirects are followed, and which headers and bodies they carry.

use bytes::Bytes;
use http::{
    HeaderName, Request, StatusCode, Uri,
    header::{ACCEPT, CACHE_CONTROL, USER_AGENT},
    uri::Scheme,
};
use http_body::Body;
use http_body_util::Full;
use tower_http::follow_redirect::policy::{Action, Attempt, Policy};

/// The limit of browsers.
const MAX_REDIRECTS: u32 = 20;

/// The headers that another origin receives. tower-http's own policy removes only the headers that it knows as
/// credentials, and would send an `x-api-key`.
const CROSS_ORIGIN_HEADERS: [HeaderName; 3] = [ACCEPT, CACHE_CONTROL, USER_AGENT];
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Clone, Debug)]
pub(super) struct RedirectPolicy {
    followed: u32,
    keep_last_event_id: bool,
    has_body: bool,
    /// Whether the next request goes to another origin than the previous one.
    crosses_origin: bool,
}

impl RedirectPolicy {
    pub(super) const fn new() -> Self {
        Self { followed: 0, keep_last_event_id: true, has_body: false, crosses_origin: false }
    }

    pub(super) const fn keep_last_event_id(mut self, yes: bool) -> Self {
        self.keep_last_event_id = yes;
        self
    }

    fn may_follow(&mut self, from: &Uri, to: &Uri, keeps_body: bool) -> bool {
        self.followed += 1;
        self.crosses_origin = !same_origin(from, to);
        let downgrade = from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS);
        let body_crosses_origin = self.crosses_origin && self.has_body && keeps_body;
        self.followed <= MAX_REDIRECTS && !downgrade && !body_crosses_origin
    }
}

impl<E> Policy<Full<Bytes>, E> for RedirectPolicy {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, E> {
        // A redirect drops the body with 303, and when a POST becomes a GET. A GET with a body keeps it.
        let keeps_body = attempt.status() != StatusCode::SEE_OTHER && attempt.method() == attempt.previous_method();
        let follow = self.may_follow(attempt.previous(), attempt.location(), keeps_body);
        Ok(if follow { Action::Follow } else { Action::Stop })
    }

    fn on_request(&mut self, request: &mut Request<Full<Bytes>>) {
        self.has_body = request.body().size_hint().exact() != Some(0);
        if !self.crosses_origin {
            return;
        }
        let mut all = std::mem::take(request.headers_mut());
        for name in CROSS_ORIGIN_HEADERS.into_iter().chain(self.keep_last_event_id.then_some(LAST_EVENT_ID)) {
            if let Some(value) = all.remove(&name) {
                request.headers_mut().insert(name, value);
            }
        }
    }

    fn clone_body(&self, body: &Full<Bytes>) -> Option<Full<Bytes>> {
        Some(body.clone())
    }
}

/// Whether two URLs have the same [origin](https://html.spec.whatwg.org/multipage/browsers.html#same-origin):
/// scheme, host and port.
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

    fn redirected(policy: &mut RedirectPolicy, from: &'static str, to: &'static str) -> HeaderMap {
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
    fn redirects_within_one_origin_carry_all_headers() {
        assert_eq!(redirected(&mut RedirectPolicy::new(), "http://a/1", "http://a/2").len(), 7);
    }

    #[test]
    fn redirects_across_origins_carry_only_harmless_headers_and_the_last_event_id() {
        let mut policy = RedirectPolicy::new();
        let headers = redirected(&mut policy, "http://a/", "http://b/");
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept", "cache-control", "last-event-id", "user-agent"]);

        let mut policy = RedirectPolicy::new().keep_last_event_id(false);
        assert!(!redirected(&mut policy, "http://a/", "http://b/").contains_key(LAST_EVENT_ID));
    }

    #[test]
    fn a_redirect_from_https_to_http_is_not_followed() {
        let mut policy = RedirectPolicy::new();
        assert!(!policy.may_follow(&uri("https://a/"), &uri("http://a/"), true));
        assert!(policy.may_follow(&uri("http://a/"), &uri("https://a/"), true));
    }

    /// Records method, host and body of the requests to the origins `a` and `b`. `/1` of `a` redirects to its `/2`,
    /// and that to `b`.
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
        FollowRedirect::with_policy(service, RedirectPolicy::new()).oneshot(request).await.unwrap();
        std::mem::take(&mut *seen.lock().unwrap())
    }

    #[tokio::test]
    async fn a_body_is_sent_again_only_within_its_origin() {
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::from_bytes(b"QUERY").unwrap()] {
            for status in [301, 302, 303, 307, 308] {
                let body_dropped = status == 303 || (method == Method::POST && status < 303);
                let seen = requests("http://a/1", status, method.clone(), "secret").await;
                let sent: Vec<_> = seen.iter().map(|(_, host, body)| (&host[..], &body[..])).collect();
                let expected: &[(&str, &[u8])] = if body_dropped {
                    &[("a", b"secret"), ("a", b""), ("b", b"")]
                } else {
                    &[("a", b"secret"), ("a", b"secret")]
                };
                assert_eq!(sent, expected, "{method} {status}");
            }
        }
    }

    #[tokio::test]
    async fn a_redirect_that_drops_the_body_may_cross_origins() {
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
            // The first redirect leads to the other origin.
            let seen = requests("http://a/2", status, method.clone(), "secret").await;
            let sent: Vec<_> = seen.iter().map(|(method, host, body)| (method, &host[..], &body[..])).collect();
            let (first, second) = ((method, "a", &b"secret"[..]), (&Method::GET, "b", &b""[..]));
            assert_eq!(sent, if follows { vec![first, second] } else { vec![first] }, "{method} {status}");
        }
    }

    #[tokio::test]
    async fn a_request_without_a_body_follows_redirects_to_any_origin() {
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
        let mut policy = RedirectPolicy::new();
        for _ in 0..20 {
            assert!(policy.may_follow(&uri("http://a/"), &uri("http://a/"), true));
        }
        assert!(!policy.may_follow(&uri("http://a/"), &uri("http://a/"), true));
    }
}
