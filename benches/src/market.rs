//! The events that the benchmarks of encoding, fan-out and HTTP send.

use serde::Serialize;
use sse_typed::EncodeEvent;

use crate::input::Numbers;

/// JSON of 60 bytes.
#[derive(Clone, Serialize)]
pub struct Trade {
    pub symbol: String,
    pub cents: u64,
    pub size: u64,
    pub at: u64,
}

/// JSON of 500 bytes: strings, numbers, a list.
#[derive(Clone, Serialize)]
pub struct Report {
    pub title: String,
    pub text: String,
    pub levels: Vec<Level>,
    pub sequence: u64,
}

#[derive(Clone, Serialize)]
pub struct Level {
    pub cents: u64,
    pub size: u64,
}

#[derive(Clone, EncodeEvent)]
#[sse(rename_all = "snake_case")]
pub enum Market {
    Trade(Trade),
    Report(Report),
}

impl Market {
    /// The JSON has the same length for every `n`.
    pub fn trade(n: u64) -> Self {
        Self::Trade(Trade {
            symbol: "KIWI".to_owned(),
            cents: 10_000 + n % 80_000,
            size: 1_000 + n % 9_000,
            at: 17_000_000_000 + n,
        })
    }

    pub fn report(n: u64) -> Self {
        let mut numbers = Numbers::new();
        let levels = (0..8).map(|_| Level { cents: 10_000 + numbers.below(80_000), size: 100 + numbers.below(900) });
        Self::Report(Report {
            title: "the state of the book, in brief".to_owned(),
            text: "Many of these sentences are long enough to be looked at for characters that JSON escapes. "
                .repeat(2)
                + "None of them is here.",
            levels: levels.collect(),
            sequence: 1_000_000 + n,
        })
    }

    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Trade(_) => "trade",
            Self::Report(_) => "report",
        }
    }

    /// Written by hand, as in a program without a derive.
    pub fn json(&self) -> serde_json::Result<String> {
        match self {
            Self::Trade(trade) => serde_json::to_string(trade),
            Self::Report(report) => serde_json::to_string(report),
        }
    }

    pub fn axum(&self) -> Result<axum::response::sse::Event, axum::Error> {
        let event = axum::response::sse::Event::default().event(self.event_type());
        match self {
            Self::Trade(trade) => event.json_data(trade),
            Self::Report(report) => event.json_data(report),
        }
    }

    pub fn warp(&self) -> Result<warp::sse::Event, serde_json::Error> {
        let event = warp::sse::Event::default().event(self.event_type());
        match self {
            Self::Trade(trade) => event.json_data(trade),
            Self::Report(report) => event.json_data(report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_documented_size() {
        for (event, size) in [(Market::trade(7), 60), (Market::report(7), 500)] {
            let json = event.json().unwrap();
            assert_eq!(json.len(), size, "{json}");
        }
    }
}
