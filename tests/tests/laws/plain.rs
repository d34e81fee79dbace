//! An enum with a variant for every kind of data.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use serde_json::Value;
use sse_typed::{DecodeEvent, EventId, RawEvent, SseEvent};

use crate::{
    hostile::{duration, event_id, map, raw_event, text, texts, value},
    round_trip::{
        RoundTrip, cases, has_invalid_event_type, raw, round_trips, round_trips_in_an_envelope, rounded, with_lf,
    },
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case", ignore("noise"))]
enum Plain {
    Unit,
    Newtype(String),
    Number(Option<i64>),
    Map(BTreeMap<String, String>),
    Value(Value),
    Fields {
        name: String,
        list: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        maybe: Option<String>,
        #[serde(with = "humantime_serde")]
        took: Duration,
    },
    Flat {
        count: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    },
    #[sse(text)]
    Text(String),
    #[sse(text)]
    Letter(char),
    #[sse(text)]
    TextBesideId {
        #[sse(id)]
        id: Option<String>,
        #[sse(retry)]
        retry: Option<Duration>,
        body: String,
    },
    Identified {
        #[sse(id)]
        id: String,
        #[sse(retry)]
        retry: Duration,
        body: String,
    },
    Positioned {
        #[sse(id(json))]
        at: Vec<String>,
        body: String,
    },
    PositionedMaybe {
        #[sse(id(json))]
        at: Option<Value>,
    },
    #[sse(with = "upside_down")]
    Own(String),
    #[sse(data = "[DONE]")]
    Done,
    #[sse(data = "")]
    Blank,
    #[sse(data = " \u{FEFF}\n\n\u{2028} x ")]
    Odd,
    #[sse(rename = "dots.and-dashes: \u{2028}\u{FEFF}é ")]
    OddlyNamed(String),
    #[sse(message)]
    Unnamed(String),
    #[sse(skip)]
    Secret(String),
    #[sse(other)]
    Other(RawEvent),
}

/// A `with` module that reverses the text.
mod upside_down {
    use std::convert::Infallible;

    #[expect(clippy::unnecessary_wraps, reason = "the form of a codec")]
    pub(super) fn encode(text: &str) -> Result<String, Infallible> {
        Ok(text.chars().rev().collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the form of a codec")]
    pub(super) fn decode(data: &str) -> Result<String, Infallible> {
        Ok(data.chars().rev().collect())
    }
}

impl RoundTrip for Plain {
    fn into_received(self) -> Self {
        match self {
            Self::Text(text) => Self::Text(with_lf(&text)),
            Self::Letter('\r') => Self::Letter('\n'),
            Self::TextBesideId { id, retry, body } => {
                Self::TextBesideId { id, retry: retry.map(rounded), body: with_lf(&body) }
            }
            Self::Identified { id, retry, body } => Self::Identified { id, retry: rounded(retry), body },
            // The wire has the reversed text.
            Self::Own(text) => {
                let data: String = text.chars().rev().collect();
                Self::Own(with_lf(&data).chars().rev().collect())
            }
            Self::Other(event) => Self::Other(raw(&event)),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::TextBesideId { id: Some(id), .. } | Self::Identified { id, .. } => EventId::new(&**id).is_err(),
            Self::Other(event) => {
                let declared = Self::EVENT_TYPES.contains(&event.event_type()) || event.event_type() == "noise";
                has_invalid_event_type(event) || declared
            }
            _ => false,
        }
    }

    fn is_skipped(&self) -> bool {
        matches!(self, Self::Secret(_))
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let fields = (text(), texts(), prop::option::of(text()), 0..10_000_u64)
        .prop_map(|(name, list, maybe, took)| Plain::Fields { name, list, maybe, took: Duration::from_millis(took) });
    let beside = (prop::option::of(text()), prop::option::of(duration()), text())
        .prop_map(|(id, retry, body)| Plain::TextBesideId { id, retry, body });
    prop_oneof![
        Just(Plain::Unit),
        text().prop_map(Plain::Newtype),
        any::<Option<i64>>().prop_map(Plain::Number),
        map().prop_map(Plain::Map),
        value().prop_map(Plain::Value),
        fields,
        (any::<u8>(), map()).prop_map(|(count, rest)| Plain::Flat { count, rest }),
        text().prop_map(Plain::Text),
        prop::sample::select(vec!['\r', '\n', '\0', ' ', '\u{FEFF}', '\u{2028}', 'a']).prop_map(Plain::Letter),
        beside,
        (text(), duration(), text()).prop_map(|(id, retry, body)| Plain::Identified { id, retry, body }),
        (texts(), text()).prop_map(|(at, body)| Plain::Positioned { at, body }),
        prop::option::of(value()).prop_map(|at| Plain::PositionedMaybe { at }),
        text().prop_map(Plain::Own),
        Just(Plain::Done),
        Just(Plain::Blank),
        Just(Plain::Odd),
        text().prop_map(Plain::OddlyNamed),
        text().prop_map(Plain::Unnamed),
        text().prop_map(Plain::Secret),
        raw_event().prop_map(Plain::Other),
    ]
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn encoding_any_variant_fails_without_a_byte_or_decoding_returns_it(event in plain()) {
        round_trips(&event)?;
    }

    #[test]
    fn id_and_retry_of_the_envelope_arrive(event in plain(), id in event_id(), retry in duration()) {
        round_trips_in_an_envelope(&event, &id, retry)?;
    }
}
