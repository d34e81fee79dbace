//! HTTP/2 without TLS.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_typed::{Client, RawEvent, client::HyperClient};
use tokio::net::TcpListener;

/// A server that supports only HTTP/2, and counts its connections.
async fn server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let service = |request: http::Request<Incoming>| {
        let body = Full::new(Bytes::from(format!("data: {:?}\n\n", request.version())));
        let response = http::Response::builder().header("content-type", "text/event-stream");
        std::future::ready(Ok::<_, Infallible>(response.body(body).unwrap()))
    };
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let connection = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(connection.serve_connection(TokioIo::new(socket), service_fn(service)));
        }
    });
    (url, connections)
}

#[tokio::test]
async fn prior_knowledge_uses_http_2_without_tls() {
    let (url, connections) = server().await;
    let client = Client::from(HyperClient::builder().http2_prior_knowledge().build().unwrap());
    for _ in 0..3 {
        let mut events = client.get(&*url).send::<RawEvent>().await.unwrap();
        assert_eq!(events.next().await.unwrap().unwrap().data.data(), "HTTP/2.0");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    let error = Client::hyper().get(&*url).send::<RawEvent>().await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
}

#[test]
fn a_proxy_cannot_be_combined_with_prior_knowledge() {
    for builder in [
        HyperClient::builder().http2_prior_knowledge().proxy("http://host"),
        HyperClient::builder().proxy("http://host").http2_prior_knowledge(),
    ] {
        assert!(builder.build().unwrap_err().to_string().contains("does not forward HTTP/2 by prior knowledge"));
    }
    assert!(HyperClient::builder().no_proxy("localhost").http2_prior_knowledge().build().is_ok());
}

#[tokio::test]
async fn the_authority_of_a_request_has_no_user() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://me:hidden@{}/", listener.local_addr().unwrap());
    let service = |request: http::Request<Incoming>| {
        let body =
            Full::new(Bytes::from(format!("data: {} {:?}\n\n", request.uri(), request.headers().get("authorization"))));
        let response = http::Response::builder().header("content-type", "text/event-stream");
        std::future::ready(Ok::<_, Infallible>(response.body(body).unwrap()))
    };
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let connection = http2::Builder::new(TokioExecutor::new());
        connection.serve_connection(TokioIo::new(socket), service_fn(service)).await
    });
    let client = Client::from(HyperClient::builder().http2_prior_knowledge().build().unwrap());
    let mut events = client.get(&*url).send::<RawEvent>().await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    let expected = format!("{} Some(\"Basic bWU6aGlkZGVu\")", url.replace("me:hidden@", ""));
    assert_eq!(event.data.data(), expected);
}
