use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, combinators::UnsyncBoxBody};
use tower_service::Service;

use super::error::BoxError;

/// Any Tower service that handles HTTP requests: an alias for `Service<http::Request<Bytes>>`.
///
/// It is implemented for every service that the alias describes. [`Client::new`](super::Client::new) and
/// [`Client::with_body`](super::Client::with_body) adapt services that take another request body.
#[diagnostic::on_unimplemented(
    message = "a client cannot send requests to `{Self}`",
    label = "not an HTTP service with a supported request body",
    note = "`Client::new` accepts services of `http::Request<Full<Bytes>>` and of any body; pass a service of another body `B: From<Bytes>` to \
            `Client::with_body::<B>(service)`",
    note = "the service must be `Clone + Send + 'static`, its future `Send + 'static`, and its response an `http::Response` with a body that is \
            `Send + 'static`"
)]
pub trait HttpService: Clone + Send + 'static {
    /// The response body.
    type ResponseBody: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static;
    /// The error when there is no response.
    type Error: Into<BoxError>;
    /// The response future.
    type Future: Future<Output = Result<http::Response<Self::ResponseBody>, Self::Error>> + Send + 'static;

    /// Same as [`Service::poll_ready`].
    ///
    /// # Errors
    ///
    /// The service's own error.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Same as [`Service::call`].
    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future;
}

#[diagnostic::do_not_recommend]
impl<S, B> HttpService for S
where
    S: Service<http::Request<Bytes>, Response = http::Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
{
    type ResponseBody = B;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::poll_ready(self, cx)
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        Service::call(self, request)
    }
}

/// Adapts a service that takes requests with the body `B` to requests with the body `Bytes`.
pub struct WithBody<S, B> {
    service: S,
    body: PhantomData<fn() -> B>,
}

impl<S, B> WithBody<S, B> {
    /// Wraps a service.
    pub const fn new(service: S) -> Self {
        Self { service, body: PhantomData }
    }

    /// Returns a reference to the service.
    pub const fn get_ref(&self) -> &S {
        &self.service
    }

    /// Returns a mutable reference to the service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// Returns the service.
    pub fn into_inner(self) -> S {
        self.service
    }
}

impl<S, B> Service<http::Request<Bytes>> for WithBody<S, B>
where
    S: Service<http::Request<B>>,
    B: From<Bytes>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        self.service.call(request.map(B::from))
    }
}

impl<S: Clone, B> Clone for WithBody<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.service.clone())
    }
}

impl<S: fmt::Debug, B> fmt::Debug for WithBody<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithBody").field(&self.service).finish()
    }
}

/// A type-erased response body.
pub struct ResponseBody(UnsyncBoxBody<Bytes, BoxError>);

impl ResponseBody {
    /// Erases the type of a body. The body is boxed once; its data is not copied if it is `Bytes`.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
    {
        let body =
            body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))).map_err(Into::into);
        Self(UnsyncBoxBody::new(body))
    }
}

/// An empty body, for middleware that responds in place of the service.
impl Default for ResponseBody {
    fn default() -> Self {
        Self::new(Empty::<Bytes>::new())
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

/// A type-erased response future.
pub struct BoxResponseFuture(Pin<Box<dyn Future<Output = Result<http::Response<ResponseBody>, BoxError>> + Send>>);

impl BoxResponseFuture {
    pub(super) fn new(
        future: impl Future<Output = Result<http::Response<ResponseBody>, BoxError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for BoxResponseFuture {
    type Output = Result<http::Response<ResponseBody>, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for BoxResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxResponseFuture").finish_non_exhaustive()
    }
}

/// A type-erased service, created by [`Client::boxed`](super::Client::boxed), so that one struct field can hold
/// clients or sources over any service.
pub struct BoxHttpService(Box<dyn CloneableService>);

trait CloneableService: Send + Sync {
    fn clone_box(&self) -> Box<dyn CloneableService>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, request: http::Request<Bytes>) -> BoxResponseFuture;
}

impl<S: HttpService + Sync> CloneableService for S {
    fn clone_box(&self) -> Box<dyn CloneableService> {
        Box::new(self.clone())
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        HttpService::poll_ready(self, cx).map_err(Into::into)
    }

    fn call(&mut self, request: http::Request<Bytes>) -> BoxResponseFuture {
        let response = HttpService::call(self, request);
        BoxResponseFuture::new(async move { Ok(response.await.map_err(Into::into)?.map(ResponseBody::new)) })
    }
}

impl BoxHttpService {
    /// Erases the type of a service.
    pub fn new<S: HttpService + Sync>(service: S) -> Self {
        Self(Box::new(service))
    }
}

impl Service<http::Request<Bytes>> for BoxHttpService {
    type Response = http::Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Bytes>) -> Self::Future {
        self.0.call(request)
    }
}

impl Clone for BoxHttpService {
    fn clone(&self) -> Self {
        Self(self.0.clone_box())
    }
}

impl fmt::Debug for BoxHttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxHttpService").finish_non_exhaustive()
    }
}
