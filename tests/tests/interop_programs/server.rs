//! A server that can be killed and started again while what it serves lives on; with or without TLS.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::certificate;

#[derive(Debug)]
pub(crate) struct Server {
    router: Router,
    address: SocketAddr,
    tls: Option<Tls>,
    task: JoinHandle<()>,
}

/// The protocols that are offered by ALPN, in their order.
pub(crate) type Protocols = &'static [&'static str];

#[derive(Clone)]
struct Tls(TlsAcceptor);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Server {
    pub(crate) async fn start(router: Router) -> Self {
        Self::start_on(router, None).await
    }

    pub(crate) async fn start_with_tls(router: Router, protocols: Protocols) -> Self {
        let config = certificate::server_config(protocols);
        Self::start_on(router, Some(Tls(TlsAcceptor::from(Arc::new(config))))).await
    }

    async fn start_on(router: Router, tls: Option<Tls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(serve(listener, router.clone(), tls.clone()));
        Self { router, address, tls, task }
    }

    /// Listens no more, and cuts every connection in its midst.
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    /// Listens again where it did before.
    pub(crate) async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still ours");
        self.task = tokio::spawn(serve(listener, self.router.clone(), self.tls.clone()));
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", if self.tls.is_some() { "https" } else { "http" }, self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, router: Router, tls: Option<Tls>) {
    // They end with this task, which owns them.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).unwrap();
        let (router, tls) = (router.clone(), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve_connection(socket, router).await,
                // A browser that has not seen the certificate before hangs up once.
                Some(Tls(acceptor)) => {
                    if let Ok(socket) = acceptor.accept(socket).await {
                        serve_connection(socket, router).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection(socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
    let service = TowerToHyperService::new(router);
    // A client that goes is the client's affair.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
}
