//! Event types, and the files of their TypeScript.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sse_typed::{
    Gap, SseEvent,
    codec::describe::DescribeEvent,
    typescript::{self, Options, TypeScript},
};
use ts_rs::TS;

#[track_caller]
fn current<E: DescribeEvent<TypeScript>>(name: &str, options: &Options) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/contracts").join(name);
    typescript::assert_current::<E>(path, options);
}

/// What becomes of a ride.
#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum RideEvent {
    /// Somebody is on the way.
    DriverAssigned {
        driver: String,
        /// In seconds.
        eta_s: u32,
    },
    Position(Position),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Completed,
}

#[derive(Serialize, Deserialize, TS)]
struct Position {
    lat: f64,
    lon: f64,
}

#[test]
fn a_ride() {
    current::<RideEvent>("ride_event.ts", &Options::new());
}
