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

/// Any Tower service that answers HTTP requests: `Service<http::Request<Bytes>>`.
///
/// It is implemented for all there is. Services over another body are given to [`Client::new`](super::Client::new) and
/// [`Client::with_body`](super::Client::with_body), which adapt it.
#[diagnostic::on_unimplemented(
    message = "a client cannot send requests to `{Self}`",
    label = "not an HTTP service with such a body",
    note = "`Client::new` takes a service of `http::Request<Full<Bytes>>`, or of any body: a service of another body `B`, which is `From<Bytes>`, \
            is given to `Client::with_body::<B>(service)`",
    note = "the service is `Clone + Send + 'static`, its future is `Send + 'static`, and it answers with an `http::Response` of a body that \
            is `Send + 'static`"
)]
pub trait HttpService: Clone + Send + 'static {
    /// The body of the responses.
    type ResponseBody: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static;
    /// What is given when there is no response.
    type Error: Into<BoxError>;
    /// The response to come.
    type Future: Future<Output = Result<http::Response<Self::ResponseBody>, Self::Error>> + Send + 'static;

    /// As [`Service::poll_ready`].
    ///
    /// # Errors
    ///
    /// The service's own.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// As [`Service::call`].
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

/// A service whose requests have the body `B`, as one whose requests have `Bytes`.
pub struct WithBody<S, B> {
    service: S,
    body: PhantomData<fn() -> B>,
}

impl<S, B> WithBody<S, B> {
    /// Adapts a service.
    pub const fn new(service: S) -> Self {
        Self { service, body: PhantomData }
    }

    /// The service.
    pub const fn get_ref(&self) -> &S {
        &self.service
    }

    /// The service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// The service.
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

/// The body of a response, type erased.
pub struct ResponseBody(UnsyncBoxBody<Bytes, BoxError>);

impl ResponseBody {
    /// Erases the type of a body. It is boxed once; the data is not copied if it is `Bytes`.
    pub fn new<B>(body: B) -> Self
    where
        B: Body<Data: Buf, Error: Into<BoxError>> + Send + 'static,
    {
        let body =
            body.map_frame(|frame| frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))).map_err(Into::into);
        Self(UnsyncBoxBody::new(body))
    }
}

/// The empty body, which middleware needs that answers in the place of a service.
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

/// A response to come, type erased.
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

/// A service, type erased: what [`Client::boxed`](super::Client::boxed) makes, so that clients and sources over any service
/// can stand in one struct field.
pub struct BoxHttpService(Box<dyn AnyService>);

trait AnyService: Send + Sync {
    fn clone_box(&self) -> Box<dyn AnyService>;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
    fn call(&mut self, request: http::Request<Bytes>) -> BoxResponseFuture;
}

impl<S: HttpService + Sync> AnyService for S {
    fn clone_box(&self) -> Box<dyn AnyService> {
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
