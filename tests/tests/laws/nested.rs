//! Enums whose payloads are event types themselves.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sse_typed::{DecodeEvent, RawEvent, SseEvent};

use crate::{
    hostile::{map, raw_event, text},
    round_trip::{RoundTrip, cases, has_invalid_event_type, raw, round_trips, with_lf},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Outer {
    Word(String),
    #[sse(nested)]
    Clock(Clock),
    #[sse(nested)]
    Tagged(Tagged),
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Clock {
    Tick(u32),
    #[sse(text)]
    Note(String),
    #[sse(message)]
    Bare(BTreeMap<String, String>),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Unit,
    Fields { name: String },
}

impl RoundTrip for Outer {
    fn into_received(self) -> Self {
        match self {
            Self::Clock(Clock::Note(text)) => Self::Clock(Clock::Note(with_lf(&text))),
            Self::Other(event) => Self::Other(raw(&event)),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Other(event) => has_invalid_event_type(event) || Self::EVENT_TYPES.contains(&event.event_type()),
            _ => false,
        }
    }
}

fn clock() -> impl Strategy<Value = Clock> {
    prop_oneof![any::<u32>().prop_map(Clock::Tick), text().prop_map(Clock::Note), map().prop_map(Clock::Bare)]
}

fn outer() -> impl Strategy<Value = Outer> {
    prop_oneof![
        text().prop_map(Outer::Word),
        clock().prop_map(Outer::Clock),
        Just(Outer::Tagged(Tagged::Unit)),
        text().prop_map(|name| Outer::Tagged(Tagged::Fields { name })),
        raw_event().prop_map(Outer::Other),
    ]
}

/// An enum around one with a catch-all.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum AroundOpen {
    Word(String),
    #[sse(nested)]
    Open(Open),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Open {
    Tick(u32),
    #[sse(other)]
    Other(RawEvent),
}

impl RoundTrip for AroundOpen {
    fn into_received(self) -> Self {
        match self {
            Self::Open(Open::Other(event)) => Self::Open(Open::Other(raw(&event))),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Open(Open::Other(event)) => {
                has_invalid_event_type(event) || Self::EVENT_TYPES.contains(&event.event_type())
            }
            _ => false,
        }
    }
}

fn around_open() -> impl Strategy<Value = AroundOpen> {
    prop_oneof![
        text().prop_map(AroundOpen::Word),
        any::<u32>().prop_map(|tick| AroundOpen::Open(Open::Tick(tick))),
        raw_event().prop_map(|event| AroundOpen::Open(Open::Other(event))),
    ]
}

/// An enum around two with a catch-all. The first is asked first.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum AroundTwo {
    #[sse(nested)]
    Open(Open),
    #[sse(nested)]
    Late(Late),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Late {
    Fields(String),
    #[sse(other)]
    Other(RawEvent),
}

impl RoundTrip for AroundTwo {
    fn into_received(self) -> Self {
        match self {
            Self::Open(Open::Other(event)) => Self::Open(Open::Other(raw(&event))),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Open(Open::Other(event)) => {
                has_invalid_event_type(event) || Self::EVENT_TYPES.contains(&event.event_type())
            }
            Self::Late(Late::Other(_)) => true,
            _ => false,
        }
    }
}

fn around_two() -> impl Strategy<Value = AroundTwo> {
    prop_oneof![
        any::<u32>().prop_map(|tick| AroundTwo::Open(Open::Tick(tick))),
        text().prop_map(|fields| AroundTwo::Late(Late::Fields(fields))),
        raw_event().prop_map(|event| AroundTwo::Open(Open::Other(event))),
        raw_event().prop_map(|event| AroundTwo::Late(Late::Other(event))),
    ]
}

/// A tagged enum around one without a tag that has events without an event type.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum TaggedAround {
    Outer {
        name: String,
    },
    #[sse(nested)]
    Clock(Clock),
    #[sse(nested)]
    Tagged(Tagged),
}

impl RoundTrip for TaggedAround {
    fn into_received(self) -> Self {
        match self {
            Self::Clock(Clock::Note(text)) => Self::Clock(Clock::Note(with_lf(&text))),
            other => other,
        }
    }

    /// Without an event type, the value of the tag would be taken for one.
    fn may_fail(&self) -> bool {
        matches!(self, Self::Clock(Clock::Bare(map)) if map.contains_key("type"))
    }
}

fn tagged_around() -> impl Strategy<Value = TaggedAround> {
    prop_oneof![
        text().prop_map(|name| TaggedAround::Outer { name }),
        clock().prop_map(TaggedAround::Clock),
        Just(TaggedAround::Tagged(Tagged::Unit)),
        text().prop_map(|name| TaggedAround::Tagged(Tagged::Fields { name })),
        text().prop_map(|name| TaggedAround::Clock(Clock::Bare(BTreeMap::from([("type".to_owned(), name)])))),
        Just(TaggedAround::Clock(Clock::Bare(BTreeMap::from([("type".to_owned(), "outer".to_owned())])))),
    ]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn encoding_a_nested_event_fails_without_a_byte_or_decoding_returns_it(event in outer()) {
        round_trips(&event)?;
    }

    #[test]
    fn encoding_an_unknown_event_in_a_nested_enum_fails_without_a_byte_or_decoding_returns_it(event in around_open()) {
        round_trips(&event)?;
    }

    #[test]
    fn the_first_of_two_nested_enums_takes_an_unknown_event(event in around_two()) {
        round_trips(&event)?;
    }

    #[test]
    fn encoding_an_event_nested_in_a_tagged_enum_fails_without_a_byte_or_decoding_returns_it(event in tagged_around()) {
        round_trips(&event)?;
    }
}
