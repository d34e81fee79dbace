//! Requests with a full header map: another header is an error, not a panic.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::Full;
use sse_typed::{
    Client, EventId, RawEvent,
    client::{RequestBuilder, SseDecodeLayer, WithBody},
    testing::ScriptedServer,
};
use tower::{Layer, ServiceExt};

fn full() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for number in 0.. {
        let name = HeaderName::try_from(format!("x-{number}")).unwrap();
        if headers.try_insert(name, HeaderValue::from_static("1")).is_err() {
            break;
        }
    }
    headers
}

type Builder = RequestBuilder<WithBody<ScriptedServer, Full<Bytes>>>;

#[tokio::test(start_paused = true)]
async fn a_header_for_a_full_map_is_an_error_and_nothing_is_sent() {
    let changes: [fn(Builder) -> Builder; 6] = [
        |request| request,
        |request| request.header("x-more", "1"),
        |request| request.bearer_auth("secret"),
        |request| request.json(&1),
        |request| request.last_event_id(EventId::from(1)),
        |request| request.request(|attempt| async { Ok(attempt.into_request()) }),
    ];
    for change in changes {
        let service = ScriptedServer::new([]);
        let request = || change(Client::new(service.clone()).get("/").headers(full()));
        let mut source = request().connect::<RawEvent>();
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_request() && error.is_fatal(), "{error}");
        assert!(source.next().await.is_none());
        assert!(request().send::<RawEvent>().await.unwrap_err().is_request());
        assert!(service.requests().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_full_header_map_from_the_closure_is_an_error() {
    let service = ScriptedServer::new([]);
    let request = Client::new(service.clone()).get("/").request(|attempt| async {
        let mut request = attempt.into_request();
        *request.headers_mut() = full();
        Ok(request)
    });
    assert!(request.connect::<RawEvent>().next().await.unwrap().unwrap_err().is_request());
    assert!(service.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_full_header_map_through_the_layer_is_an_error() {
    let service = ScriptedServer::new([]);
    let mut request = Request::new(Full::<Bytes>::default());
    *request.headers_mut() = full();
    let error = SseDecodeLayer::<RawEvent>::new().layer(service.clone()).oneshot(request).await.unwrap_err();
    assert!(error.is_request(), "{error}");
    assert!(service.requests().is_empty());
}
