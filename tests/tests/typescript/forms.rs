//! Each form of data, and the ways to distinguish variants.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sse_typed::{
    Gap, RawEvent, SseEvent,
    event::{GapReason, PartName},
    typescript::Options,
};
use ts_rs::TS;

use crate::contracts::{assert_current, assert_exact, assert_runtime_current};

#[derive(Serialize, Deserialize, TS)]
struct Position {
    lat: f64,
    lon: f64,
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

#[test]
fn fields_payload_gap_and_unit() {
    assert_exact::<RideEvent>("ride_event.ts", &Options::new());
    assert_current::<RideEvent>("ride_event_shared.ts", &Options::new());
    assert_exact::<RideEvent>("ride_event_small.ts", &Options::new().fetch(false));
    assert_current::<RideEvent>("ride_event_small_shared.ts", &Options::new().fetch(false));
}

#[test]
fn the_shared_runtime_is_current() {
    assert_runtime_current();
}

mod csv {
    use std::convert::Infallible;

    pub(super) fn encode(row: &[u32]) -> Result<String, Infallible> {
        Ok(row.iter().map(u32::to_string).collect::<Vec<_>>().join(","))
    }

    pub(super) fn decode(row: &str) -> Result<Vec<u32>, std::num::ParseIntError> {
        row.split(',').map(str::parse).collect()
    }
}

mod json {
    pub(super) fn encode(list: &[u32]) -> serde_json::Result<String> {
        serde_json::to_string(list)
    }

    pub(super) fn decode(list: &str) -> serde_json::Result<Vec<u32>> {
        serde_json::from_str(list)
    }
}

#[derive(TS)]
#[ts(rename_all = "lowercase")]
enum Level {
    Debug,
    Info,
}

/// All forms of data.
/// A comment may say `*/`,
///
/// - and have
///   - a list.
#[derive(SseEvent)]
#[sse(rename_all = "snake_case", prefix = "form.", ignore("form.ping"))]
enum Form {
    /// Its place is its id.
    Line {
        text: String,
        #[sse(id)]
        place: u64,
        #[sse(retry)]
        wait: Option<Duration>,
    },
    #[sse(text, error)]
    Text(String),
    #[sse(text, as = "Level")]
    Level(String),
    #[sse(with = "csv")]
    Csv(Vec<u32>),
    #[sse(with = "json", as = "Vec<u32>")]
    Own(Vec<u32>),
    #[sse(as = "Position")]
    Elsewhere(serde_json::Value),
    Opaque(#[serde(with = "humantime_serde")] Duration),
    Unnamed(
        #[serde(with = "humantime_serde")]
        #[sse(as = "String")]
        Duration,
    ),
    #[sse(as = "Position")]
    Fields {
        lat: f32,
        lon: f32,
    },
    #[sse(rename = "a \"name\" with\ttab", alias = "old", alias = "older.one")]
    Renamed(bool),
    Empty {},
    #[sse(skip)]
    Never(std::time::Instant),
    #[serde(skip_serializing)]
    NeverSent(u8),
    #[sse(gap)]
    Gap {
        missed: Option<u64>,
        reason: GapReason,
        part: Option<PartName>,
    },
    #[sse(other)]
    Other(RawEvent),
}

#[test]
fn all_forms() {
    assert_current::<Form>("form.ts", &Options::new());
}

#[derive(SseEvent)]
enum Completion {
    #[sse(message)]
    Chunk { choices: Vec<String> },
    #[sse(message, key = "error", error)]
    Failed { error: String },
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(rename = "Failed")]
    Failure,
    #[sse(data = "x\n\"")]
    Sentinel,
    #[serde(other)]
    Unknown,
}

#[test]
fn variants_of_one_event_type_have_unique_names() {
    assert_current::<Completion>("completion.ts", &Options::new());
}

/// A reading.
#[derive(SseEvent)]
#[sse(message)]
struct Reading {
    #[sse(id)]
    sequence: u64,
    /// Of the air.
    celsius: f64,
}

#[test]
fn a_struct() {
    assert_current::<Reading>("reading.ts", &Options::new());
    assert_current::<Reading>("reading_small.ts", &Options::new().fetch(false));
}

#[derive(SseEvent)]
enum Never {}

#[test]
fn an_enum_without_variants() {
    assert_current::<Never>("never.ts", &Options::new());
}

/// An answer that is written while it is read.
#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Answer {
    Token(String),
    #[sse(terminal, failed, error)]
    Failed {
        reason: String,
    },
    /// The Stop button was pressed.
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(rename = "gone", terminal, lost)]
    Lost,
    #[sse(terminal)]
    Done,
}

#[test]
fn the_ends_of_a_run() {
    assert_current::<Answer>("answer.ts", &Options::new());
}
