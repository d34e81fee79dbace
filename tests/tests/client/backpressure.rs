//! A slow consumer slows down its server, and nothing accumulates between them. Over HTTP/1.1 and HTTP/2, on
//! in-memory connections, so that time can be paused.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sse_typed::{Client, EventSource, RawEvent, client::HttpService};
use tokio::{
    io::DuplexStream,
    time::{sleep, timeout},
};
use tower::{BoxError, service_fn};

const HOUR: Duration = Duration::from_secs(3600);
const MIB: usize = 1 << 20;

/// The number of events of 1 KiB.
const EVENTS: usize = 16 << 10;

/// The client's end of a connection to a server of [`EVENTS`] events. `made` counts the produced bytes.
fn connect(made: Arc<AtomicUsize>) -> TokioIo<DuplexStream> {
    let (near, far) = tokio::io::duplex(64 << 10);
    let service = hyper::service::service_fn(move |_: Request<Incoming>| {
        let made = Arc::clone(&made);
        let events = stream::iter(1..=EVENTS).map(move |n| {
            let event = format!("id: {n}\ndata: {n:>1000}\n\n");
            made.fetch_add(event.len(), Ordering::Relaxed);
            Ok::<_, Infallible>(Frame::data(Bytes::from(event)))
        });
        let response = Response::builder().header("content-type", "text/event-stream").body(StreamBody::new(events));
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    tokio::spawn(async move {
        let server = auto::Builder::new(TokioExecutor::new());
        // The task ends with the client.
        let _ = server.serve_connection(TokioIo::new(far), service).await;
    });
    TokioIo::new(near)
}

fn over_http_1(made: &Arc<AtomicUsize>) -> Client<impl HttpService + use<>> {
    let made = Arc::clone(made);
    Client::new(service_fn(move |request: Request<Full<Bytes>>| {
        let io = connect(Arc::clone(&made));
        async move {
            let (mut sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            Ok::<_, BoxError>(sender.send_request(request).await?)
        }
    }))
}

/// All requests use one connection.
async fn over_http_2(made: &Arc<AtomicUsize>) -> Client<impl HttpService + use<>> {
    let io = connect(Arc::clone(made));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    Client::new(service_fn(move |request: Request<Full<Bytes>>| {
        let mut sender = sender.clone();
        async move { sender.send_request(request).await }
    }))
}

fn source<S: HttpService>(client: &Client<S>) -> EventSource<RawEvent, S> {
    client.get("http://feed.example/").connect()
}

/// Reads exactly `ids`.
async fn read<S: HttpService>(source: &mut EventSource<RawEvent, S>, ids: std::ops::RangeInclusive<usize>) {
    for id in ids {
        let event = timeout(HOUR, source.next()).await.expect("it is held up").unwrap().unwrap();
        assert_eq!(event.id.unwrap().as_str(), id.to_string());
    }
}

/// The number of bytes that were produced when nothing makes progress any more.
async fn settled(made: &AtomicUsize) -> usize {
    // Paused time advances only when all tasks are idle.
    sleep(HOUR).await;
    made.load(Ordering::Relaxed)
}

/// Requests all events, reads them slowly, and returns the most bytes that were produced ahead of the reader.
async fn ahead<S: HttpService>(client: Client<S>, made: &AtomicUsize) -> usize {
    let mut source = source(&client);
    read(&mut source, 1..=1).await;
    let ahead = settled(made).await;
    assert_eq!(settled(made).await, ahead, "it stands still");
    read(&mut source, 2..=EVENTS).await;
    assert!(made.load(Ordering::Relaxed) >= EVENTS * 1000);
    ahead
}

#[tokio::test(start_paused = true)]
async fn unread_events_are_not_produced_over_http_1() {
    let made = Arc::default();
    let ahead = ahead(over_http_1(&made), &made).await;
    assert!(ahead < MIB, "{ahead} bytes");
}

#[tokio::test(start_paused = true)]
async fn unread_events_are_not_produced_over_http_2() {
    let made = Arc::default();
    let ahead = ahead(over_http_2(&made).await, &made).await;
    // The window of a stream is hyper's, 2 MiB.
    assert!(ahead < 4 * MIB, "{ahead} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_a_full_window_does_not_block_other_streams_of_its_connection() {
    let made = Arc::default();
    let client = over_http_2(&made).await;
    let mut stalled = source(&client);
    read(&mut stalled, 1..=1).await;
    settled(&made).await;
    read(&mut source(&client), 1..=EVENTS).await;
    read(&mut stalled, 2..=EVENTS).await;
}
