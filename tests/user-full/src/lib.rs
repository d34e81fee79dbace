//! A server and its client, as a user writes them.

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use sse_typed::{Gap, Hub, LastEventId, Sse, SseEvent, SseLayer};

/// The events of a ride.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RideEvent {
    /// A driver has accepted.
    DriverAssigned {
        /// The name.
        driver: String,
    },
    /// Where the driver is.
    Position(Position),
    /// Events were lost.
    #[sse(gap)]
    Missed(Gap),
    /// The ride is over.
    #[sse(terminal)]
    Completed,
}

/// Where a driver is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Position {
    /// In degrees.
    pub lat: f64,
    /// In degrees.
    pub lon: f64,
}

/// The streams of one ride.
pub fn app(hub: Hub<RideEvent>) -> Router {
    let ride = |id: LastEventId| async move { Sse::new(hub.subscribe(id)) };
    Router::new().route("/ride", get(ride)).layer(SseLayer::new())
}

#[cfg(test)]
mod tests {
    use sse_typed::Client;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_client_receives_the_events_of_the_ride() -> Result<(), Box<dyn std::error::Error>> {
        let hub = Hub::builder().build();
        let mut rides = Client::new(app(hub.clone())).get("/ride").connect::<RideEvent>().opened().await?;
        let sent = [
            RideEvent::DriverAssigned { driver: "Lan".to_owned() },
            RideEvent::Position(Position { lat: 10.77, lon: 106.7 }),
            RideEvent::Completed,
        ];
        for event in &sent {
            hub.publish(event).await?;
        }
        let mut received = Vec::new();
        while let Some(event) = rides.try_next().await? {
            received.push(event.data);
        }
        assert_eq!(received, sent);
        Ok(())
    }
}
