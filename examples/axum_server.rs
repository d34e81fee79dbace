//! Event streams in axum: handlers return `Sse`, and the layer holds the settings of all streams of the router.
//!
//! `cargo run --example axum_server [-- --port N]`, then `curl -N http://127.0.0.1:3002/orders/17`.

mod listen;

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use sse_typed::{Event, LastEventId, Sse, SseEvent, SseLayer};
use tokio::time;

use self::listen::{exit_code, listen};

/// The steps of an order, first to last.
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
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let app = Router::new()
        .route("/orders/{order}", get(order))
        .layer(SseLayer::new().retry(Duration::from_secs(1)).keep_alive(Duration::from_secs(15)));
    let listener = listen("axum_server", 3002).await?;
    let url = format!("http://{}/orders/17", listener.local_addr()?);
    println!("The stream:  {url}");
    println!("Try it:      curl -N {url}");
    println!("Ctrl-C ends the server.");
    axum::serve(listener, app).await?;
    Ok(())
}

/// A client that reconnects sends the number of its last event, and the stream resumes after it.
async fn order(Path(order): Path<u32>, last_event_id: LastEventId) -> Response {
    match last_event_id.parse::<u64>() {
        Ok(seen) => Sse::new(events(order, seen.unwrap_or(0))).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("`Last-Event-ID` is not a number: {error}\n")).into_response(),
    }
}

fn events(order: u32, seen: u64) -> impl Stream<Item = Event<OrderEvent>> + Send + use<> {
    let steps = [
        OrderEvent::Accepted { order, total_cents: 4_990 },
        OrderEvent::Packed,
        OrderEvent::Shipped { carrier: "Kiwi Express".to_owned() },
        OrderEvent::Delivered,
    ];
    let numbered = (1_u64..).zip(steps).filter(move |(number, _)| *number > seen);
    stream::iter(numbered.collect::<Vec<_>>()).then(|(number, event)| async move {
        time::sleep(Duration::from_secs(1)).await;
        Event::new(event).id(number)
    })
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/axum_server.json");
    assert_compatible(path, &Contract::of::<OrderEvent>(), Policy::both());
}
