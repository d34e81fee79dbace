//! An enum whose event types stand in the JSON too.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{DecodeEvent, Decoded, Encoded, RawEvent, RawEventRef, SseEvent};

use crate::{
    hostile::{duration, event_id, map, raw_event, text, texts, value, word},
    law::{Lawful, cases, holds, holds_in_an_envelope, is_bad_type, lf, raw},
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

// What is no object, and the derive cannot see it.
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

/// An enum of serde's with the same tag: on the wire it would stand there twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum TaggedAlike {
    Named { name: String },
}

impl Lawful for Tagged {
    fn arrives(self) -> Self {
        match self {
            Self::Text(text) => Self::Text(lf(&text)),
            Self::Other(event) => Self::Other(raw(&event)),
            // serde writes an object that has the tag alone, as it does for no data at all.
            Self::Value(Value::Null) => Self::Value(Value::Object(serde_json::Map::new())),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            // A key that is the tag's could not be told from it.
            Self::Map(map) | Self::Flat { rest: map, .. } => map.contains_key("type"),
            // The tag has no place beside what is no object.
            Self::Value(value) => value.as_object().is_none_or(|object| object.contains_key("type")),
            Self::Number(_) | Self::Maybe(_) | Self::TaggedAlike(_) => true,
            Self::Other(event) => {
                let json: Option<BTreeMap<String, Value>> = serde_json::from_str(event.data()).ok();
                // An empty name is none.
                let tag = json.as_ref().and_then(|json| json.get("type")?.as_str()).filter(|tag| !tag.is_empty());
                let name = if event.event_type() == "message" { tag.unwrap_or("message") } else { event.event_type() };
                is_bad_type(event) || Self::EVENT_TYPES.contains(&name)
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
    // An untyped event without a name, whose JSON names one.
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
    fn a_tagged_event_fails_without_a_byte_or_comes_back(event in tagged()) {
        holds(&event)?;
    }

    #[test]
    fn a_tagged_event_comes_back_without_its_event_line(event in with_tag()) {
        let Ok(encoded) = Encoded::new(&event) else { return Ok(()) };
        let wire = String::from_utf8(encoded.as_bytes().to_vec()).unwrap();
        let data = wire.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let received = Tagged::decode(RawEventRef::new("message", data));
        let Ok(Decoded::Event(received)) = received else {
            return Err(TestCaseError::fail(format!("{event:?} came back as {received:?} from {data}")));
        };
        prop_assert_eq!(received, event.arrives());
    }

    #[test]
    fn an_envelopes_id_and_retry_arrive_whatever_they_are(event in tagged(), id in event_id(), retry in duration()) {
        holds_in_an_envelope(&event, &id, retry)?;
    }
}
