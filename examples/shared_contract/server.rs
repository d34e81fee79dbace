//! The server: it sends the contract's events.

use std::{io, time::Duration};

use axum::{Router, routing::get};
use futures_util::{StreamExt, stream};
use sse_typed::{Sse, SseLayer};
use tokio::{net::TcpListener, time};

use crate::contract::{Position, RideEvent};

pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    let app = Router::new()
        .route("/ride", get(|| async { Sse::new(stream::iter(ride()).then(delayed)) }))
        .layer(SseLayer::new().retry(Duration::from_secs(2)));
    axum::serve(listener, app).await
}

async fn delayed(event: RideEvent) -> RideEvent {
    time::sleep(Duration::from_millis(300)).await;
    event
}

fn ride() -> Vec<RideEvent> {
    let positions =
        (0..4).map(|step| RideEvent::Position(Position { lat: 10.77 + f64::from(step) / 100.0, lon: 106.7 }));
    let mut events = vec![RideEvent::DriverAssigned { driver: "Lan".to_owned(), eta_s: 240 }];
    events.extend(positions);
    events.push(RideEvent::Completed);
    events
}
