//! Tunnels through a proxy that were refused.

use std::error::Error as StdError;

use http::Uri;
use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use tower_service::Service;

use super::unsendable::Unsendable;

/// hyper-util does not export its name.
type TunnelError = <Tunnel<HttpConnector> as Service<Uri>>::Error;

/// The error of a tunnel that the proxy refused with 407, if it is this one or one of its causes. The same credentials
/// would be refused again, and proxies lock accounts after a few attempts, so it is not to be repeated.
pub(super) fn refused_credentials(error: &(dyn StdError + 'static)) -> Option<Unsendable> {
    let mut next = Some(error);
    while let Some(error) = next {
        if matches!(error.downcast_ref(), Some(TunnelError::ProxyAuthRequired)) {
            return Some(Unsendable::because(
                "the proxy asks for other credentials (407 Proxy Authentication Required)",
            ));
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

    /// The error of a tunnel through a proxy with this answer, among causes.
    async fn error(answer: &'static str) -> io::Error {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let served = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert_ne!(socket.read(&mut [0; 1024]).await.unwrap(), 0);
            socket.write_all(answer.as_bytes()).await.unwrap();
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
    async fn a_tunnel_that_was_refused_with_407_is_found_among_causes_and_no_other_failure_is() {
        assert!(refused_credentials(&error("HTTP/1.1 407 Who?\r\n\r\n").await).is_some());
        for other in ["HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n", "no HTTP\r\n\r\n", ""] {
            assert!(refused_credentials(&error(other).await).is_none(), "{other}");
        }
    }
}
