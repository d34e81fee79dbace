//! Structs, which are one event type each.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use sse_typed::{EventId, SseEvent};

use crate::{
    hostile::{duration, map, text},
    law::{Lawful, cases, holds, lf, rounded},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename = "reading: x")]
struct Reading {
    #[sse(id)]
    id: String,
    #[sse(retry)]
    retry: Option<Duration>,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(message, text)]
struct Line(String);

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "kind")]
struct Labels {
    #[serde(flatten)]
    all: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(data = "\u{FEFF}ok")]
struct Ok200;

impl Lawful for Reading {
    fn arrives(self) -> Self {
        Self { retry: self.retry.map(rounded), ..self }
    }

    fn may_fail(&self) -> bool {
        EventId::new(&*self.id).is_err()
    }
}

impl Lawful for Line {
    fn arrives(self) -> Self {
        Self(lf(&self.0))
    }

    fn may_fail(&self) -> bool {
        false
    }
}

impl Lawful for Labels {
    fn arrives(self) -> Self {
        self
    }

    fn may_fail(&self) -> bool {
        self.all.contains_key("kind")
    }
}

impl Lawful for Ok200 {
    fn arrives(self) -> Self {
        self
    }

    fn may_fail(&self) -> bool {
        false
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn a_struct_fails_without_a_byte_or_comes_back(
        id in text(), retry in prop::option::of(duration()), labels in map(), line in text(), mut all in map(), kind in any::<bool>(),
    ) {
        holds(&Reading { id, retry, labels })?;
        holds(&Line(line))?;
        holds(&Ok200)?;
        if kind {
            all.insert("kind".to_owned(), "Labels".to_owned());
        }
        holds(&Labels { all })?;
    }
}
