//! The tag is not the payload's: it is dropped while the payload is read, without a copy of the document.

mod key;

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
    forward_to_deserialize_any,
};

use self::key::KeyDeserializer;

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
        self.seed.deserialize(KeyDeserializer::borrowed(key)).map(Key::Other)
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        if key == self.key {
            return Ok(Key::Left(self.seed));
        }
        self.seed.deserialize(KeyDeserializer::unescaped(key)).map(Key::Other)
    }
}

#[cfg(test)]
mod tests;
