//! The contract. In a real project it is a crate on which the server and the client depend. It needs only `sse-typed` with
//! its derive, and serde for the payloads.

use serde::{Deserialize, Serialize};
use sse_typed::SseEvent;

/// The events of a ride, for its passenger.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub enum RideEvent {
    DriverAssigned {
        driver: String,
        eta_s: u32,
    },
    Position(Position),
    #[sse(terminal)]
    Completed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    pub lat: f64,
    pub lon: f64,
}
