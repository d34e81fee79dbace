//! The contract. In a real project it is a crate on which the server and the client depend. It needs only `sse-typed` with
//! its derive, and serde for the payloads. schemars is for the test below.

use schemars::JsonSchema;
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

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    pub lat: f64,
    pub lon: f64,
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/shared_contract.json");
    assert_compatible(path, &Contract::of::<RideEvent>(), Policy::both());
}
