//! Types that are only sent and may borrow, types that are only received, and an enum with serde derives.

use std::borrow::Cow;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use sse_typed::{
    DecodeEvent, Decoded, EncodeEvent, Encoded, SseEvent,
    codec::{Decoder, Item},
};

use crate::{
    hostile::{text, texts},
    round_trip::{RoundTrip, cases, round_trips, with_lf},
};

#[derive(Debug, EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Sent<'a, T> {
    Fields {
        name: &'a str,
        list: &'a [String],
        more: Cow<'a, str>,
    },
    Newtype(&'a T),
    #[sse(text)]
    Text(&'a str),
    #[sse(data = "[DONE]")]
    Done,
}

#[derive(Debug, PartialEq, DecodeEvent)]
#[sse(rename_all = "snake_case")]
enum Received<T> {
    Fields {
        name: String,
        list: Vec<String>,
        more: String,
    },
    Newtype(T),
    #[sse(text)]
    Text(String),
    #[sse(data = "[DONE]")]
    Done,
}

fn received<E: DecodeEvent>(sent: &impl EncodeEvent) -> E {
    let mut decoder = Decoder::new();
    decoder.feed(Encoded::new(sent).unwrap().as_bytes().to_vec());
    let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("no event") };
    match E::decode(event) {
        Ok(Decoded::Event(event)) => event,
        _ => panic!("{event:?}"),
    }
}

/// The enum before `SseEvent` is added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, SseEvent)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Migrated {
    WordCount {
        #[serde(rename = "text")]
        content: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        other_words: Vec<String>,
    },
    Ping,
}

impl RoundTrip for Migrated {
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
    fn borrowed_data_that_is_sent_is_received_as_owned(name in text(), list in texts(), more in text()) {
        let fields: Sent<'_, ()> = Sent::Fields { name: &name, list: &list, more: Cow::Borrowed(&more) };
        let expected = Received::Fields { name: name.clone(), list: list.clone(), more: more.clone() };
        prop_assert_eq!(received::<Received<()>>(&fields), expected);
        prop_assert_eq!(received::<Received<String>>(&Sent::Newtype(&more)), Received::Newtype(more.clone()));
        prop_assert_eq!(received::<Received<Vec<String>>>(&Sent::Newtype(&list)), Received::Newtype(list.clone()));
        prop_assert_eq!(received::<Received<()>>(&Sent::<()>::Text(&name)), Received::Text(with_lf(&name)));
        prop_assert_eq!(received::<Received<()>>(&Sent::<()>::Done), Received::Done);
    }

    #[test]
    fn an_enum_with_serde_derives_keeps_its_json(content in text(), other_words in texts()) {
        for event in [Migrated::WordCount { content, other_words }, Migrated::Ping] {
            round_trips(&event)?;
            let json = serde_json::to_string(&event).unwrap();
            let encoded = String::from_utf8(Encoded::new(&event).unwrap().as_bytes().to_vec()).unwrap();
            prop_assert!(encoded.ends_with(&format!("\ndata: {json}\n\n")), "{} {}", encoded, json);
        }
    }
}
