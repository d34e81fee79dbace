//! `content-encoding`, decoded by tower-http's layer in front of the client.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response, header};
use sse_typed::{
    Client, Event, EventId, Sse, SseEvent, SseLayer,
    client::{EventSource, HttpService, HyperClient, ResponseBody},
};
use tests::serve;
use tokio::{sync::mpsc, time::timeout};
use tower::{ServiceBuilder, service_fn};
use tower_http::{
    compression::{CompressionLayer, predicate::SizeAbove},
    decompression::DecompressionLayer,
};

use crate::reading::fast;

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Feed {
    Tick { n: u64 },
}

type Sender = mpsc::UnboundedSender<Event<Feed>>;
type Connections = mpsc::UnboundedReceiver<Sender>;

/// Sends on each connection the events that the test passes it, always compressed with a coding that the client
/// accepts.
async fn server(connections: mpsc::UnboundedSender<Sender>) -> String {
    let connections = Arc::new(Mutex::new(connections));
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| {
            assert!(response.headers().contains_key(header::CONTENT_ENCODING));
            response
        })
        // The default of the layer does not compress event streams.
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(0)))
        .layer(SseLayer::new())
        .service(service_fn(move |_: Request<_>| {
            let (sender, mut events) = mpsc::unbounded_channel();
            connections.lock().unwrap().send(sender).unwrap();
            let events = futures_util::stream::poll_fn(move |cx| events.poll_recv(cx));
            ready(Ok::<_, Infallible>(Sse::new(events)))
        }));
    format!("http://{}/", serve::with_hyper(service).await)
}

#[tokio::test]
async fn a_compressed_stream_is_read_event_by_event_on_each_connection() {
    for encoding in ["gzip", "br"] {
        let (opened, mut connections) = mpsc::unbounded_channel();
        let service = ServiceBuilder::new()
            .layer(DecompressionLayer::new())
            .map_response(move |response: Response<ResponseBody>| {
                assert_eq!(response.headers()[header::CONTENT_ENCODING], encoding);
                response
            })
            .service(HyperClient::new());
        let request = Client::new(service).get(server(opened).await).header("accept-encoding", encoding);
        assert_lock_step(request.reconnect(fast()).connect(), &mut connections).await;
    }
}

#[tokio::test]
async fn reqwest_decompresses_a_stream_event_by_event_by_itself() {
    let (opened, mut connections) = mpsc::unbounded_channel();
    // With its feature `gzip`, reqwest requests the coding and removes the header from the response; the server has
    // seen the request.
    let request = Client::reqwest(reqwest::Client::new()).get(server(opened).await);
    assert_lock_step(request.reconnect(fast()).connect(), &mut connections).await;
}

/// On each of two connections, each event arrives before the next is sent.
async fn assert_lock_step<S: HttpService>(mut source: EventSource<Feed, S>, connections: &mut Connections) {
    for connection in [0, 100] {
        // A source connects when it is polled.
        let sender = tokio::select! {
            sender = connections.recv() => sender.unwrap(),
            event = source.next() => panic!("{event:?}"),
        };
        for n in connection..connection + 20 {
            sender.send(Event::new(Feed::Tick { n }).id(EventId::from(n))).unwrap();
            let event = timeout(Duration::from_secs(5), source.next()).await.expect("in time").unwrap().unwrap();
            assert_eq!((event.data, event.id), (Feed::Tick { n }, Some(EventId::from(n))));
        }
    }
}
