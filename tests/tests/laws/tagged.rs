//! An enum with a tag.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{DecodeEvent, Decoded, Encoded, RawEvent, RawEventRef, SseEvent};

use crate::{
    hostile::{duration, event_id, map, raw_event, text, texts, value, word},
    round_trip::{RoundTrip, cases, has_invalid_event_type, raw, round_trips, round_trips_in_an_envelope, with_lf},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Unit,
    Fields {
        name: String,
        list: Vec<String>,
    },
    Map(BTreeMap<String, String>),
    Flat {
        count: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    },
    Strict(Strict),
    Choice(Choice),
    Value(Value),
    Maybe(Perhaps),
    Nothing(()),
    Number(Count),
    TaggedAlike(TaggedAlike),
    #[sse(text)]
    Text(String),
    #[sse(data = "[DONE]")]
    Done,
    #[sse(message)]
    Unnamed {
        body: String,
    },
    #[sse(message, data = "[")]
    Bare,
    #[sse(other)]
    Other(RawEvent),
}

// Types that are not objects, which the derive cannot see.
type Perhaps = Option<Strict>;
type Count = u32;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    body: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    Nothing,
    Word(String),
    Pair(String, String),
    Named { name: String },
}

/// An enum with serde's derive and the same tag, which the JSON would then contain twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum TaggedAlike {
    Named { name: String },
}

impl RoundTrip for Tagged {
    fn into_received(self) -> Self {
        match self {
            Self::Text(text) => Self::Text(with_lf(&text)),
            Self::Other(event) => Self::Other(raw(&event)),
            // serde writes an object that has only the tag, as it does without data.
            Self::Value(Value::Null) => Self::Value(Value::Object(serde_json::Map::new())),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            // A key equal to the tag's key could not be told from it.
            Self::Map(map) | Self::Flat { rest: map, .. } => map.contains_key("type"),
            // A value that is not an object cannot contain the tag.
            Self::Value(value) => value.as_object().is_none_or(|object| object.contains_key("type")),
            Self::Number(_) | Self::Maybe(_) | Self::TaggedAlike(_) => true,
            Self::Other(event) => {
                let json: Option<BTreeMap<String, Value>> = serde_json::from_str(event.data()).ok();
                // An empty name counts as none.
                let tag = json.as_ref().and_then(|json| json.get("type")?.as_str()).filter(|tag| !tag.is_empty());
                let name = if event.event_type() == "message" { tag.unwrap_or("message") } else { event.event_type() };
                has_invalid_event_type(event) || Self::EVENT_TYPES.contains(&name)
            }
            _ => false,
        }
    }
}

/// Events whose data is JSON.
fn with_tag() -> impl Strategy<Value = Tagged> {
    let choice = prop_oneof![
        Just(Choice::Nothing),
        text().prop_map(Choice::Word),
        (text(), text()).prop_map(|(one, two)| Choice::Pair(one, two)),
        text().prop_map(|name| Choice::Named { name }),
    ];
    prop_oneof![
        Just(Tagged::Unit),
        (text(), texts()).prop_map(|(name, list)| Tagged::Fields { name, list }),
        map().prop_map(Tagged::Map),
        (any::<u8>(), map()).prop_map(|(count, rest)| Tagged::Flat { count, rest }),
        text().prop_map(|body| Tagged::Strict(Strict { body })),
        choice.prop_map(Tagged::Choice),
        value().prop_map(Tagged::Value),
        prop::option::of(text().prop_map(|body| Strict { body })).prop_map(Tagged::Maybe),
        Just(Tagged::Nothing(())),
        any::<u32>().prop_map(Tagged::Number),
        text().prop_map(|name| Tagged::TaggedAlike(TaggedAlike::Named { name })),
        text().prop_map(|body| Tagged::Unnamed { body }),
    ]
}

fn tagged() -> impl Strategy<Value = Tagged> {
    // An untyped event without an event type, whose JSON has a tag.
    let unnamed = (word(), text()).prop_map(|(name, body)| {
        RawEvent::new("message", serde_json::json!({ "type": name, "body": body }).to_string())
    });
    prop_oneof![
        6 => with_tag(),
        1 => text().prop_map(Tagged::Text),
        1 => Just(Tagged::Done),
        1 => Just(Tagged::Bare),
        1 => raw_event().prop_map(Tagged::Other),
        1 => unnamed.prop_map(Tagged::Other),
    ]
}

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn encoding_a_tagged_event_fails_without_a_byte_or_decoding_returns_it(event in tagged()) {
        round_trips(&event)?;
    }

    #[test]
    fn a_tagged_event_is_decoded_without_its_event_line(event in with_tag()) {
        let Ok(encoded) = Encoded::new(&event) else { return Ok(()) };
        let wire = String::from_utf8(encoded.as_bytes().to_vec()).unwrap();
        let data = wire.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let received = Tagged::decode(RawEventRef::new("message", data));
        let Ok(Decoded::Event(received)) = received else {
            return Err(TestCaseError::fail(format!("{event:?} came back as {received:?} from {data}")));
        };
        prop_assert_eq!(received, event.into_received());
    }

    #[test]
    fn id_and_retry_of_the_envelope_arrive(event in tagged(), id in event_id(), retry in duration()) {
        round_trips_in_an_envelope(&event, &id, retry)?;
    }
}
