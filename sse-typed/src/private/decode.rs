use std::{str::FromStr, time::Duration};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Deserializer;

#[cfg(feature = "contract")]
use super::fields::Recorder;
use super::{BoxError, without_key::WithoutKey};
use crate::{
    codec::{DecodeEvent, Decoded},
    event::{DecodeError, DecodeErrorKind, RawEventRef},
};

/// A type that is decoded from text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be parsed from text",
    label = "`FromStr` is missing, or its error does not convert",
    note = "text and ids are parsed by `FromStr`; its error must convert into `Box<dyn Error + Send + Sync>`"
)]
pub trait FromText: FromStr<Err: Into<BoxError>> {}

#[diagnostic::do_not_recommend]
impl<T: FromStr<Err: Into<BoxError>>> FromText for T {}

/// A type that is decoded from JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be deserialized from JSON",
    label = "does not implement `Deserialize`",
    note = "add `#[derive(serde::Deserialize)]`, or derive `EncodeEvent` on the event type if it is only sent"
)]
pub trait FromJson: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> FromJson for T {}

/// Decodes JSON data into `T`, without the key `tag`, and builds the event from it. A block with empty data is ignored: it only
/// sets the last event ID or the reconnection time.
#[inline]
pub fn read_json<T: FromJson, E>(
    event: RawEventRef<'_>,
    tag: Option<&str>,
    build: impl FnOnce(T) -> Result<E, DecodeError>,
) -> Result<Decoded<E>, DecodeError> {
    if event.data().is_empty() {
        return Ok(Decoded::Ignored);
    }
    match parse(event.data(), tag) {
        Ok(data) => build(data).map(Decoded::Event),
        Err(error) => Err(located_error::<T>(event, tag, error)),
    }
}

#[inline]
fn parse<T: DeserializeOwned>(data: &str, tag: Option<&str>) -> serde_json::Result<T> {
    let Some(tag) = tag else { return serde_json::from_str(data) };
    let mut deserializer = Deserializer::from_str(data);
    let value = T::deserialize(WithoutKey::new(&mut deserializer, tag))?;
    deserializer.end()?;
    Ok(value)
}

/// Finds the path of an error by deserializing a second time, so that valid events do not pay for tracking it.
#[cold]
fn located_error<T: DeserializeOwned>(
    event: RawEventRef<'_>,
    tag: Option<&str>,
    error: serde_json::Error,
) -> DecodeError {
    #[cfg(feature = "contract")]
    if super::fields::is_collecting() {
        let mut deserializer = Deserializer::from_str(event.data());
        // Only the names are of interest here.
        let _ = match tag {
            None => T::deserialize(Recorder(&mut deserializer)).is_ok(),
            Some(tag) => T::deserialize(Recorder(WithoutKey::new(&mut deserializer, tag))).is_ok(),
        };
    }
    let mut deserializer = Deserializer::from_str(event.data());
    let second = match tag {
        None => serde_path_to_error::deserialize::<_, T>(&mut deserializer),
        Some(tag) => serde_path_to_error::deserialize::<_, T>(WithoutKey::new(&mut deserializer, tag)),
    };
    match second {
        // The error is in the text after the value, which has no path.
        Ok(_) => DecodeError::new(DecodeErrorKind::Json, event.event_type(), error),
        Err(located) => {
            let path = located.path().to_string();
            let error = DecodeError::new(DecodeErrorKind::Json, event.event_type(), located.into_inner());
            if path == "." { error } else { error.with_path(path) }
        }
    }
}

/// Decodes data that is plain text.
pub fn read_text<T: FromText, E>(
    event: RawEventRef<'_>,
    build: impl FnOnce(T) -> Result<E, DecodeError>,
) -> Result<Decoded<E>, DecodeError> {
    let data =
        event.data().parse().map_err(|error| DecodeError::new(DecodeErrorKind::Data, event.event_type(), error))?;
    build(data).map(Decoded::Event)
}

/// Builds the event from the result of a `with` module's `decode`.
pub fn read_with<T, F: Into<BoxError>, E>(
    event: RawEventRef<'_>,
    data: Result<T, F>,
    build: impl FnOnce(T) -> E,
) -> Result<Decoded<E>, DecodeError> {
    match data {
        Ok(data) => Ok(Decoded::Event(build(data))),
        Err(error) => Err(DecodeError::new(DecodeErrorKind::Data, event.event_type(), error)),
    }
}

/// Decodes an event of a nested payload.
pub fn read_nested<T: DecodeEvent, E>(
    event: RawEventRef<'_>,
    build: impl FnOnce(T) -> E,
) -> Result<Decoded<E>, DecodeError> {
    Ok(match T::decode(event)? {
        Decoded::Event(data) => Decoded::Event(build(data)),
        Decoded::Unknown => Decoded::Unknown,
        Decoded::Ignored => Decoded::Ignored,
    })
}

/// The error for data that matches none of the variants of its event type. If one of them is `json`, empty data is ignored, and
/// data that begins like an object must be valid JSON.
pub fn unmatched_data<E>(event: RawEventRef<'_>, expected: &str, json: bool) -> Result<Decoded<E>, DecodeError> {
    if json && event.data().is_empty() {
        return Ok(Decoded::Ignored);
    }
    if json && event.data().trim_start().starts_with('{') {
        serde_json::from_str::<IgnoredAny>(event.data())
            .map_err(|error| DecodeError::new(DecodeErrorKind::Json, event.event_type(), error))?;
    }
    Err(DecodeError::new(DecodeErrorKind::Data, event.event_type(), format!("expected {expected}")))
}

/// Parses the id of the event's block.
pub fn read_id<T: FromText>(event: RawEventRef<'_>) -> Result<T, DecodeError> {
    read_optional_id(event)?.ok_or_else(|| missing_id(event))
}

/// Parses the id of the event's block, if it has one.
pub fn read_optional_id<T: FromText>(event: RawEventRef<'_>) -> Result<Option<T>, DecodeError> {
    non_empty_id(event).map(|id| id.parse().map_err(|error| bad_id(event, error))).transpose()
}

/// Reads the id of the event's block, which is JSON.
pub fn read_json_id<T: FromJson>(event: RawEventRef<'_>) -> Result<T, DecodeError> {
    read_optional_json_id(event)?.ok_or_else(|| missing_id(event))
}

/// Reads the id of the event's block, which is JSON, if it has one.
pub fn read_optional_json_id<T: FromJson>(event: RawEventRef<'_>) -> Result<Option<T>, DecodeError> {
    non_empty_id(event).map(|id| serde_json::from_str(id).map_err(|error| bad_id(event, error))).transpose()
}

/// The id, unless it is empty. An empty id only clears the client's last event ID.
fn non_empty_id(event: RawEventRef<'_>) -> Option<&str> {
    event.id().filter(|id| !id.is_empty())
}

fn bad_id(event: RawEventRef<'_>, error: impl Into<BoxError>) -> DecodeError {
    DecodeError::new(DecodeErrorKind::Id, event.event_type(), error)
}

fn missing_id(event: RawEventRef<'_>) -> DecodeError {
    bad_id(event, "the event has no `id:` line, and its `id` field is not an `Option`")
}

/// Reads the reconnection time of the event's block.
pub fn read_retry(event: RawEventRef<'_>) -> Result<Duration, DecodeError> {
    event.retry().ok_or_else(|| {
        let cause = "the event has no `retry:` line, and its `retry` field is not an `Option`";
        DecodeError::new(DecodeErrorKind::Data, event.event_type(), cause)
    })
}
