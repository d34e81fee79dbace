//! Event streams in axum: a handler returns `Sse`, and the layer gives every stream of the router its policy.
//!
//! `cargo run --example axum_server`, then `curl -N http://127.0.0.1:3002/orders/17`.

use std::{error::Error, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use sse_typed::{Event, LastEventId, Sse, SseEvent, SseLayer};
use tokio::{net::TcpListener, time};

/// The life of an order, in the order in which it happens.
#[derive(Clone, Debug, SseEvent)]
#[sse(rename_all = "snake_case", prefix = "order.")]
enum OrderEvent {
    Accepted {
        order: u32,
        total_cents: u64,
    },
    Packed,
    Shipped {
        carrier: String,
    },
    #[sse(terminal)]
    Delivered,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/orders/{order}", get(order))
        .layer(SseLayer::new().retry(Duration::from_secs(1)).keep_alive(Duration::from_secs(15)));
    let listener = TcpListener::bind(("127.0.0.1", 3002)).await?;
    println!("curl -N http://{}/orders/17", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// A client that was cut off brings the number of the last event it has; the stream goes on behind it.
async fn order(Path(order): Path<u32>, last_event_id: LastEventId) -> Response {
    match last_event_id.parse::<u64>() {
        Ok(seen) => Sse::new(events(order, seen.unwrap_or(0))).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("Last-Event-ID is no number: {error}\n")).into_response(),
    }
}

fn events(order: u32, seen: u64) -> impl Stream<Item = Event<OrderEvent>> + Send + use<> {
    let life = [
        OrderEvent::Accepted { order, total_cents: 4_990 },
        OrderEvent::Packed,
        OrderEvent::Shipped { carrier: "Kiwi Express".to_owned() },
        OrderEvent::Delivered,
    ];
    let numbered = (1_u64..).zip(life).filter(move |(number, _)| *number > seen);
    stream::iter(numbered.collect::<Vec<_>>()).then(|(number, event)| async move {
        time::sleep(Duration::from_secs(1)).await;
        Event::new(event).id(number)
    })
}
