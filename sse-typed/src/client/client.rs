use std::fmt;

use bytes::Bytes;
use http::{Method, Uri};
use http_body_util::Full;

use super::{BoxHttpService, HttpService, RequestBuilder, WithBody};

/// Opens event streams by way of any Tower HTTP service: hyper's client, reqwest's, a stack of middleware in front of it, or an axum
/// `Router` in the same process.
///
/// Cloning it is as cheap as cloning the service. See the [module](super) for an example.
#[derive(Clone)]
pub struct Client<S = BoxHttpService> {
    service: S,
}

impl<S> Client<WithBody<S, Full<Bytes>>> {
    /// A client of a service whose requests have the body [`Full<Bytes>`](Full), or any body: an axum `Router`, or a
    /// `tower::ServiceBuilder` stack over a hyper client.
    pub const fn new(service: S) -> Self
    where
        // rustc shows the next line where the bound fails.
        WithBody<S, Full<Bytes>>: HttpService, // for another body: `Client::with_body::<B>(service)`
    {
        Self { service: WithBody::new(service) }
    }
}

impl<S> Client<S> {
    /// A client of a service whose requests have the body `B`.
    ///
    /// ```
    /// use axum::{Router, body::Body, http::Request};
    /// use sse_typed::Client;
    /// use tower::ServiceExt;
    ///
    /// // The closure fixes the body.
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

    /// The service.
    pub const fn service(&self) -> &S {
        &self.service
    }

    /// The service.
    pub const fn service_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// The service.
    pub fn into_service(self) -> S {
        self.service
    }
}

// What the service must be is asked for where it is given, so that a compile error stands there.
impl<S: Clone> Client<S> {
    /// A GET request.
    ///
    /// For a client over the network the URL is absolute: `http://host/path`. `Client::hyper()` and `Client::reqwest(..)` send
    /// a user and a password in it (`https://user:password@host/path`) as `authorization: Basic`. Any other service gets the
    /// URL as it is.
    pub fn get<U>(&self, uri: U) -> RequestBuilder<S>
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        self.request(Method::GET, uri)
    }

    /// A POST request: so language models are asked.
    pub fn post<U>(&self, uri: U) -> RequestBuilder<S>
    where
        U: TryInto<Uri> + fmt::Display,
        U::Error: Into<http::Error>,
    {
        self.request(Method::POST, uri)
    }

    /// A request of any method.
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
    /// A client over the network: HTTP/1.1 with a pool of connections, and, with feature `tls`, HTTPS and HTTP/2. It follows
    /// redirects. See [`HyperClient`](super::HyperClient) for what it does and does not send on them.
    ///
    /// Make one and clone it: clones share the connections, and the platform's root certificates are read once.
    ///
    /// [`HyperClient::builder`](super::HyperClient::builder) makes one with certificates of its own, or for a proxy.
    #[must_use]
    pub fn hyper() -> Self {
        Self { service: super::HyperClient::new() }
    }

    /// Whether a redirect to another origin takes the last event ID along. It does unless said otherwise: the id is the
    /// feed's own cursor, and without it the feed would silently begin anew. Say `false` where ids are secrets.
    #[must_use]
    pub fn last_event_id_across_origins(mut self, yes: bool) -> Self {
        self.service = self.service.last_event_id_across_origins(yes);
        self
    }
}

/// A client over the network, as it was [built](super::HyperClient::builder).
#[cfg(feature = "hyper-client")]
impl From<super::HyperClient> for Client<super::HyperClient> {
    fn from(service: super::HyperClient) -> Self {
        Self { service }
    }
}

#[cfg(feature = "reqwest")]
impl Client<super::ReqwestClient> {
    /// A client over the network by reqwest, with the redirects, the proxies and the TLS of the given client. See
    /// [`ReqwestClient`](super::ReqwestClient) for which of its settings suit event streams.
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
