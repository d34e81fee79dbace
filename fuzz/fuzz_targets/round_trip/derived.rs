//! Types that derive the traits.

use std::{collections::BTreeMap, time::Duration};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use sse_typed::{EventId, RawEvent, SseEvent};

use crate::{
    hostile::{Hostile, normalised},
    rounded,
};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Derived {
    Json {
        text: String,
        list: Vec<Option<String>>,
        #[sse(id)]
        id: Option<String>,
        #[sse(retry)]
        retry: Option<Duration>,
    },
    #[sse(text)]
    Text(String),
    #[sse(message)]
    Message(i64),
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    Unit,
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case", tag = "type")]
pub(crate) enum Tagged {
    Json { text: String, number: u64 },
    Map(BTreeMap<String, String>),
    Unit,
}

#[derive(Debug, Arbitrary)]
pub(crate) enum DerivedParts {
    Json { text: Hostile, list: Vec<Option<Hostile>>, id: Option<Hostile>, retry: Option<Duration> },
    Text(Hostile),
    Message(i64),
    Done,
    Unit,
    Other { event_type: Hostile, data: Hostile },
}

#[derive(Debug, Arbitrary)]
pub(crate) enum TaggedParts {
    Json { text: Hostile, number: u64 },
    Map(Vec<(Hostile, Hostile)>),
    Unit,
}

impl DerivedParts {
    pub(crate) fn event(&self) -> Derived {
        match self {
            Self::Json { text, list, id, retry } => Derived::Json {
                text: text.text(),
                list: list.iter().map(|text| text.as_ref().map(Hostile::text)).collect(),
                id: id.as_ref().map(Hostile::text),
                retry: *retry,
            },
            Self::Text(text) => Derived::Text(text.text()),
            Self::Message(number) => Derived::Message(*number),
            Self::Done => Derived::Done,
            Self::Unit => Derived::Unit,
            Self::Other { event_type, data } => Derived::Other(RawEvent::new(event_type.text(), data.text())),
        }
    }

    /// Whether encoding must fail, depending on whether the envelope has an id.
    pub(crate) fn is_refused(&self, enveloped: bool) -> bool {
        match self {
            Self::Json { id, .. } => !enveloped && id.as_ref().is_some_and(|id| id.id().is_none()),
            Self::Other { event_type, .. } => {
                let event_type = event_type.text();
                // It would be decoded as another variant.
                let declared = ["", "json", "text", "message", "unit"].contains(&&*event_type);
                declared || event_type.contains(['\r', '\n'])
            }
            _ => false,
        }
    }

    /// The event that must be decoded. Id and reconnection time of the envelope take precedence.
    pub(crate) fn arrival(&self, id: Option<&EventId>, retry: Option<Duration>) -> Derived {
        match self.event() {
            Derived::Json { text, list, id: own_id, retry: own_retry } => Derived::Json {
                text,
                list,
                id: id.map(ToString::to_string).or(own_id),
                retry: retry.or(own_retry).map(rounded),
            },
            Derived::Text(text) => Derived::Text(normalised(&text)),
            Derived::Other(raw) => {
                let mut other = RawEvent::new(raw.event_type(), normalised(raw.data()));
                if let Some(id) = id {
                    other = other.with_id(id.clone());
                }
                if let Some(retry) = retry {
                    other = other.with_retry(rounded(retry));
                }
                Derived::Other(other)
            }
            event => event,
        }
    }
}

impl TaggedParts {
    pub(crate) fn event(&self) -> Tagged {
        match self {
            Self::Json { text, number } => Tagged::Json { text: text.text(), number: *number },
            Self::Map(map) => Tagged::Map(map.iter().map(|(key, value)| (key.text(), value.text())).collect()),
            Self::Unit => Tagged::Unit,
        }
    }

    /// A second key `type` in the JSON would be taken for the tag.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Map(map) if map.iter().any(|(key, _)| key.text() == "type"))
    }
}
