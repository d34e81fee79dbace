use std::fmt;

use bytes::Bytes;
use http::{Method, Uri};
use http_body_util::Full;

use super::{BoxHttpService, HttpService, RequestBuilder, WithBody};

/// Opens event streams through any Tower HTTP service: hyper's client, reqwest's, a middleware stack in front of one
/// of them, or an axum `Router` in the same process.
///
/// Cloning a client clones the service. See the [module](super) for an example.
#[derive(Clone)]
pub struct Client<S = BoxHttpService> {
    service: S,
}

impl<S> Client<WithBody<S, Full<Bytes>>> {
    /// Creates a client over a service that accepts requests with the body [`Full<Bytes>`](Full) or with any body:
    /// an axum `Router`, or a `tower::ServiceBuilder` stack over a hyper client.
    pub const fn new(service: S) -> Self
    where
        // rustc shows the next line when the bound fails.
        WithBody<S, Full<Bytes>>: HttpService, // for another body: `Client::with_body::<B>(service)`
    {
        Self { service: WithBody::new(service) }
    }
}

impl<S> Client<S> {
    /// Creates a client over a service that accepts requests with the body `B`.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::Request};
    /// use sse_typed::Client;
    /// use tower::ServiceExt;
    ///
    /// // The closure accepts only this body.
    /// let service = Router::new().map_request(|request: Request<Body>| request);
    /// let client = Client::with_body::<Body>(service);
    /// # let _ = client.get("/").connect::<sse_typed::RawEvent>();
    /// ```
    pub const fn with_body<B>(service: S) -> Client<WithBody<S, B>>
    where
        WithBody<S, B>: HttpService,
    {
        Client { service: WithBody::new(service) }
    }

    /// Returns a reference to the service.
    pub const fn service(&self) -> &S {
        &self.service
    }

    /// Returns a mutable reference to the service.
    pub const fn service_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// Returns the service.
    pub fn into_service(self) -> S {
        self.service
    }
}

// The bounds on the service are checked where the service is passed in, so that compile errors point there.
impl<S: Clone> Client<S> {
    /// Starts a GET request.
    ///
    /// A client over the network needs an absolute URL, `http://host/path`. `Client::hyper()` and
    /// `Client::reqwest(..)` send the user and password of the URL (`https://user:password@host/path`) as
    /// `authorization: Basic`. Any other service receives the URL unchanged.
    pub fn get<U>(&self, uri: U) -> RequestBuilder<S>
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        self.request(Method::GET, uri)
    }

    /// Starts a POST request, as language model APIs expect.
    pub fn post<U>(&self, uri: U) -> RequestBuilder<S>
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        self.request(Method::POST, uri)
    }

    /// Starts a request with any method.
    pub fn request<U>(&self, method: Method, uri: U) -> RequestBuilder<S>
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        RequestBuilder::new(self.service.clone(), method, uri)
    }

    /// Erases the type of the service.
    #[must_use]
    pub fn boxed(self) -> Client
    where
        S: HttpService + Sync,
    {
        Client { service: BoxHttpService::new(self.service) }
    }
}

#[cfg(feature = "hyper-client")]
impl Client<super::HyperClient> {
    /// Creates a client over the network: HTTP/1.1 with a connection pool and, with feature `tls`, HTTPS and HTTP/2.
    /// It follows redirects; see [`HyperClient`](super::HyperClient) for the headers that it sends with them.
    ///
    /// Create one client and clone it: clones share the connection pool, and the platform's root certificates are
    /// loaded once.
    ///
    /// [`HyperClient::builder`](super::HyperClient::builder) configures certificates and a proxy.
    #[must_use]
    pub fn hyper() -> Self {
        Self { service: super::HyperClient::new() }
    }

    /// Sets whether a redirect to another origin carries the last event ID. The default is `true`: the ID is the
    /// feed's own cursor, and without it the feed would silently restart from its beginning. Set `false` where IDs
    /// are secrets.
    #[must_use]
    pub fn last_event_id_across_origins(mut self, yes: bool) -> Self {
        self.service = self.service.last_event_id_across_origins(yes);
        self
    }
}

/// Wraps a client that was configured with [`HyperClient::builder`](super::HyperClient::builder).
#[cfg(feature = "hyper-client")]
impl From<super::HyperClient> for Client<super::HyperClient> {
    fn from(service: super::HyperClient) -> Self {
        Self { service }
    }
}

#[cfg(feature = "reqwest")]
impl Client<super::ReqwestClient> {
    /// Creates a client over the network that uses reqwest, with the redirects, proxies and TLS of the given client.
    /// See [`ReqwestClient`](super::ReqwestClient) for the reqwest settings that suit event streams.
    #[must_use]
    pub const fn reqwest(client: ::reqwest::Client) -> Self {
        Self { service: super::ReqwestClient::new(client) }
    }
}

impl<S> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
