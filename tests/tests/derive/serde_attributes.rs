//! serde's attributes on events.

use std::{collections::BTreeMap, marker::PhantomData, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::{DisplayFromStr, DurationMilliSeconds, serde_as};
use sse_typed::{DecodeEvent, Decoded, EventKind, SseEvent};

use super::{both_ways, event, failure, read, wire};

#[serde_as]
#[derive(Debug, PartialEq, SseEvent)]
#[serde(deny_unknown_fields)]
enum Fields {
    Renamed {
        #[serde(rename = "Name")]
        name: String,
        #[serde(alias = "old")]
        new: u8,
    },
    Timed {
        #[serde(with = "humantime_serde")]
        wait: Duration,
        #[serde(with = "humantime_serde", default, skip_serializing_if = "Option::is_none")]
        limit: Option<Duration>,
    },
    Converted {
        #[serde_as(as = "DisplayFromStr")]
        number: u64,
        #[serde_as(as = "Vec<DurationMilliSeconds<u64>>")]
        laps: Vec<Duration>,
    },
    Defaults {
        #[serde(default)]
        count: u32,
        #[serde(default = "seven")]
        seven: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(skip)]
        cache: Option<Untravelled>,
    },
    Newtype(#[serde(with = "humantime_serde")] Duration),
    #[serde(rename_all = "camelCase")]
    Cased {
        first_name: String,
        #[serde(rename = "LAST")]
        last_name: String,
    },
}

/// Neither `Serialize` nor `Deserialize`.
#[derive(Debug, PartialEq)]
struct Untravelled;

fn seven() -> u32 {
    7
}

#[test]
fn fields_are_renamed_and_have_aliases() {
    both_ways(
        &Fields::Renamed { name: "x".to_owned(), new: 1 },
        "event: Renamed\ndata: {\"Name\":\"x\",\"new\":1}\n\n",
    );
    assert_eq!(
        event::<Fields>("event: Renamed\ndata: {\"Name\":\"x\",\"old\":1}\n\n"),
        Fields::Renamed { name: "x".to_owned(), new: 1 }
    );
    both_ways(
        &Fields::Cased { first_name: "a".to_owned(), last_name: "b".to_owned() },
        "event: Cased\ndata: {\"firstName\":\"a\",\"LAST\":\"b\"}\n\n",
    );
}

#[test]
fn generic_with_modules_get_a_reference_to_the_field_itself() {
    let (wait, limit) = (Duration::from_secs(90), Some(Duration::from_millis(5)));
    both_ways(&Fields::Timed { wait, limit: None }, "event: Timed\ndata: {\"wait\":\"1m 30s\"}\n\n");
    both_ways(&Fields::Timed { wait, limit }, "event: Timed\ndata: {\"wait\":\"1m 30s\",\"limit\":\"5ms\"}\n\n");
    both_ways(&Fields::Newtype(wait), "event: Newtype\ndata: \"1m 30s\"\n\n");
}

#[test]
fn serde_with_converts_fields() {
    both_ways(
        &Fields::Converted { number: u64::MAX, laps: vec![Duration::from_millis(1500)] },
        "event: Converted\ndata: {\"number\":\"18446744073709551615\",\"laps\":[1500]}\n\n",
    );
}

#[test]
fn missing_fields_have_defaults_and_skipped_ones_are_not_sent() {
    let full = Fields::Defaults { count: 0, seven: 7, note: None, cache: None };
    assert_eq!(event::<Fields>("event: Defaults\ndata: {}\n\n"), full);
    both_ways(&full, "event: Defaults\ndata: {\"count\":0,\"seven\":7}\n\n");
    let cached = Fields::Defaults { count: 0, seven: 7, note: None, cache: Some(Untravelled) };
    assert_eq!(wire(&cached), wire(&full));
}

#[test]
fn deny_unknown_fields_denies_unknown_fields() {
    let error = failure::<Fields>("event: Renamed\ndata: {\"Name\":\"x\",\"new\":1,\"more\":2}\n\n");
    assert!(error.contains("unknown field `more`, expected"), "{error}");
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Flattened {
    Extra {
        known_field: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    },
    Page {
        #[serde(flatten)]
        page: Page,
        items: Vec<u8>,
    },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Page {
    number: u32,
    total: u32,
}

#[test]
fn flattened_fields_are_beside_the_others_and_do_not_include_the_tag() {
    both_ways(
        &Flattened::Extra { known_field: 1, rest: [("more".to_owned(), Value::Bool(true))].into() },
        "event: extra\ndata: {\"type\":\"extra\",\"knownField\":1,\"more\":true}\n\n",
    );
    both_ways(
        &Flattened::Page { page: Page { number: 1, total: 2 }, items: vec![3] },
        "event: page\ndata: {\"type\":\"page\",\"number\":1,\"total\":2,\"items\":[3]}\n\n",
    );
}

/// An enum of an API client before the migration, decoded from the data alone.
#[derive(Debug, PartialEq, Serialize, Deserialize, SseEvent)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum StreamEvent {
    #[serde(rename = "message_start")]
    Start {
        message_id: String,
    },
    #[serde(alias = "content_delta")]
    ContentBlockDelta {
        index: u32,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        text_parts: Vec<String>,
    },
    Ping,
    #[serde(skip)]
    Local(PhantomData<fn()>),
    #[serde(other)]
    Unknown,
}

#[test]
fn an_enum_with_serde_derives_keeps_its_data_as_an_event() {
    for value in [
        StreamEvent::Start { message_id: "m".to_owned() },
        StreamEvent::ContentBlockDelta { index: 0, text_parts: vec!["a".to_owned()] },
        StreamEvent::ContentBlockDelta { index: 0, text_parts: Vec::new() },
        StreamEvent::Ping,
    ] {
        let json = serde_json::to_string(&value).unwrap();
        both_ways(&value, &format!("event: {}\ndata: {json}\n\n", value.event_type()));
        assert_eq!(event::<StreamEvent>(&format!("data: {json}\n\n")), value);
    }
    assert_eq!(StreamEvent::EVENT_TYPES, ["message_start", "content_block_delta", "content_delta", "ping", "unknown"]);
    assert_eq!(wire(&StreamEvent::Local(PhantomData)), "");
}

#[test]
fn serde_other_takes_unknown_event_types() {
    assert_eq!(event::<StreamEvent>("event: brand_new\ndata: {\"type\":\"brand_new\"}\n\n"), StreamEvent::Unknown);
    assert_eq!(event::<StreamEvent>("data: {\"type\":\"brand_new\"}\n\n"), StreamEvent::Unknown);
    both_ways(&StreamEvent::Unknown, "event: unknown\ndata: {\"type\":\"unknown\"}\n\n");
}

#[derive(Debug, PartialEq, SseEvent)]
#[serde(rename_all = "lowercase", bound(deserialize = "T: for<'a> Deserialize<'a> + Default"))]
#[sse(rename_all = "SCREAMING_SNAKE_CASE")]
enum OneWay<T: Serialize> {
    #[serde(skip_serializing)]
    OnlyRead(T),
    #[serde(skip_deserializing)]
    OnlySent {
        #[serde(default)]
        value: T,
    },
}

#[test]
fn sse_attributes_override_those_of_serde_and_a_variant_may_be_only_sent_or_received() {
    assert_eq!(wire(&OneWay::OnlySent { value: 1 }), "event: ONLY_SENT\ndata: {\"value\":1}\n\n");
    assert_eq!(read::<OneWay<u8>>("event: ONLY_SENT\ndata: {\"value\":1}\n\n").unwrap(), Decoded::Unknown);
    assert_eq!(wire(&OneWay::OnlyRead(1)), "");
    assert_eq!(event::<OneWay<u8>>("event: ONLY_READ\ndata: 1\n\n"), OneWay::OnlyRead(1));
}

#[derive(Debug, PartialEq, SseEvent)]
enum FieldBounds<T, U> {
    Own {
        #[serde(bound(serialize = "T: Clone + Into<u8>", deserialize = "T: From<u8>"), with = "as_u8")]
        value: T,
        #[serde(default)]
        list: Vec<U>,
    },
}

mod as_u8 {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: Clone + Into<u8>, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(value.clone().into())
    }

    pub(super) fn deserialize<'de, T: From<u8>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        u8::deserialize(deserializer).map(T::from)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Byte(u8);

impl From<u8> for Byte {
    fn from(byte: u8) -> Self {
        Self(byte)
    }
}

impl From<Byte> for u8 {
    fn from(byte: Byte) -> Self {
        byte.0
    }
}

#[test]
fn a_bound_on_a_field_replaces_the_inferred_one() {
    both_ways(
        &FieldBounds::Own { value: Byte(3), list: vec![1_u8] },
        "event: Own\ndata: {\"value\":3,\"list\":[1]}\n\n",
    );
}
