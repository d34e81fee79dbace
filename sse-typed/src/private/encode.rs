use std::borrow::Cow;

use serde::Serialize;

use super::{BoxError, event_type_of, keys::check_keys};
use crate::{
    codec::{DecodeEvent, Decoded, EncodeEvent, EventWriter, data_of},
    event::{EncodeError, EncodeErrorKind, RawEvent, RawEventRef},
};

/// Writes an event type that the derive has checked.
#[inline]
pub fn event_type(event: &mut EventWriter<'_>, name: &'static str) {
    event.checked_event_type(name);
}

/// Writes an id as JSON.
pub fn write_json_id<T: Serialize + ?Sized>(event: &mut EventWriter<'_>, id: &T) -> Result<(), EncodeError> {
    event.mark_own_id();
    let id = serde_json::to_string(id).map_err(|error| EncodeError::new(EncodeErrorKind::Id, error))?;
    // The one control character that stands in JSON without an escape, and no header brings it back.
    event.id(id.replace('\u{7f}', "\\u007f"))
}

/// Writes JSON, and refuses it if its keys would have it read as another variant: of `keys` it must be the `own` that selects
/// the variant, or none.
pub fn write_keyed<'a, const N: usize>(
    event: &mut EventWriter<'a>,
    own: Option<&str>,
    keys: &[&str; N],
    write: impl FnOnce(&mut EventWriter<'a>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = event.len();
    write(event)?;
    check_keys(&event.data_behind(start), own, keys).map_err(|cause| EncodeError::new(EncodeErrorKind::Data, cause))
}

/// Writes what a variant's own codec has made of its payload.
pub fn write_own<E: Into<BoxError>>(event: &mut EventWriter<'_>, data: Result<String, E>) -> Result<(), EncodeError> {
    event.text(data.map_err(|error| EncodeError::new(EncodeErrorKind::Data, error))?)
}

/// Refuses an untyped event that would be read as another variant.
pub fn refuse_declared(event: &RawEvent, tag: Option<&str>, declared: &[&[&str]]) -> Result<(), EncodeError> {
    let name = tag.map_or_else(|| event.event_type().into(), |tag| event_type_of(event.as_raw_ref(), tag));
    if declared.iter().any(|types| types.contains(&&*name)) {
        let cause =
            format!("`{}` is declared, so an untyped event of that type would not be read as one", name.escape_debug());
        return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
    }
    Ok(())
}

/// Writes an event of a nested payload. One whose event type only the payload's catch-all has could be read as something
/// else: as a variant `elsewhere`, as the outer type's own catch-all, or by another payload that is asked `before` this one.
/// So could one without an event type, if its data has the outer type's tag. They are refused.
pub fn write_nested<T: EncodeEvent + DecodeEvent>(
    event: &mut EventWriter<'_>,
    payload: &T,
    tag: Option<&str>,
    elsewhere: &[&[&str]],
    caught: bool,
    before: &[fn(RawEventRef<'_>) -> bool],
) -> Result<(), EncodeError> {
    let start = event.len();
    payload.encode(event)?;
    // What is never on the wire cannot be misread.
    if !event.begun() {
        return Ok(());
    }
    check::<T>(payload.event_type(), || event.data_behind(start), tag, elsewhere, caught, before)
}

/// Checks an event of a nested payload that is written already, as [`write_nested`] does.
pub fn check_nested<T: DecodeEvent>(
    event_type: &str,
    fields: &str,
    tag: Option<&str>,
    elsewhere: &[&[&str]],
    caught: bool,
    before: &[fn(RawEventRef<'_>) -> bool],
) -> Result<(), EncodeError> {
    check::<T>(event_type, || data_of(fields), tag, elsewhere, caught, before)
}

fn check<'d, T: DecodeEvent>(
    own: &str,
    data: impl FnOnce() -> Cow<'d, str>,
    tag: Option<&str>,
    elsewhere: &[&[&str]],
    caught: bool,
    before: &[fn(RawEventRef<'_>) -> bool],
) -> Result<(), EncodeError> {
    let known = T::EVENT_TYPES.contains(&own);
    if known && tag.is_none() {
        return Ok(());
    }
    let data = data();
    let written = RawEventRef::new(own, &data);
    let name = tag.map_or(Cow::Borrowed(own), |tag| event_type_of(written, tag));
    let named = name == own;
    if known && named {
        return Ok(());
    }
    let misread = caught
        || elsewhere.iter().any(|types| types.contains(&&*name))
        || (!named && T::EVENT_TYPES.contains(&&*name))
        || before.iter().any(|takes| takes(written));
    if misread {
        let cause = format!("`{}` would be read as another variant than the nested one", name.escape_debug());
        return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
    }
    Ok(())
}

/// Whether a payload makes something of an event.
#[must_use]
pub fn takes<T: DecodeEvent>(event: RawEventRef<'_>) -> bool {
    !matches!(T::decode(event), Ok(Decoded::Unknown))
}
