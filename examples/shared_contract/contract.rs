//! The contract: in a project of your own, a crate that the server and the client both depend on. It needs nothing but
//! `sse-typed` with its derive, and serde for the payloads.

use serde::{Deserialize, Serialize};
use sse_typed::SseEvent;

/// What a ride tells its passenger.
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
