//! Removes the tag while the payload is deserialized, without copying the document.

mod key;

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
    forward_to_deserialize_any,
};

use self::key::KeyDeserializer;

/// A deserializer that omits one key of the outermost object, without buffering. The payload is deserialized as if the key were
/// not there, even with `deny_unknown_fields`.
pub(super) struct WithoutKey<'k, D> {
    inner: D,
    key: &'k str,
}

impl<'k, D> WithoutKey<'k, D> {
    pub(super) const fn new(inner: D, key: &'k str) -> Self {
        Self { inner, key }
    }

    const fn visitor<V>(key: &'k str, visitor: V, mode: Mode) -> OuterVisitor<'k, V> {
        OuterVisitor { key, visitor, mode }
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

    // No other type can have a tag. serde reports the error when it finds the object.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf seq tuple tuple_struct
        identifier ignored_any
    }
}

/// What the payload sees instead of the object.
#[derive(Clone, Copy)]
enum Mode {
    Map,
    /// A unit: the object has only the tag.
    Unit,
    /// The one remaining key, as the name of an enum variant.
    Enum,
}

/// Visits the outermost value on behalf of `visitor`.
struct OuterVisitor<'k, V> {
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

impl<'de, V: Visitor<'de>> Visitor<'de> for OuterVisitor<'_, V> {
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
        let mut map = FilteredMap { map, key: self.key };
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
                    Some(_) => Err(A::Error::custom("an enum's variant must be the only key besides the tag")),
                }
            }
        }
    }
}

/// An object without one of its keys.
struct FilteredMap<'k, A> {
    map: A,
    key: &'k str,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for FilteredMap<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            let Some(current) = seed.take() else { return Ok(None) };
            match self.map.next_key_seed(KeyFilter { key: self.key, seed: current })? {
                None => return Ok(None),
                Some(FilteredKey::Kept(key)) => return Ok(Some(key)),
                Some(FilteredKey::Omitted(unused)) => {
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

/// Deserializes a key with `seed`, unless it is the key to omit.
struct KeyFilter<'k, K> {
    key: &'k str,
    seed: K,
}

enum FilteredKey<T, K> {
    Kept(T),
    /// The key to omit. The seed was not used.
    Omitted(K),
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for KeyFilter<'_, K> {
    type Value = FilteredKey<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for KeyFilter<'_, K> {
    type Value = FilteredKey<K::Value, K>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        if key == self.key {
            return Ok(FilteredKey::Omitted(self.seed));
        }
        self.seed.deserialize(KeyDeserializer::borrowed(key)).map(FilteredKey::Kept)
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == self.key {
            return Ok(FilteredKey::Omitted(self.seed));
        }
        self.seed.deserialize(KeyDeserializer::unescaped(key)).map(FilteredKey::Kept)
    }
}

#[cfg(test)]
mod tests;
