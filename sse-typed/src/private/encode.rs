use serde::Serialize;

use super::{BoxError, event_type_of};
use crate::{
    codec::{DecodeEvent, EncodeEvent, EventWriter},
    event::{EncodeError, EncodeErrorKind, RawEvent},
};

/// Writes an event type that the derive has checked.
pub fn event_type(event: &mut EventWriter<'_>, name: &'static str) {
    event.checked_event_type(name);
}

/// Writes an id as JSON.
pub fn write_json_id<T: Serialize + ?Sized>(event: &mut EventWriter<'_>, id: &T) -> Result<(), EncodeError> {
    let id = serde_json::to_string(id).map_err(|error| EncodeError::new(EncodeErrorKind::Id, error))?;
    event.id(id)
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
/// else: as a variant `elsewhere`, or as the outer type's own catch-all. It is refused.
pub fn write_nested<T: EncodeEvent + DecodeEvent>(
    event: &mut EventWriter<'_>,
    payload: &T,
    elsewhere: &[&[&str]],
    caught: bool,
) -> Result<(), EncodeError> {
    payload.encode(event)?;
    let name = payload.event_type();
    // What is never on the wire cannot be misread.
    if event.begun()
        && !T::EVENT_TYPES.contains(&name)
        && (caught || elsewhere.iter().any(|types| types.contains(&name)))
    {
        let cause = format!("`{}` would be read as another variant than the nested one", name.escape_debug());
        return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
    }
    Ok(())
}
