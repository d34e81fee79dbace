use std::{
    io,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::{client::legacy::connect::Connection, rt::TokioIo};
use tower_service::Service;

use super::{BoxFuture, small_reads::SmallReads};
use crate::client::{error::BoxError, timer::within};

/// The limit for connecting: resolving the name, trying its addresses, and TLS.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connector that times out after [`CONNECT_TIMEOUT`], and whose connections have [small reads](SmallReads). hyper-util's
/// own limit of time does not include DNS and TLS.
#[derive(Clone)]
pub(super) struct TimedConnector<C>(pub(super) C);

impl<C> Service<Uri> for TimedConnector<C>
where
    C: Service<Uri, Response: Connection + 'static, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = TokioIo<SmallReads<C::Response>>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connection = self.0.call(uri);
        Box::pin(async move {
            match within(CONNECT_TIMEOUT, connection).await {
                Some(connection) => connection.map(SmallReads::new).map_err(Into::into),
                None => {
                    let message = format!("not connected within {CONNECT_TIMEOUT:?}");
                    Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tokio::{net::TcpStream, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connecting_times_out_after_thirty_seconds_whatever_hangs() {
        let hanging = tower::service_fn(|_: Uri| std::future::pending::<Result<TokioIo<TcpStream>, Infallible>>());
        let started = Instant::now();
        let error = TimedConnector(hanging).call(Uri::from_static("https://host/")).await.unwrap_err();
        assert_eq!(error.to_string(), "not connected within 30s");
        assert_eq!(started.elapsed(), Duration::from_secs(30));
    }
}
