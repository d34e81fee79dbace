//! A guarded socket below TLS. rustls buffers writes, so only the socket shows whether the client reads.

use std::{convert::Infallible, future::ready, sync::Arc, task::Poll, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName},
};
use sse_typed::{
    RawEvent, Sse, SseLayer,
    server::{ConnectionGuard, RequestBody, Server},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};
use tower::{Layer, service_fn};

use crate::common::{Alive, memory, within_timeout};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn acceptor_and_connector() -> (TlsAcceptor, TlsConnector) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (TlsAcceptor::from(Arc::new(server)), TlsConnector::from(Arc::new(client)))
}

/// An event that is larger than the pipe, followed by silence with a keep-alive every second.
fn large_event_then_silence() -> impl Stream<Item = RawEvent> + Send {
    stream::iter([RawEvent::new("large", "x".repeat(EVENT_SIZE))]).chain(stream::poll_fn(|_| Poll::Pending))
}

const EVENT_SIZE: usize = 4 << 10;

/// The size of the pipe between server and client, in bytes. It holds the keep-alives of six seconds.
const PIPE_SIZE: usize = 256;

#[derive(Clone, Copy, Debug)]
enum TlsServer {
    Hyper,
    /// The server of this crate, with or without its hand-off.
    Own {
        hand_off: bool,
    },
}

const TLS_SERVERS: [TlsServer; 3] =
    [TlsServer::Hyper, TlsServer::Own { hand_off: true }, TlsServer::Own { hand_off: false }];

/// Opens a stream over TLS, and reads the response head.
async fn open(server: TlsServer, alive: &Alive) -> (TlsStream<DuplexStream>, JoinHandle<()>) {
    let (acceptor, connector) = acceptor_and_connector();
    let streams = alive.clone();
    let sse = move || Sse::new(streams.watch(large_event_then_silence())).keep_alive(seconds(1));
    let (near, server) = match server {
        TlsServer::Hyper => {
            let (near, far) = duplex(PIPE_SIZE);
            let service =
                SseLayer::new().layer(service_fn(move |_: Request<Incoming>| ready(Ok::<_, Infallible>(sse()))));
            let server = tokio::spawn(async move {
                let guarded = ConnectionGuard::new(far).write_timeout(seconds(30));
                let tls = acceptor.accept(guarded).await.unwrap();
                drop(
                    http1::Builder::new().serve_connection(TokioIo::new(tls), TowerToHyperService::new(service)).await,
                );
            });
            (near, server)
        }
        TlsServer::Own { hand_off } => {
            let (dial, listener) = memory();
            let service = service_fn(move |_: Request<RequestBody>| ready(Ok::<_, Infallible>(sse())));
            let server = Server::new(listener).tls(move |socket| acceptor.accept(socket)).hand_off(hand_off);
            (dial.connect_with(PIPE_SIZE), tokio::spawn(async move { _ = server.serve(service).await }))
        }
    };
    let localhost = ServerName::try_from("localhost").unwrap();
    let mut client = within_timeout("handshake", connector.connect(localhost, near)).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within_timeout("response head", client.read_u8()).await.unwrap());
    }
    (client, server)
}

#[tokio::test(start_paused = true)]
async fn over_tls_a_client_that_reads_nothing_for_the_write_timeout_is_disconnected() {
    for server in TLS_SERVERS {
        let alive = Alive::default();
        let (client, task) = open(server, &alive).await;
        let stopped = Instant::now();
        while alive.count().alive > 0 && stopped.elapsed() < seconds(86_400) {
            sleep(seconds(1)).await;
        }
        // The pipe is full after some seconds.
        assert!((seconds(30)..seconds(40)).contains(&stopped.elapsed()), "{server:?}: {:?}", stopped.elapsed());
        drop(client);
        task.abort();
    }
}

/// The buffer of the server's rustls is never empty: while the client reads 200 bytes, keep-alives add 380.
#[tokio::test(start_paused = true)]
async fn over_tls_a_client_that_reads_slowly_stays_connected() {
    for server in TLS_SERVERS {
        let alive = Alive::default();
        let (mut client, task) = open(server, &alive).await;
        within_timeout("event", client.read_exact(&mut [0; EVENT_SIZE])).await.unwrap();
        for _ in 0..100 {
            sleep(seconds(20)).await;
            within_timeout("bytes", client.read_exact(&mut [0; 200])).await.unwrap();
            assert_eq!(alive.count().alive, 1, "{server:?}");
        }
        task.abort();
    }
}
