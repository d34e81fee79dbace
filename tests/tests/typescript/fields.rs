//! Fields, with the attributes of serde.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use sse_typed::{
    DecodeEvent, EncodeEvent, SseEvent,
    event::GapReason,
    typescript::{LargeInt, Options},
};
use ts_rs::TS;

use crate::contracts::assert_current;

#[derive(Serialize, Deserialize, TS)]
struct Common {
    /// Of the server.
    at: u64,
}

#[derive(SseEvent)]
#[sse(rename_all_fields = "camelCase")]
enum Sent {
    Named {
        two_words: u8,
        #[serde(rename = "a-b")]
        renamed: u8,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        two_sided: u8,
        r#type: u8,
        #[serde(default)]
        defaulted: u8,
        nullable: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        optional: Option<u8>,
        #[serde(skip_serializing_if = "String::is_empty")]
        left_out: String,
        #[serde(with = "humantime_serde")]
        opaque: Duration,
        #[serde(with = "humantime_serde")]
        #[sse(as = "String")]
        named: Duration,
        #[serde(serialize_with = "humantime_serde::serialize", skip_deserializing)]
        one_way: Duration,
        #[serde(skip)]
        skipped: u8,
        #[serde(skip_serializing, default)]
        never_sent: u8,
    },
    #[serde(rename_all = "kebab-case")]
    Kebab {
        two_words: u8,
        #[serde(flatten)]
        common: Common,
        #[serde(flatten)]
        perhaps: Option<Common>,
        #[serde(flatten)]
        others: BTreeMap<String, serde_json::Value>,
    },
    OnlyFlattened {
        #[serde(flatten)]
        common: Common,
    },
}

#[test]
fn fields_of_a_sent_type() {
    assert_current::<Sent>("sent.ts", &Options::new());
}

#[derive(DecodeEvent)]
#[serde(rename_all_fields(serialize = "UPPERCASE", deserialize = "camelCase"))]
enum Received {
    Named {
        two_words: u8,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        two_sided: u8,
        #[serde(default)]
        defaulted: u8,
        optional: Option<u8>,
        #[serde(deserialize_with = "humantime_serde::deserialize")]
        opaque: Duration,
        #[serde(skip_deserializing)]
        never_received: u8,
        #[serde(skip_serializing)]
        received: u8,
    },
    #[serde(skip_deserializing)]
    Absent,
    #[serde(skip_serializing)]
    Only(u8),
}

#[test]
fn fields_of_a_received_type() {
    assert_current::<Received>("received.ts", &Options::new());
}

#[derive(EncodeEvent)]
struct Borrowed<'a, 'b, T: ?Sized> {
    text: &'a str,
    more: Cow<'b, str>,
    generic: &'b T,
}

#[test]
fn borrowed_fields() {
    assert_current::<Borrowed<'_, '_, [u8]>>("borrowed.ts", &Options::new());
}

#[derive(SseEvent)]
enum Large {
    Plain(u64),
    Inside {
        list: Vec<i64>,
        common: Common,
        small: u32,
    },
    #[sse(gap)]
    Gap {
        missed: Option<u64>,
        reason: GapReason,
    },
}

#[test]
fn large_integers_are_numbers_or_strings() {
    assert_current::<Large>("large_number.ts", &Options::new().name("LargeNumber"));
    assert_current::<Large>("large_string.ts", &Options::new().large_int(LargeInt::String).name("LargeString"));
}
