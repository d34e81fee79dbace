use std::borrow::Cow;

use serde::Serialize;

use super::{BoxError, keys::check_keys, tagged_event_type};
use crate::{
    codec::{DecodeEvent, Decoded, EncodeEvent, EventWriter, data_in_fields},
    event::{EncodeError, EncodeErrorKind, RawEvent, RawEventRef},
};

/// Writes an event type that the derive has checked.
#[inline]
pub fn write_event_type(event: &mut EventWriter<'_>, name: &'static str) {
    event.checked_event_type(name);
}

/// Writes an id as JSON.
pub fn write_json_id<T: Serialize + ?Sized>(event: &mut EventWriter<'_>, id: &T) -> Result<(), EncodeError> {
    event.mark_own_id();
    let id = serde_json::to_string(id).map_err(|error| EncodeError::new(EncodeErrorKind::Id, error))?;
    // DEL is the only control character that JSON does not escape, and a header cannot contain it.
    event.id(id.replace('\u{7f}', "\\u007f"))
}

/// Writes JSON, and fails if its keys select another variant: among `keys`, the key that selects must be `own`, or there must be
/// none.
pub fn write_keyed<'a, const N: usize>(
    event: &mut EventWriter<'a>,
    own: Option<&str>,
    keys: &[&str; N],
    write: impl FnOnce(&mut EventWriter<'a>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = event.len();
    write(event)?;
    check_keys(&event.data_since(start), own, keys).map_err(|cause| EncodeError::new(EncodeErrorKind::Data, cause))
}

/// Writes the result of a `with` module's `encode`.
pub fn write_with<E: Into<BoxError>>(event: &mut EventWriter<'_>, data: Result<String, E>) -> Result<(), EncodeError> {
    event.text(data.map_err(|error| EncodeError::new(EncodeErrorKind::Data, error))?)
}

/// Fails if the event of an `other` variant would be decoded as another variant.
pub fn check_other(event: &RawEvent, tag: Option<&str>, declared: &[&[&str]]) -> Result<(), EncodeError> {
    let name = tag.map_or_else(|| event.event_type().into(), |tag| tagged_event_type(event.as_raw_ref(), tag));
    if declared.iter().any(|types| types.contains(&&*name)) {
        let cause = format!(
            "`{}` is a declared event type, so the event would be decoded as another variant",
            name.escape_debug()
        );
        return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
    }
    Ok(())
}

/// Writes an event of a nested payload, and fails if the outer type would decode it as something else.
///
/// That can happen to an event that the payload only decodes by its catch-all: a variant of the `other_types` may decode it, or
/// the catch-all of the outer type, or one of the `earlier` payloads. It can also happen to an event without an event type, if
/// its data has the outer type's tag.
pub fn write_nested<T: EncodeEvent + DecodeEvent>(
    event: &mut EventWriter<'_>,
    payload: &T,
    tag: Option<&str>,
    other_types: &[&[&str]],
    has_catch_all: bool,
    earlier: &[fn(RawEventRef<'_>) -> bool],
) -> Result<(), EncodeError> {
    let start = event.len();
    payload.encode(event)?;
    // An event that writes nothing cannot be misread.
    if !event.has_content() {
        return Ok(());
    }
    check_decodes_as::<T>(payload.event_type(), || event.data_since(start), tag, other_types, has_catch_all, earlier)
}

/// Checks an encoded event of a nested payload, as [`write_nested`] does.
pub fn check_nested<T: DecodeEvent>(
    event_type: &str,
    fields: &str,
    tag: Option<&str>,
    other_types: &[&[&str]],
    has_catch_all: bool,
    earlier: &[fn(RawEventRef<'_>) -> bool],
) -> Result<(), EncodeError> {
    check_decodes_as::<T>(event_type, || data_in_fields(fields), tag, other_types, has_catch_all, earlier)
}

fn check_decodes_as<'d, T: DecodeEvent>(
    own: &str,
    data: impl FnOnce() -> Cow<'d, str>,
    tag: Option<&str>,
    other_types: &[&[&str]],
    has_catch_all: bool,
    earlier: &[fn(RawEventRef<'_>) -> bool],
) -> Result<(), EncodeError> {
    let known = T::EVENT_TYPES.contains(&own);
    if known && tag.is_none() {
        return Ok(());
    }
    let data = data();
    let written = RawEventRef::new(own, &data);
    let name = tag.map_or(Cow::Borrowed(own), |tag| tagged_event_type(written, tag));
    let named = name == own;
    if known && named {
        return Ok(());
    }
    let misread = has_catch_all
        || other_types.iter().any(|types| types.contains(&&*name))
        || (!named && T::EVENT_TYPES.contains(&&*name))
        || earlier.iter().any(|decodes| decodes(written));
    if misread {
        let cause = format!("`{}` would be decoded as another variant than the nested one", name.escape_debug());
        return Err(EncodeError::new(EncodeErrorKind::EventType, cause));
    }
    Ok(())
}

/// Whether a payload decodes an event, ignores it, or fails to decode it. If not, it does not know the event.
#[must_use]
pub fn decodes<T: DecodeEvent>(event: RawEventRef<'_>) -> bool {
    !matches!(T::decode(event), Ok(Decoded::Unknown))
}

/// A compile-time check of the derives: the field of a variant marked `#[sse(failed)]` takes the text of an error.
///
/// Every type that is `From<String>` implements it. The trait exists for its compile error.
#[diagnostic::on_unimplemented(
    message = "the `reason` of a variant with `#[sse(failed)]` must be made from a `String`, and `{Self}` is not",
    label = "is not `From<String>`",
    note = "use `String`, `Box<str>` or `Option<String>`, or implement `From<String>` for `{Self}`"
)]
pub trait ReasonField: Sized {
    /// The field with this text.
    fn from_reason(reason: String) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: From<String>> ReasonField for T {
    fn from_reason(reason: String) -> T {
        T::from(reason)
    }
}
