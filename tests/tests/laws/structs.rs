//! Structs.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use sse_typed::{EventId, SseEvent};

use crate::{
    hostile::{duration, map, text},
    round_trip::{RoundTrip, cases, round_trips, rounded, with_lf},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename = "reading: x")]
struct Reading {
    #[sse(id)]
    id: String,
    #[sse(retry)]
    retry: Option<Duration>,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(message, text)]
struct Line(String);

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "kind")]
struct Labels {
    #[serde(flatten)]
    all: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(data = "\u{FEFF}ok")]
struct Ok200;

impl RoundTrip for Reading {
    fn into_received(self) -> Self {
        Self { retry: self.retry.map(rounded), ..self }
    }

    fn may_fail(&self) -> bool {
        EventId::new(&*self.id).is_err()
    }
}

impl RoundTrip for Line {
    fn into_received(self) -> Self {
        Self(with_lf(&self.0))
    }

    fn may_fail(&self) -> bool {
        false
    }
}

impl RoundTrip for Labels {
    fn into_received(self) -> Self {
        self
    }

    fn may_fail(&self) -> bool {
        self.all.contains_key("kind")
    }
}

impl RoundTrip for Ok200 {
    fn into_received(self) -> Self {
        self
    }

    fn may_fail(&self) -> bool {
        false
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn encoding_a_struct_fails_without_a_byte_or_decoding_returns_it(
        id in text(), retry in prop::option::of(duration()), labels in map(), line in text(), mut all in map(), kind in any::<bool>(),
    ) {
        round_trips(&Reading { id, retry, labels })?;
        round_trips(&Line(line))?;
        round_trips(&Ok200)?;
        if kind {
            all.insert("kind".to_owned(), "Labels".to_owned());
        }
        round_trips(&Labels { all })?;
    }
}
