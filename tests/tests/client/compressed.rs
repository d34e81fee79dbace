//! `content-encoding`, decoded by tower-http's layer in front of the client.

use std::{convert::Infallible, time::Duration};

use http::{Response, header};
use sse_typed::{
    Client, Event, EventId, SseEvent,
    client::{EventSource, HttpService, HyperClient, ResponseBody},
    testing::{Answer, AnswerControl, ScriptedServer},
};
use tests::serve;
use tokio::time::timeout;
use tower::ServiceBuilder;
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

/// The controls of a server's connections.
type Controls = [AnswerControl; 2];

/// A server whose responses are always compressed, with a coding that the client accepts.
async fn server() -> (String, Controls) {
    let ((first, one), (second, two)) = (Answer::controlled(), Answer::controlled());
    let service = ServiceBuilder::new()
        .map_response(|response: Response<_>| {
            assert!(response.headers().contains_key(header::CONTENT_ENCODING));
            response
        })
        // The default of the layer does not compress event streams.
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(0)))
        .map_err(|error| -> Infallible { panic!("{error}") })
        .service(ScriptedServer::new([first, second]));
    (format!("http://{}/", serve::with_hyper(service).await), [one, two])
}

#[tokio::test]
async fn a_compressed_stream_is_read_event_by_event_on_each_connection() {
    for encoding in ["gzip", "br"] {
        let (url, controls) = server().await;
        let service = ServiceBuilder::new()
            .layer(DecompressionLayer::new())
            .map_response(move |response: Response<ResponseBody>| {
                assert_eq!(response.headers()[header::CONTENT_ENCODING], encoding);
                response
            })
            .service(HyperClient::new());
        let request = Client::new(service).get(url).header("accept-encoding", encoding);
        assert_lock_step(request.reconnect(fast()).connect(), controls).await;
    }
}

#[tokio::test]
async fn reqwest_decompresses_a_stream_event_by_event_by_itself() {
    let (url, controls) = server().await;
    // With its feature `gzip`, reqwest requests the coding and removes the header from the response; the server has
    // seen the request.
    let request = Client::reqwest(reqwest::Client::new()).get(url);
    assert_lock_step(request.reconnect(fast()).connect(), controls).await;
}

/// On each of two connections, each event arrives before the next is sent.
async fn assert_lock_step<S: HttpService>(mut source: EventSource<Feed, S>, controls: Controls) {
    for (control, connection) in controls.into_iter().zip([0, 100]) {
        for n in connection..connection + 20 {
            control.event(&Event::new(Feed::Tick { n }).id(EventId::from(n)));
            let event = timeout(Duration::from_secs(5), source.next()).await.expect("in time").unwrap().unwrap();
            assert_eq!((event.data, event.id), (Feed::Tick { n }, Some(EventId::from(n))));
        }
    }
}
