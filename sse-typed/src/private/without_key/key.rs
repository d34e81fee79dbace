//! Deserializes a key of the payload from text, after it was compared with the tag.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{Error, IntoDeserializer as _, Unexpected, Visitor, value::BorrowedStrDeserializer},
    forward_to_deserialize_any,
};

/// Deserializes a key as serde_json deserializes the keys of a map, where numbers and booleans are in quotes.
pub(super) struct KeyDeserializer<'de, 'k, E> {
    key: Key<'de, 'k>,
    error: PhantomData<E>,
}

#[derive(Clone, Copy)]
enum Key<'de, 'k> {
    /// A slice of the JSON.
    Borrowed(&'de str),
    /// A key with escapes in the JSON. serde_json accepts escapes only in strings.
    Unescaped(&'k str),
}

impl<'de, 'k, E: Error> KeyDeserializer<'de, 'k, E> {
    pub(super) const fn borrowed(key: &'de str) -> Self {
        Self { key: Key::Borrowed(key), error: PhantomData }
    }

    pub(super) const fn unescaped(key: &'k str) -> Self {
        Self { key: Key::Unescaped(key), error: PhantomData }
    }

    /// Parses a number. A leading `+`, which is not JSON, and surrounding space are errors.
    fn number(
        self,
        read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> serde_json::Result<Number>,
    ) -> Result<Number, E> {
        let number = match self.key {
            Key::Borrowed(key) if !key.starts_with(is_space) && !key.ends_with(is_space) => {
                let mut deserializer = serde_json::Deserializer::from_str(key);
                read(&mut deserializer).and_then(|number| deserializer.end().map(|()| number)).ok()
            }
            _ => None,
        };
        // The message of serde_json. Its own error would contain a position relative to the key.
        number.ok_or_else(|| E::custom("invalid value: expected key to be a number in quotes"))
    }
}

fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

macro_rules! deserialize_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            self.number(|key| key.$method(NumberVisitor))?.visit(visitor)
        }
    )*};
}

impl<'de, E: Error> Deserializer<'de> for KeyDeserializer<'de, '_, E> {
    type Error = E;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.key {
            Key::Borrowed(key) => visitor.visit_borrowed_str(key),
            Key::Unescaped(key) => visitor.visit_str(key),
        }
    }

    deserialize_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.key {
            Key::Borrowed("true") => visitor.visit_bool(true),
            Key::Borrowed("false") => visitor.visit_bool(false),
            Key::Borrowed(key) | Key::Unescaped(key) => Err(E::invalid_type(Unexpected::Str(key), &visitor)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.key {
            Key::Borrowed(key) => visitor.visit_borrowed_bytes(key.as_bytes()),
            Key::Unescaped(key) => visitor.visit_bytes(key.as_bytes()),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        self.deserialize_bytes(visitor)
    }

    /// A key is never `null`.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, E> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.key {
            Key::Borrowed(key) => visitor.visit_enum(BorrowedStrDeserializer::new(key)),
            Key::Unescaped(key) => visitor.visit_enum(key.into_deserializer()),
        }
    }

    forward_to_deserialize_any! {
        char str string unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A number as serde_json parses it.
enum Number {
    Unsigned(u64),
    Signed(i64),
    Unsigned128(u128),
    Signed128(i128),
    Float(f64),
}

impl Number {
    fn visit<'de, V: Visitor<'de>, E: Error>(self, visitor: V) -> Result<V::Value, E> {
        match self {
            Self::Unsigned(number) => visitor.visit_u64(number),
            Self::Signed(number) => visitor.visit_i64(number),
            Self::Unsigned128(number) => visitor.visit_u128(number),
            Self::Signed128(number) => visitor.visit_i128(number),
            Self::Float(number) => visitor.visit_f64(number),
        }
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(Number::Unsigned(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Signed(number))
    }

    fn visit_u128<E>(self, number: u128) -> Result<Number, E> {
        Ok(Number::Unsigned128(number))
    }

    fn visit_i128<E>(self, number: i128) -> Result<Number, E> {
        Ok(Number::Signed128(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Float(number))
    }
}
