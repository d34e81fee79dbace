//! The traits and accessors of events, ids and errors.

use std::{
    error::Error,
    fmt,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use super::{
    DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, EventId, LastEventId, PartName, RawEvent, RawEventRef,
};
use crate::codec::{Decoder, Item};

#[derive(Debug)]
struct Cause(fmt::Error);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cause")
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn the_source_of_an_error_is_that_of_the_cause_in_its_message() {
    let encode = EncodeError::new(EncodeErrorKind::Id, Cause(fmt::Error)).with_event_type("tick");
    assert!(encode.source().is_some_and(|source| source.is::<fmt::Error>()));
    assert_eq!(encode.to_string(), "event `tick` cannot be sent because of its id: the cause");
    let decode = DecodeError::new(DecodeErrorKind::Data, "tick", Cause(fmt::Error));
    assert!(decode.source().is_some_and(|source| source.is::<fmt::Error>()));
    assert_eq!(decode.to_string(), "event `tick` has bad data: the cause");
}

#[test]
fn a_decode_error_has_the_event_type_and_the_path_if_there_is_one() {
    let error = DecodeError::new(DecodeErrorKind::Json, "tick", Cause(fmt::Error));
    assert_eq!((error.event_type(), error.path()), ("tick", None));
    let error = error.with_path("a.b".to_owned());
    assert_eq!(error.path(), Some("a.b"));
    assert_eq!(error.to_string(), "event `tick` has bad JSON data at `a.b`: the cause");
}

#[test]
fn the_last_event_id_is_that_of_the_event_and_can_be_parsed() {
    let id = EventId::new("42").unwrap();
    assert_eq!(AsRef::<str>::as_ref(&id), "42");
    let last = LastEventId::from(id.clone());
    assert_eq!((last.as_str(), last.parse()), (Some("42"), Ok(Some(42))));
    assert_eq!(LastEventId::from(Some(id.clone())), last);
    assert_eq!(LastEventId::from(None), LastEventId::none());
    assert_eq!(LastEventId::none().parse::<u64>(), Ok(None));
    assert_eq!(format!("{id:?} {last:?}"), r#""42" LastEventId(Some("42"))"#);
}

#[test]
fn the_name_of_a_part_compares_and_deserializes_as_text() {
    let name = PartName::new("news").unwrap();
    assert_eq!(AsRef::<str>::as_ref(&name), "news");
    assert!(name == *"news" && name != *"other");
    assert!(name == "news" && name != "other");
    assert_eq!(format!("{name:?}"), r#""news""#);
    let error = serde_json::from_str::<PartName>("5").unwrap_err();
    assert!(error.to_string().contains("expected the name of a part"), "{error}");
}

#[test]
fn raw_events_are_equal_and_hash_alike_if_all_their_values_are() {
    let event = || RawEventRef::new("tick", "a").with_id(Some("1")).with_retry(Some(Duration::from_secs(1)));
    let others = [
        RawEventRef::new("tock", "a").with_id(Some("1")).with_retry(Some(Duration::from_secs(1))),
        RawEventRef::new("tick", "b").with_id(Some("1")).with_retry(Some(Duration::from_secs(1))),
        RawEventRef::new("tick", "a").with_retry(Some(Duration::from_secs(1))),
        RawEventRef::new("tick", "a").with_id(Some("1")),
    ];
    let hasher = RandomState::new();
    let owned = event().to_raw_event();
    assert_eq!(owned.retry(), Some(Duration::from_secs(1)));
    assert_eq!((&owned, hasher.hash_one(&owned)), (&owned.detached(), hasher.hash_one(owned.detached())));
    for other in others {
        assert!(other != event() && hasher.hash_one(other) != hasher.hash_one(event()));
        let other = other.to_raw_event();
        assert!(other != owned && hasher.hash_one(&other) != hasher.hash_one(&owned));
    }
    for shown in [format!("{owned:?}"), format!("{:?}", event())] {
        assert!(shown.contains("tick") && shown.contains("1s"), "{shown}");
    }
}

#[test]
fn an_event_type_of_an_earlier_chunk_is_kept_in_an_owned_event() {
    let mut decoder = Decoder::new();
    decoder.feed("event: tick\n");
    assert_eq!(decoder.next_item(), None);
    decoder.feed("data: a\n\n");
    let Some(Ok(Item::Event(event))) = decoder.next_item() else { panic!("no event") };
    assert_eq!(event.to_raw_event(), RawEvent::new("tick", "a"));
}
