//! The tag: the event type, repeated in the JSON. It is found in one pass and dropped in the next, without a copy of the
//! document between them.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer},
    },
    forward_to_deserialize_any,
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
        KeyValue::Text(event_type) => event_type,
        KeyValue::Other | KeyValue::Absent => Cow::Borrowed(MESSAGE),
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

/// A deserializer that leaves one key of the outermost object out. Nothing is buffered: the payload is read as it would be
/// without the tag, unknown fields denied or not.
pub(super) struct WithoutKey<'k, D> {
    inner: D,
    key: &'k str,
}

impl<'k, D> WithoutKey<'k, D> {
    pub(super) const fn new(inner: D, key: &'k str) -> Self {
        Self { inner, key }
    }

    const fn visitor<V>(key: &'k str, visitor: V, mode: Mode) -> Outer<'k, V> {
        Outer { key, visitor, mode }
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for WithoutKey<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Self::visitor(self.key, visitor, Mode::Map))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(Self::visitor(self.key, visitor, Mode::Map))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Self::visitor(self.key, visitor, Mode::Unit))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_map(Self::visitor(self.key, visitor, Mode::Enum))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    // What else there is cannot stand beside a tag. serde says so in its own words when it meets the object.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple tuple_struct
        identifier ignored_any
    }
}

/// What the payload sees in the place of the object.
#[derive(Clone, Copy)]
enum Mode {
    Map,
    /// Nothing: the tag was all.
    Unit,
    /// The one key that is left, as the name of an enum's variant.
    Enum,
}

/// Visits the outermost value for `visitor`.
struct Outer<'k, V> {
    key: &'k str,
    visitor: V,
    mode: Mode,
}

macro_rules! forward_visits {
    ($($method:ident: $value:ty,)*) => {$(
        fn $method<E: serde::de::Error>(self, value: $value) -> Result<Self::Value, E> {
            self.visitor.$method(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Outer<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    forward_visits! {
        visit_bool: bool,
        visit_i64: i64,
        visit_i128: i128,
        visit_u64: u64,
        visit_u128: u128,
        visit_f64: f64,
        visit_str: &str,
        visit_borrowed_str: &'de str,
        visit_string: String,
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        self.visitor.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        self.visitor.visit_seq(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut map = Filtered { map, key: self.key };
        match self.mode {
            Mode::Map => self.visitor.visit_map(map),
            Mode::Unit => {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                self.visitor.visit_unit()
            }
            Mode::Enum => {
                let value = self.visitor.visit_enum(MapAccessDeserializer::new(&mut map))?;
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(value),
                    Some(_) => Err(A::Error::custom("an enum's variant is the only key beside the tag")),
                }
            }
        }
    }
}

/// An object without one of its keys.
struct Filtered<'k, A> {
    map: A,
    key: &'k str,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Filtered<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            let Some(unless) = seed.take() else { return Ok(None) };
            match self.map.next_key_seed(Unless { key: self.key, seed: unless })? {
                None => return Ok(None),
                Some(Key::Other(key)) => return Ok(Some(key)),
                Some(Key::Left(unused)) => {
                    self.map.next_value::<IgnoredAny>()?;
                    seed = Some(unused);
                }
            }
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// Reads a key with `seed`, unless it is the one to leave out.
struct Unless<'k, K> {
    key: &'k str,
    seed: K,
}

enum Key<T, K> {
    Other(T),
    /// The key was the one to leave out, and the seed is for the next.
    Left(K),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Unless<'_, K> {
    type Value = Key<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Unless<'_, K> {
    type Value = Key<K::Value, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        if key == self.key {
            return Ok(Key::Left(self.seed));
        }
        self.seed.deserialize(BorrowedStrDeserializer::new(key)).map(Key::Other)
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == self.key {
            return Ok(Key::Left(self.seed));
        }
        self.seed.deserialize(key.into_deserializer()).map(Key::Other)
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
