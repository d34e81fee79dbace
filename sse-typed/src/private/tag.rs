//! Finds the tag, which repeats the event type in the JSON, before the data is decoded.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    codec::Decoded,
    event::{MESSAGE, RawEventRef},
};

/// The event type of the `event:` line, or that of the tag if there is no line or it is `message`.
#[must_use]
pub fn tagged_event_type<'a>(event: RawEventRef<'a>, tag: &str) -> Cow<'a, str> {
    if event.event_type() != MESSAGE {
        return Cow::Borrowed(event.event_type());
    }
    match find_key(event.data(), tag) {
        // An empty event type counts as none, as in an `event:` line.
        KeyValue::Text(event_type) if !event_type.is_empty() => event_type,
        KeyValue::Text(_) | KeyValue::Other | KeyValue::Absent => Cow::Borrowed(MESSAGE),
    }
}

/// The event with another event type.
#[must_use]
pub fn with_event_type<'a>(event: RawEventRef<'a>, event_type: &'a str) -> RawEventRef<'a> {
    RawEventRef::new(event_type, event.data()).with_id(event.id()).with_retry(event.retry())
}

/// The result for an event that no variant declares. Without event type and data, the block only sets the last event ID or the
/// reconnection time.
#[must_use]
pub fn undeclared<E>(event: RawEventRef<'_>) -> Decoded<E> {
    if event.event_type() == MESSAGE && event.data().is_empty() { Decoded::Ignored } else { Decoded::Unknown }
}

/// The value of a JSON object's key.
#[derive(Debug, PartialEq)]
pub(super) enum KeyValue<'a> {
    Absent,
    Text(Cow<'a, str>),
    Other,
}

/// Finds a key of a JSON object. The text after the key need not be valid JSON.
pub(super) fn find_key<'a>(json: &'a str, key: &str) -> KeyValue<'a> {
    let mut found = KeyValue::Absent;
    // An error here is ignored: decoding the data reports it.
    let _ = serde_json::Deserializer::from_str(json).deserialize_map(FindKey { key, found: &mut found });
    found
}

struct FindKey<'k, 'f, 'de> {
    key: &'k str,
    found: &'f mut KeyValue<'de>,
}

impl<'de> Visitor<'de> for FindKey<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(matches) = map.next_key_seed(KeyEquals(self.key))? {
            if matches {
                *self.found = KeyValue::Other;
                *self.found = KeyValue::Text(map.next_value_seed(CowText)?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Deserializes a key into whether it equals this one.
struct KeyEquals<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for KeyEquals<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyEquals<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Deserializes a string, borrowed if it has no escapes.
struct CowText;

impl<'de> DeserializeSeed<'de> for CowText {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for CowText {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_anywhere_in_the_outermost_object_only() {
        for (json, found) in [
            (r#"{"type":"a"}"#, KeyValue::Text("a".into())),
            (r#"{"b":{"type":"no"},"type":"a","c":1}"#, KeyValue::Text("a".into())),
            (r#"{"ty\u0070e":"\u0061"}"#, KeyValue::Text("a".into())),
            (r#" {"type":"a", broken"#, KeyValue::Text("a".into())),
            (r#"{"type":"a","type":"b"}"#, KeyValue::Text("a".into())),
            (r#"{"type":7}"#, KeyValue::Other),
            (r#"{"type":"#, KeyValue::Other),
            (r#"{"b":[{"type":"a"}]}"#, KeyValue::Absent),
            (r#"["type"]"#, KeyValue::Absent),
            ("[DONE]", KeyValue::Absent),
            ("", KeyValue::Absent),
        ] {
            assert_eq!(find_key(json, "type"), found, "{json}");
        }
    }
}
