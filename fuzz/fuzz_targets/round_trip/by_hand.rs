//! A type that implements the traits by hand, with an id of its own.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use serde::{Deserialize, Serialize};
use sse_typed::{EncodeError, EncodeEvent, EventKind, EventWriter, RawEventRef};

use crate::hostile::{Hostile, normalised};

#[derive(Debug, Arbitrary)]
pub(crate) struct Parts {
    event_type: Hostile,
    data: DataParts,
    id: Option<Hostile>,
}

#[derive(Debug, Arbitrary)]
enum DataParts {
    Text(Hostile),
    Json { text: Hostile, number: i64, list: Vec<Hostile> },
}

#[derive(Debug)]
pub(crate) struct ByHand {
    event_type: String,
    data: Data,
    id: Option<String>,
}

#[derive(Debug)]
enum Data {
    Text(String),
    Json(Json),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Json {
    text: String,
    number: i64,
    list: Vec<String>,
}

impl EventKind for ByHand {
    fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl EncodeEvent for ByHand {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type(&self.event_type)?;
        match &self.data {
            Data::Text(text) => event.text(text)?,
            Data::Json(json) => event.json(json)?,
        }
        // Last, so that earlier fields must be discarded if the id is refused.
        self.id.as_ref().map_or(Ok(()), |id| event.id(id))
    }
}

impl Parts {
    pub(crate) fn event(&self) -> ByHand {
        let data = match &self.data {
            DataParts::Text(text) => Data::Text(text.text()),
            DataParts::Json { text, number, list } => {
                let list = list.iter().map(Hostile::text).collect();
                Data::Json(Json { text: text.text(), number: *number, list })
            }
        };
        ByHand { event_type: self.event_type.text(), data, id: self.id.as_ref().map(Hostile::text) }
    }

    /// Whether encoding must fail, depending on whether the envelope has an id.
    pub(crate) fn is_refused(&self, enveloped: bool) -> bool {
        let bad_id = !enveloped && self.id.as_ref().is_some_and(|id| id.id().is_none());
        bad_id || self.event_type.text().contains(['\r', '\n'])
    }
}

impl ByHand {
    pub(crate) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(crate) fn assert_is(&self, arrived: RawEventRef<'_>) {
        let event_type = if self.event_type.is_empty() { "message" } else { &self.event_type };
        assert_eq!(arrived.event_type(), event_type);
        match &self.data {
            Data::Text(text) => assert_eq!(arrived.data(), normalised(text)),
            Data::Json(json) => assert_eq!(&serde_json::from_str::<Json>(arrived.data()).unwrap(), json),
        }
    }
}
