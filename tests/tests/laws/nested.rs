//! Enums whose payloads are event types themselves.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sse_typed::{DecodeEvent, RawEvent, SseEvent};

use crate::{
    hostile::{map, raw_event, text},
    law::{Lawful, cases, holds, is_bad_type, lf, raw},
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

impl Lawful for Outer {
    fn arrives(self) -> Self {
        match self {
            Self::Clock(Clock::Note(text)) => Self::Clock(Clock::Note(lf(&text))),
            Self::Other(event) => Self::Other(raw(&event)),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Other(event) => is_bad_type(event) || Self::EVENT_TYPES.contains(&event.event_type()),
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

/// An enum around one that takes what it does not know.
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

impl Lawful for AroundOpen {
    fn arrives(self) -> Self {
        match self {
            Self::Open(Open::Other(event)) => Self::Open(Open::Other(raw(&event))),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Open(Open::Other(event)) => is_bad_type(event) || Self::EVENT_TYPES.contains(&event.event_type()),
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

/// Two that take what they do not know: the first is asked first.
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

impl Lawful for AroundTwo {
    fn arrives(self) -> Self {
        match self {
            Self::Open(Open::Other(event)) => Self::Open(Open::Other(raw(&event))),
            other => other,
        }
    }

    fn may_fail(&self) -> bool {
        match self {
            Self::Open(Open::Other(event)) => is_bad_type(event) || Self::EVENT_TYPES.contains(&event.event_type()),
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

/// A tagged enum around one that is not, and has events without a name.
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

impl Lawful for TaggedAround {
    fn arrives(self) -> Self {
        match self {
            Self::Clock(Clock::Note(text)) => Self::Clock(Clock::Note(lf(&text))),
            other => other,
        }
    }

    /// Without a name, the key of the tag would be read as one.
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
    fn a_nested_event_fails_without_a_byte_or_comes_back(event in outer()) {
        holds(&event)?;
    }

    #[test]
    fn an_unknown_event_inside_a_nested_enum_fails_without_a_byte_or_comes_back(event in around_open()) {
        holds(&event)?;
    }

    #[test]
    fn of_two_nested_enums_the_one_that_is_asked_first_keeps_the_unknown(event in around_two()) {
        holds(&event)?;
    }

    #[test]
    fn a_nested_event_of_a_tagged_enum_fails_without_a_byte_or_comes_back(event in tagged_around()) {
        holds(&event)?;
    }
}
