//! Sessions with a hub over sockets, whose connections are cut after each byte of the server.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{Router, routing::get};
use sse_typed::{Hub, LastEventId, Sse, client::HyperClient, hub::Start};
use tests::{
    cuts::{Cut, EVENTS, Tick, cut_everywhere, http_2},
    serve,
};

/// The hub of the current session.
#[derive(Clone)]
struct Feed(Arc<Mutex<Hub<Tick>>>);

impl Feed {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Hub::builder().build())))
    }

    fn hub(&self) -> Hub<Tick> {
        self.0.lock().unwrap().clone()
    }

    fn router(&self) -> Router {
        let feed = self.clone();
        let events = async move |id: LastEventId| Sse::new(feed.hub().subscribe(id.or(Start::Earliest)));
        Router::new().route("/", get(events))
    }
}

/// Each session has a hub of its own. Its events are published in groups, each twice as large as all before it and
/// published when the client has
/// received the one before, so that it is replayed or live.
async fn run(client: HyperClient, cut: Cut, server: impl AsyncFnOnce(Router) -> SocketAddr) {
    let feed = Feed::new();
    let address = server(feed.router()).await;
    let publish = async |received: usize| {
        let hub = feed.hub();
        let published = usize::try_from(hub.stats().published).unwrap();
        if received < published {
            return;
        }
        for number in published..(2 * published + 1).min(EVENTS) {
            hub.publish(&Tick::of(number)).await.unwrap();
        }
    };
    let begin = async || {
        *feed.0.lock().unwrap() = Hub::builder().build();
        publish(0).await;
    };
    cut_everywhere(address, client, cut, begin, publish).await;
}

async fn server(router: Router) -> SocketAddr {
    serve::with_server(router, true).await
}

#[tokio::test]
async fn over_http_1_a_session_may_break_after_every_byte() {
    run(HyperClient::new(), Cut::Close, server).await;
}

#[tokio::test]
async fn over_http_1_a_session_may_break_after_every_byte_in_the_other_way() {
    run(HyperClient::new(), Cut::Reset, server).await;
}

#[tokio::test]
async fn over_http_2_a_session_may_break_after_every_byte() {
    run(http_2(), Cut::Close, server).await;
}

#[tokio::test]
async fn over_http_2_a_session_may_break_after_every_byte_in_the_other_way() {
    run(http_2(), Cut::Reset, server).await;
}
