//! A server whose streams send the events of the test, so that a test can wait for an event before it sends the next.

use axum::{
    Router,
    extract::Request,
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use futures_util::stream::poll_fn;
use sse_typed::{Event, RawEvent, Sse, SseLayer};
use tokio::{sync::mpsc, time::timeout};

use crate::program::LIMIT;

/// A request for a stream, and the sender of its events.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) headers: HeaderMap,
    pub(crate) path: String,
    events: mpsc::UnboundedSender<Event<RawEvent>>,
}

impl Visit {
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.headers.get("last-event-id").map(|id| id.to_str().unwrap())
    }

    /// Sends the event `tick` with this number as its id.
    pub(crate) fn send(&self, n: u64) {
        self.events.send(tick(n)).expect("the stream is open");
    }

    /// Waits until the server has dropped the stream.
    pub(crate) async fn dropped(&self) {
        timeout(LIMIT, self.events.closed()).await.expect("the server does not notice the disconnect");
    }
}

pub(crate) fn tick(n: u64) -> Event<RawEvent> {
    Event::new(RawEvent::new("tick", data(n))).id(n)
}

/// The data of the event `tick`: two lines.
pub(crate) fn data(n: u64) -> String {
    format!("number {n}\nof many")
}

#[derive(Debug)]
pub(crate) struct Visits(mpsc::UnboundedReceiver<Visit>);

impl Visits {
    pub(crate) async fn next(&mut self) -> Visit {
        timeout(LIMIT, self.0.recv()).await.expect("no request").unwrap()
    }
}

/// `/events` is a stream under `layer`, `/` an empty page, and `/ping` a short response.
pub(crate) fn controlled_router(layer: SseLayer) -> (Router, Visits) {
    controlled_router_with(layer, IntoResponse::into_response)
}

/// Like `controlled_router`, with a function that makes the response of each stream.
pub(crate) fn controlled_router_with<F>(layer: SseLayer, respond: F) -> (Router, Visits)
where
    F: Fn(Sse<BoxTicks>) -> Response + Clone + Send + Sync + 'static,
{
    let (sender, visits) = mpsc::unbounded_channel();
    let stream = move |request: Request| {
        let (events, mut receiver) = mpsc::unbounded_channel();
        let (headers, path) = (request.headers().clone(), request.uri().to_string());
        // The test may have ended.
        let _ = sender.send(Visit { headers, path, events });
        let ticks: BoxTicks = Box::pin(poll_fn(move |cx| receiver.poll_recv(cx)));
        std::future::ready(respond(Sse::new(ticks)))
    };
    let router = Router::new()
        .route("/events", get(stream))
        .layer(layer)
        .route("/", get(|| std::future::ready(Html("<!doctype html><title>stream</title>"))))
        .route("/ping", get(|| std::future::ready("pong")));
    (router, Visits(visits))
}

pub(crate) type BoxTicks = futures_util::stream::BoxStream<'static, Event<RawEvent>>;
