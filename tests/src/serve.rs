//! Servers on sockets of the loopback interface.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use sse_typed::server::{RequestBody, Server};
use tokio::net::TcpListener;
use tower::{BoxError, Service, ServiceExt};

/// Serves `service` with plain hyper, HTTP/1.1 and HTTP/2, and returns its address on the loopback interface.
///
/// # Panics
///
/// Panics if no port is free.
pub async fn with_hyper<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let http = auto::Builder::new(TokioExecutor::new());
                // A client may disconnect at any time.
                let _ = http.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}

/// Serves `service` with the server of this crate, and returns its address on the loopback interface.
///
/// # Panics
///
/// Panics if no port is free.
pub async fn with_server<S, B>(service: S, hand_off: bool) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let server = Server::bind("127.0.0.1:0").await.expect("a free port").hand_off(hand_off);
    let address = server.local_addr().expect("an address");
    let service = service.map_request(|request: Request<RequestBody>| request.map(RequestBody::into_inner));
    tokio::spawn(server.serve(service));
    address
}

/// Serves `service` with each server that takes one, and returns their addresses: plain hyper, and the server of this crate,
/// with and without its hand-off.
///
/// # Panics
///
/// Panics if no port is free.
pub async fn with_each<S, B>(service: S) -> [SocketAddr; 3]
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    [with_hyper(service.clone()).await, with_server(service.clone(), true).await, with_server(service, false).await]
}

/// Serves `router` with axum, and returns its address on the loopback interface.
///
/// # Panics
///
/// Panics if no port is free.
pub async fn with_axum(router: axum::Router) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}
