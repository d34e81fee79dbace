//! The effects of tower-http's layers on a stream.

use std::{
    convert::Infallible,
    future::ready,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{future::poll_fn, stream};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sse_typed::{
    Sse, SseLayer,
    server::{Events, KeepAlive},
};
use tests::serve;
use tokio::sync::mpsc;
use tower::{BoxError, Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer, service_fn};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, predicate::SizeAbove},
    cors::CorsLayer,
    decompression::DecompressionLayer,
    limit::RequestBodyLimitLayer,
    timeout::{ResponseBodyDeadlineLayer, ResponseBodyTimeoutLayer, TimeoutLayer},
    trace::TraceLayer,
};

use crate::common::{Scene, silence};

fn request(method: Method) -> Request<Empty<Bytes>> {
    Request::builder().method(method).uri("/").header("origin", "https://page.example").body(Empty::new()).unwrap()
}

async fn next_text<B>(mut body: Pin<&mut B>) -> Option<Result<String, BoxError>>
where
    B: Body<Error: Into<BoxError>>,
{
    use bytes::Buf;
    let frame = match poll_fn(|cx| body.as_mut().poll_frame(cx)).await? {
        Ok(frame) => frame,
        Err(error) => return Some(Err(error.into())),
    };
    let mut data = frame.into_data().ok().unwrap();
    Some(Ok(String::from_utf8(data.copy_to_bytes(data.remaining()).to_vec()).unwrap()))
}

/// A sender, and a function that returns a stream of the events sent by it. It can be called once.
fn live() -> (mpsc::UnboundedSender<Scene>, impl Fn() -> Sse<Live> + Clone + Send + Sync) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    (sender, move || Sse::new(Live(receiver.lock().unwrap().take().unwrap())))
}

struct Live(mpsc::UnboundedReceiver<Scene>);

impl stream::Stream for Live {
    type Item = Scene;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<Option<Scene>> {
        self.0.poll_recv(cx)
    }
}

#[tokio::test]
async fn through_a_stack_of_all_layers_each_event_arrives_before_the_next_is_sent() {
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        let (sender, sse) = live();
        let stack = ServiceBuilder::new()
            .layer(SseLayer::new().retry(Duration::from_secs(2)))
            .layer(TraceLayer::new_for_http())
            .layer(CatchPanicLayer::new())
            .layer(CorsLayer::permissive())
            .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(30)))
            .layer(RequestBodyLimitLayer::new(1024))
            // The default leaves event streams alone, so compression is enabled here.
            .layer(CompressionLayer::new().compress_when(SizeAbove::new(0)))
            .layer(SseLayer::new().ids())
            .service(service_fn(move |_: Request<_>| ready(Ok::<_, Infallible>(sse()))));
        let address = serve::with_hyper(stack).await;
        let client = ServiceBuilder::new()
            .layer(DecompressionLayer::new())
            .map_response(move |response: Response<_>| {
                assert_eq!(response.headers()["content-encoding"], encoding);
                response
            })
            .service(Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>());

        let mut request = request(Method::GET);
        *request.uri_mut() = format!("http://{address}/").parse().unwrap();
        request.headers_mut().insert("accept-encoding", encoding.parse().unwrap());
        let response = client.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut body = pin!(response.into_body());
        let mut seen = String::new();
        for n in 0..5 {
            sender.send(Scene::Tick(n)).unwrap();
            let event = format!("event: tick\ndata: {n}\n\n");
            while !seen.ends_with(&event) {
                seen += &next_text(body.as_mut()).await.unwrap().unwrap();
            }
        }
        assert!(
            seen.starts_with("retry: 2000\n\nid: "),
            "the settings of the outermost layer reach the stream: {seen}"
        );
        drop(sender);
        assert!(next_text(body.as_mut()).await.is_none(), "a clean end");
    }
}

#[tokio::test]
async fn compression_leaves_event_streams_alone_by_default() {
    let service = ServiceBuilder::new().layer(CompressionLayer::new()).layer(SseLayer::new()).service(service_fn(
        |_: Request<Empty<Bytes>>| ready(Ok::<_, Infallible>(Sse::new(stream::iter(vec![Scene::Tick(1); 1000])))),
    ));
    let mut request = request(Method::GET);
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let response = service.oneshot(request).await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
}

/// The response of a service under `layer`, whose stream ticks at 1 and 61 seconds and then ends.
async fn at_1_and_61_seconds<L, B>(layer: L, sse_layer: SseLayer) -> (StatusCode, Vec<Result<String, String>>)
where
    L: Layer<
        sse_typed::server::SseService<tower::util::BoxCloneService<Request<Empty<Bytes>>, Sse<Ticks>, Infallible>>,
    >,
    L::Service: Service<Request<Empty<Bytes>>, Response = Response<B>, Error: std::fmt::Debug>,
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let ticks = service_fn(|_: Request<Empty<Bytes>>| {
        let ticks = stream::unfold(0, async |n| {
            if n == 2 {
                return None;
            }
            tokio::time::sleep(Duration::from_secs(if n == 0 { 1 } else { 60 })).await;
            Some((Scene::Tick(n), n + 1))
        });
        ready(Ok(Sse::new(Box::pin(ticks) as Ticks)))
    });
    let service = layer.layer(sse_layer.layer(tower::util::BoxCloneService::new(ticks)));
    let response = service.oneshot(request(Method::GET)).await.unwrap();
    let status = response.status();
    let mut body = pin!(response.into_body());
    let mut seen = Vec::new();
    while let Some(text) = next_text(body.as_mut()).await {
        seen.push(text.map_err(|error| error.to_string()));
        if seen.last().unwrap().is_err() {
            break;
        }
    }
    (status, seen)
}

type Ticks = Pin<Box<dyn stream::Stream<Item = Scene> + Send>>;

#[tokio::test(start_paused = true)]
async fn a_timeout_applies_to_the_head_and_not_to_the_stream() {
    let timeout = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(10));
    let (status, seen) = at_1_and_61_seconds(timeout, SseLayer::new().no_keep_alive()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(seen, [Ok("event: tick\ndata: 0\n\n".into()), Ok("event: tick\ndata: 1\n\n".into())]);
}

#[tokio::test(start_paused = true)]
async fn a_response_body_timeout_cuts_a_silence_without_keep_alives() {
    let timeout = || ResponseBodyTimeoutLayer::new(Duration::from_secs(30));
    let (_, seen) = at_1_and_61_seconds(timeout(), SseLayer::new().no_keep_alive()).await;
    assert!(matches!(&seen[..], [Ok(_), Err(_)]), "{seen:?}");
    let (_, seen) = at_1_and_61_seconds(timeout(), SseLayer::new().keep_alive(Duration::from_secs(15))).await;
    assert_eq!(seen.last(), Some(&Ok("event: tick\ndata: 1\n\n".into())));
}

#[tokio::test(start_paused = true)]
async fn a_response_body_deadline_cuts_every_stream() {
    let deadline = ResponseBodyDeadlineLayer::new(Duration::from_secs(30));
    let (_, seen) = at_1_and_61_seconds(deadline, SseLayer::new().keep_alive(Duration::from_secs(15))).await;
    assert!(matches!(&seen[..], [Ok(_), Ok(_), Err(_)]), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_trace_layer_measures_the_head_and_the_observer_the_stream() {
    let begin = tokio::time::Instant::now();
    let measured = Arc::new(Mutex::new(Vec::new()));
    let (heads, streams) = (Arc::clone(&measured), Arc::clone(&measured));
    let trace = TraceLayer::new_for_http().on_response(move |_: &Response<_>, _, _: &_| {
        // The latency of `TraceLayer` is not measured on the paused clock.
        heads.lock().unwrap().push(("head", begin.elapsed()));
    });
    let observed = SseLayer::new().on_close(move |closed| streams.lock().unwrap().push(("stream", closed.duration())));
    at_1_and_61_seconds(trace, observed).await;
    assert_eq!(*measured.lock().unwrap(), [("head", Duration::ZERO), ("stream", Duration::from_secs(61))]);
}

#[tokio::test]
async fn a_concurrency_limit_releases_its_permit_with_the_head() {
    let mut service = ServiceBuilder::new()
        .layer(ConcurrencyLimitLayer::new(1))
        .layer(SseLayer::new())
        .service(service_fn(|_: Request<Empty<Bytes>>| ready(Ok::<_, Infallible>(Sse::new(silence())))));
    let open = [
        service.ready().await.unwrap().call(request(Method::GET)).await.unwrap(),
        service.ready().await.unwrap().call(request(Method::GET)).await.unwrap(),
    ];
    assert!(open.iter().all(|response| response.status() == StatusCode::OK), "both are open at once");
}

#[tokio::test]
async fn catch_panic_answers_a_panic_of_the_handler_and_the_body_catches_one_of_the_stream() {
    fn answer(request: &Request<Empty<Bytes>>) -> Sse<impl Events + use<>> {
        assert_ne!(request.method(), Method::POST, "in the handler");
        let events = stream::iter([Scene::Tick(1), Scene::Panics]);
        Sse::new(events).keep_alive(KeepAlive::default())
    }
    let service = ServiceBuilder::new()
        .layer(CatchPanicLayer::new())
        .layer(SseLayer::new())
        .service(service_fn(|request: Request<Empty<Bytes>>| async move { Ok::<_, Infallible>(answer(&request)) }));
    let response = service.clone().oneshot(request(Method::POST)).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let response = service.oneshot(request(Method::GET)).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "event: tick\ndata: 1\n\n");
}
