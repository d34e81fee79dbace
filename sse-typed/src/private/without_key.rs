//! The tag is not the payload's: it is dropped while the payload is read, without a copy of the document.

use std::fmt;

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, Error as _, IgnoredAny, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer},
    },
    forward_to_deserialize_any,
};

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
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::{Deserialize, de::DeserializeOwned};
    use serde_json::{Value, json};

    use super::*;

    fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let value = T::deserialize(WithoutKey::new(&mut deserializer, "type"));
        value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| error.to_string())
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        a: u8,
        b: Option<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        r#type: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Unit;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Newtype(BTreeMap<String, i128>);

    #[derive(Debug, PartialEq, Deserialize)]
    enum Choice {
        Unit,
        Newtype(u8),
        Tuple(u8, u8),
        Named { a: u8 },
    }

    #[test]
    fn the_outermost_key_is_dropped_and_no_other() {
        let strict = Strict { a: 1, b: Some(Inner { r#type: "kept".to_owned() }) };
        assert_eq!(read(r#"{"type":"x","a":1,"b":{"type":"kept"}}"#), Ok(strict));
        assert_eq!(read(r#"{"a":1,"type":{"a":[2]},"type":3}"#), Ok(Strict { a: 1, b: None }));
        assert_eq!(read(r#"{"ty\u0070e":"x"}"#), Ok(json!({})));
        assert!(read::<Strict>(r#"{"a":1,"c":2}"#).unwrap_err().contains("unknown field `c`"));
    }

    #[test]
    fn payloads_of_every_shape_that_a_tag_admits_are_read() {
        assert_eq!(read(r#"{"type":"x"}"#), Ok(()));
        assert_eq!(read(r#"{"type":"x","more":[1]}"#), Ok(Unit));
        let large = i128::from(u64::MAX) + 1;
        assert_eq!(read(&format!(r#"{{"n":{large},"type":"x"}}"#)), Ok(Newtype([("n".to_owned(), large)].into())));
        assert_eq!(read(r#"{"type":"x","a":1}"#), Ok(Some(Strict { a: 1, b: None })));
        assert_eq!(read(r#"{"Newtype":1,"type":"x"}"#), Ok(Choice::Newtype(1)));
        assert_eq!(read(r#"{"type":"x","Tuple":[1,2]}"#), Ok(Choice::Tuple(1, 2)));
        assert_eq!(read(r#"{"type":"x","Named":{"a":1}}"#), Ok(Choice::Named { a: 1 }));
        assert_eq!(read(r#"{"type":"x","Unit":null}"#), Ok(Choice::Unit));
        assert!(read::<Choice>(r#"{"type":"x"}"#).is_err());
        assert!(read::<Choice>(r#"{"Newtype":1,"Unit":null}"#).is_err());
    }

    #[test]
    fn what_is_no_object_is_read_as_it_would_be_without_a_tag() {
        for json in ["null", "true", "-1", "1", "1.5", "\"a\"", "\"\\n\"", "[{\"type\":1}]"] {
            assert_eq!(read::<Value>(json), Ok(serde_json::from_str(json).unwrap()), "{json}");
        }
        assert_eq!(read(r"[1,2]"), Ok(vec![1, 2]));
        assert!(read::<Strict>("[1,null]").is_err());
        assert!(read::<u8>(r#"{"type":"x"}"#).unwrap_err().contains("invalid type: map, expected u8"));
        assert!(read::<Value>(r#"{"type":"x"} x"#).unwrap_err().contains("trailing characters"));
    }

    proptest! {
        #[test]
        fn an_object_is_what_it_is_without_the_key(entries in prop::collection::vec(("type|a|b|ty", any::<u8>()), 0..6)) {
            let members: Vec<_> = entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
            let json = format!("{{ {} }}", members.join(", "));
            let mut expected: BTreeMap<String, u8> = serde_json::from_str(&json).unwrap();
            expected.remove("type");
            prop_assert_eq!(read(&json), Ok(expected));
        }
    }
}
