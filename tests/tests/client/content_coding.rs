//! Compressed streams that were not decoded: an error that names the fix, not a stream without events.

use bytes::Bytes;
use http_body_util::Full;
use sse_typed::{
    Client, RawEvent,
    client::{Reply, SseDecodeLayer},
    testing::{Answer, ScriptedServer},
};
use tower::{Layer, ServiceExt};

fn service(coding: &str) -> ScriptedServer {
    ScriptedServer::new([Answer::stream().send("\u{1f}\u{8b}\n\ndata: 1\n\n").header("content-encoding", coding)])
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_still_compressed_is_a_fatal_error_that_names_the_layer() {
    let expected = "the event stream is compressed (`gzip`): decode it with tower-http's `DecompressionLayer`";
    let fed = service("gzip");
    let mut source = Client::new(fed.clone()).get("/").connect::<RawEvent>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_content_encoding() && error.is_fatal() && !error.is_content_type());
    assert_eq!(error.to_string(), expected);
    assert!(error.body().unwrap().starts_with("\u{1f}".as_bytes()));
    assert!(source.next().await.is_none());
    assert_eq!(fed.requests().len(), 1);

    let error = Client::new(service("gzip")).get("/").send::<RawEvent>().await.unwrap_err();
    assert_eq!(error.to_string(), expected);

    let layered = SseDecodeLayer::<RawEvent>::new().layer(service("gzip"));
    assert_eq!(layered.oneshot(http::Request::new(Full::<Bytes>::default())).await.unwrap_err().to_string(), expected);

    let reply = Client::new(service("gzip")).get("/").send_or_response::<RawEvent>().await.unwrap();
    assert!(matches!(reply, Reply::Other(response) if response.headers()["content-encoding"] == "gzip"));
}

#[tokio::test(start_paused = true)]
async fn a_lenient_client_reports_the_coding_of_a_stream_without_a_content_type() {
    let untyped = Answer::stream().without_content_type().header("content-encoding", "gzip");
    let client = Client::new(ScriptedServer::new([untyped.clone(), untyped]));
    assert!(
        client.get("/").accept_missing_content_type(true).send::<RawEvent>().await.unwrap_err().is_content_encoding()
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_the_coding_identity_is_read() {
    let mut events = Client::new(service("identity")).get("/").send::<RawEvent>().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().data.data(), "1");
}

#[tokio::test(start_paused = true)]
async fn other_errors_of_a_response_take_precedence_over_its_coding() {
    let html = Answer::status(200).header("content-type", "text/html").header("content-encoding", "br");
    let gone = Answer::status(410).header("content-encoding", "br");
    let client = Client::new(ScriptedServer::new([html, gone]));
    assert!(client.get("/").send::<RawEvent>().await.unwrap_err().is_content_type());
    assert!(client.get("/").send::<RawEvent>().await.unwrap_err().is_status());
}
