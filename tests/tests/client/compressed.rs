//! `content-encoding`, by tower-http's layer in front of the client.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, Response, header};
use sse_typed::{
    Client, Event, EventId, Sse, SseEvent, SseLayer,
    client::{HyperClient, ResponseBody},
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

/// Sends of each connection what the test gives it.
async fn server(connections: mpsc::UnboundedSender<Sender>) -> String {
    let connections = Arc::new(Mutex::new(connections));
    let service = ServiceBuilder::new()
        // Opted in: the default leaves event streams alone.
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
        let mut source = request.reconnect(fast()).connect::<Feed>();
        for connection in [0, 100] {
            // It connects when it is polled.
            let sender = tokio::select! {
                sender = connections.recv() => sender.unwrap(),
                event = source.next() => panic!("{event:?}"),
            };
            // Each arrives before the next is made.
            for n in connection..connection + 20 {
                sender.send(Event::new(Feed::Tick { n }).id(EventId::from(n))).unwrap();
                let event = timeout(Duration::from_secs(5), source.next()).await.expect("in time").unwrap().unwrap();
                assert_eq!((event.data, event.id), (Feed::Tick { n }, Some(EventId::from(n))));
            }
        }
    }
}
