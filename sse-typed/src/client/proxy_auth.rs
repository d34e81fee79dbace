//! Proxies that refuse to open a tunnel because of the credentials (407).

use std::error::Error as StdError;

use http::Uri;
use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use tower_service::Service;

use super::permanent_error::PermanentError;

/// hyper-util does not export this type.
type TunnelError = <Tunnel<HttpConnector> as Service<Uri>>::Error;

/// Finds a tunnel that the proxy refused with 407 in an error and its sources, and returns the permanent error for
/// it. The same credentials would be refused again, and proxies lock accounts after a few attempts, so it must not
/// be retried.
pub(super) fn find_auth_refusal(error: &(dyn StdError + 'static)) -> Option<PermanentError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(TunnelError::ProxyAuthRequired)) {
            return Some(PermanentError::new("the proxy refused the credentials (407 Proxy Authentication Required)"));
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// The error of a tunnel through a proxy that sends this response, wrapped in another error.
    async fn error(response: &'static str) -> io::Error {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert_ne!(socket.read(&mut [0; 1024]).await.unwrap(), 0);
            socket.write_all(response.as_bytes()).await.unwrap();
        });
        let tunnel = Tunnel::new(proxy, HttpConnector::new()).call(Uri::from_static("https://host/")).await;
        served.await.unwrap();
        io::Error::other(Outer(tunnel.unwrap_err()))
    }

    #[derive(Debug)]
    struct Outer(TunnelError);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("no connection")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    #[tokio::test]
    async fn only_a_tunnel_refused_with_407_is_found_in_the_sources_of_an_error() {
        assert!(find_auth_refusal(&error("HTTP/1.1 407 Who?\r\n\r\n").await).is_some());
        for other in ["HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n", "no HTTP\r\n\r\n", ""] {
            assert!(find_auth_refusal(&error(other).await).is_none(), "{other}");
        }
    }
}
