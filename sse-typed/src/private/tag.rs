//! The tag: the event type, repeated in the JSON, and found there in a first pass.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    codec::Decoded,
    event::{MESSAGE, RawEventRef},
};

/// The event type: that of the `event:` line, and where that says nothing, what the tag says.
#[must_use]
pub fn event_type_of<'a>(event: RawEventRef<'a>, tag: &str) -> Cow<'a, str> {
    if event.event_type() != MESSAGE {
        return Cow::Borrowed(event.event_type());
    }
    match find_key(event.data(), tag) {
        // An empty event type is none, here as in an `event:` line.
        KeyValue::Text(event_type) if !event_type.is_empty() => event_type,
        KeyValue::Text(_) | KeyValue::Other | KeyValue::Absent => Cow::Borrowed(MESSAGE),
    }
}

/// The event, under the event type that its tag says.
#[must_use]
pub fn renamed<'a>(event: RawEventRef<'a>, event_type: &'a str) -> RawEventRef<'a> {
    RawEventRef::new(event_type, event.data()).with_id(event.id()).with_retry(event.retry())
}

/// What becomes of an event that no variant takes: one without data only moves the last event ID or the reconnection time.
#[must_use]
pub fn unknown<E>(event: RawEventRef<'_>) -> Decoded<E> {
    if event.event_type() == MESSAGE && event.data().is_empty() { Decoded::Ignored } else { Decoded::Unknown }
}

/// What a JSON object has under a key.
#[derive(Debug, PartialEq)]
pub(super) enum KeyValue<'a> {
    Absent,
    Text(Cow<'a, str>),
    Other,
}

/// Looks for a key of a JSON object, as far as it is one.
pub(super) fn find_key<'a>(json: &'a str, key: &str) -> KeyValue<'a> {
    let mut found = KeyValue::Absent;
    // Nothing behind the key is looked at, so an error says nothing here. It shows again when the data is read.
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
        while let Some(matches) = map.next_key_seed(Is(self.key))? {
            if matches {
                *self.found = KeyValue::Other;
                *self.found = KeyValue::Text(map.next_value_seed(Text)?);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Reads a key, and says whether it is this one.
struct Is<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

/// Reads text, borrowed where it has no escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
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
    fn a_key_is_found_wherever_the_object_has_it_and_nowhere_else() {
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
