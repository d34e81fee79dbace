//! Clients of services in the same process, without a port.

use axum::{
    Json, Router,
    body::Body,
    extract::Request,
    http::{StatusCode, header},
    response::{
        IntoResponse,
        sse::{Event, Sse},
    },
    routing::{get, post},
};
use futures_util::stream;
use sse_typed::{
    Client, RawEvent,
    client::{Ended, HttpService, SseDecodeLayer},
};
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_http::{
    compression::CompressionLayer, cors::CorsLayer, decompression::DecompressionLayer,
    set_header::SetRequestHeaderLayer, timeout::TimeoutLayer, trace::TraceLayer,
};

use crate::reading::Reading;

/// A feed that axum's own `Sse` sends.
fn router() -> Router {
    Router::new()
        .route(
            "/feed",
            get(|request: Request| async move {
                let from = request.headers().get("last-event-id").map_or(0, |id| id.to_str().unwrap().parse().unwrap());
                if from >= 6 {
                    return StatusCode::NO_CONTENT.into_response();
                }
                let events = (from + 1..=from + 3).map(|n: i64| {
                    let event = Event::default().event("value").id(n.to_string()).data(n.to_string());
                    Ok::<_, std::convert::Infallible>(event)
                });
                Sse::new(stream::iter(events)).into_response()
            }),
        )
        .route(
            "/echo",
            post(|Json(value): Json<i64>| async move {
                let event = Event::default().event("value").data(value.to_string());
                Sse::new(stream::iter([Ok::<_, std::convert::Infallible>(event)]))
            }),
        )
        .route(
            "/who",
            get(|request: Request| async move {
                let who = request.headers()[header::AUTHORIZATION].to_str().unwrap().to_owned();
                Sse::new(stream::iter([Ok::<_, std::convert::Infallible>(Event::default().data(who))]))
            }),
        )
}

async fn resumes<S: HttpService>(client: Client<S>) {
    let mut source = client.get("/feed").reconnect(crate::reading::fast()).connect::<Reading>();
    let mut values = Vec::new();
    while let Some(event) = source.next().await {
        values.push(event.unwrap().data);
    }
    assert_eq!(values, (1..=6).map(Reading::Value).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_is_a_service() {
    resumes(Client::new(router())).await;
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_is_a_service_with_axums_body_too() {
    resumes(Client::with_body::<Body>(router())).await;
    resumes(Client::with_body::<Body>(router()).boxed()).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_of_bytes_is_an_http_service() {
    let service = tower::service_fn(|_: http::Request<bytes::Bytes>| async {
        Ok::<_, std::convert::Infallible>(http::Response::builder().status(204).body(Body::empty()).unwrap())
    });
    let mut source = Client::with_body(service).get("/").connect::<RawEvent>();
    assert!(source.next().await.is_none());
}

#[tokio::test]
async fn send_posts_a_body_to_a_router() {
    let mut events = Client::new(router()).post("/echo").json(&42).send::<Reading>().await.unwrap();
    assert_eq!(events.try_next().await.unwrap().unwrap().data, Reading::Value(42));
}

#[tokio::test(start_paused = true)]
async fn middleware_works_in_front_of_the_client_and_of_the_server() {
    let served = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, std::time::Duration::from_secs(3)))
        .layer(CorsLayer::permissive())
        .layer(CompressionLayer::new())
        .service(router());
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(SetRequestHeaderLayer::overriding(
            header::AUTHORIZATION,
            http::HeaderValue::from_static("Bearer of-the-layer"),
        ))
        .layer(DecompressionLayer::new())
        .service(served);
    let client = Client::new(service);
    resumes(client.clone()).await;
    let mut events = client.get("/who").send::<RawEvent>().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().data.data(), "Bearer of-the-layer");
}

#[tokio::test]
async fn the_layer_decodes_event_streams_and_makes_other_responses_errors() {
    let service = ServiceBuilder::new()
        .layer(SseDecodeLayer::<Reading>::new())
        .map_request(|request: Request| {
            assert_eq!(request.headers()[header::ACCEPT], "text/event-stream");
            request
        })
        .service(router());
    let get = |uri: &'static str, id: &'static str| {
        let request = Request::get(uri).header("last-event-id", id).body(Body::empty()).unwrap();
        service.clone().oneshot(request)
    };
    let response = get("/feed", "1").await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body();
    assert_eq!(events.next().await.unwrap().unwrap().data, Reading::Value(2));
    assert_eq!(events.last_event_id(), "2");

    assert_eq!(get("/feed", "6").await.unwrap().into_body().ended(), Some(Ended::NoContent));
    assert_eq!(get("/nowhere", "1").await.unwrap_err().status(), Some(StatusCode::NOT_FOUND));
}

#[tokio::test(start_paused = true)]
async fn the_client_waits_until_the_service_is_ready() {
    let service = tower::limit::ConcurrencyLimit::new(router(), 1);
    let mut busy = service.clone();
    let held = ServiceExt::<Request>::ready(&mut busy).await.unwrap();
    let mut source = Client::new(service).get("/feed").connect::<Reading>();
    let soon = std::time::Duration::from_secs(1);
    assert!(tokio::time::timeout(soon, source.next()).await.is_err());
    // The response frees the slot.
    held.call(Request::new(Body::empty())).await.unwrap();
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(1));
}

#[tokio::test]
async fn the_headers_and_the_body_of_a_request_arrive_unchanged() {
    let service = tower::service_fn(|request: http::Request<Body>| async move {
        let headers = request.headers();
        // A sensitive value is kept out of HTTP/2's header tables and of traces.
        let sensitive: Vec<_> =
            headers.iter().filter(|(_, value)| value.is_sensitive()).map(|(name, _)| name.as_str()).collect();
        let types: Vec<_> = headers.get_all(header::CONTENT_TYPE).iter().collect();
        let data = format!(
            "event: value\ndata: {}\n\n",
            u8::from(sensitive == ["authorization"]) + u8::from(types == ["application/x+json"])
        );
        let response = http::Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
        Ok::<_, std::convert::Infallible>(response.body(Body::from(data)).unwrap())
    });
    let request =
        Client::with_body(service).post("/").header("content-type", "application/x+json").bearer_auth("token");
    let mut events = request.json(&[1]).send::<Reading>().await.unwrap();
    assert_eq!(events.next().await.unwrap().unwrap().data, Reading::Value(2));
}
