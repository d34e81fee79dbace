//! Servers that can be killed and restarted while the streams and hubs behind them continue.

use std::{fmt, net::SocketAddr, sync::Arc};

use axum::Router;
use futures_util::future::BoxFuture;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{certificate, program::LIMIT};

pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    serve: Serve,
    task: JoinHandle<()>,
}

/// The protocols that the server offers by ALPN, in order of preference.
pub(crate) type Protocols = &'static [&'static str];

/// The function that serves a listener until it is dropped, and all connections with it.
type Serve = Arc<dyn Fn(TcpListener) -> BoxFuture<'static, ()> + Send + Sync>;

/// The function that serves a connection.
type ServeConnection = Arc<dyn Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// A runtime whose tasks end when it is dropped: the connections of a server that is killed.
struct OwnRuntime(Option<tokio::runtime::Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for its tasks is not possible here, because this may be a task, too.
            std::thread::spawn(|| runtime.shutdown_timeout(LIMIT)).join().unwrap();
        }
    }
}

impl Server {
    /// Starts the server of this crate, which hands event streams over from hyper.
    pub(crate) async fn start(router: Router) -> Self {
        Self::run("http", move |listener| {
            let router = router.clone();
            Box::pin(async move {
                let runtime = OwnRuntime(Some(
                    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap(),
                ));
                let listener = listener.into_std().unwrap();
                let served = runtime.0.as_ref().unwrap().spawn(async move {
                    let listener = TcpListener::from_std(listener).unwrap();
                    sse_typed::server::Server::new(listener).serve(router).await
                });
                served.await.unwrap();
            })
        })
        .await
    }

    pub(crate) async fn start_with_hyper(router: Router) -> Self {
        Self::listen("http", move |socket| Box::pin(serve_connection(socket, router.clone()))).await
    }

    pub(crate) async fn start_with_tls(router: Router, protocols: Protocols) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(certificate::server_config(protocols)));
        Self::listen("https", move |socket| {
            let (acceptor, router) = (acceptor.clone(), router.clone());
            Box::pin(async move {
                // A browser closes its first connection when it does not know the certificate yet.
                if let Ok(socket) = acceptor.accept(socket).await {
                    serve_connection(socket, router).await;
                }
            })
        })
        .await
    }

    /// Forwards bytes between its clients and another server. When it is killed, the other server only sees closed connections.
    pub(crate) async fn in_front_of(upstream: SocketAddr) -> Self {
        Self::listen("http", move |mut client| {
            Box::pin(async move {
                if let Ok(mut upstream) = TcpStream::connect(upstream).await {
                    let _ = copy_bidirectional(&mut client, &mut upstream).await;
                }
            })
        })
        .await
    }

    async fn listen(
        scheme: &'static str,
        serve: impl Fn(TcpStream) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let serve: ServeConnection = Arc::new(serve);
        Self::run(scheme, move |listener| Box::pin(accept(listener, Arc::clone(&serve)))).await
    }

    async fn run(
        scheme: &'static str,
        serve: impl Fn(TcpListener) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve: Serve = Arc::new(serve);
        let task = tokio::spawn(serve(listener));
        Self { address, scheme, serve, task }
    }

    /// Closes the listener and all connections at once.
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }

    /// Listens on the same address again.
    pub(crate) async fn restart(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is free");
        self.task = tokio::spawn((self.serve)(listener));
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.url("/")).finish()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, serve: ServeConnection) {
    // The connections end with this task, because it owns them.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).unwrap();
        connections.spawn(serve(socket));
    }
}

async fn serve_connection(socket: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
    let service = TowerToHyperService::new(router);
    // A client may disconnect at any time.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
}
