use std::time::Duration;

use axum::{Router, routing::get};
use sse_typed::{
    Gap, Hub, LastEventId, Sse, SseEvent, SseLayer,
    server::{Drain, Shutdown},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum RideEvent {
    Position { km: u32 },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Completed,
}

fn app(hub: &Hub<RideEvent>, shutdown: &Shutdown) -> Router {
    let hub = hub.clone();
    Router::new()
        .route("/ride", get(|id: LastEventId| async move { Sse::new(hub.subscribe(id)) }))
        .layer(SseLayer::new().keep_alive(Duration::from_secs(15)).shutdown(shutdown, Drain::Now))
}
