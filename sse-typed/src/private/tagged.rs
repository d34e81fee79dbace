//! Writes JSON with a tag, and makes sure that it contains the tag's key only once.
//!
//! Serde writes the tag before the keys of the payload. A payload that has the tag's key as well would be decoded as something
//! else, or without that key. The derive knows the names of fields, but not the keys of a map, so this is checked at run time.

use std::borrow::Cow;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeMap, SerializeStruct},
};

use crate::{codec::EventWriter, event::EncodeError};

/// Writes a variant with its tag, and fails if its payload has a key of that name.
pub fn write_tagged<T: Serialize + ?Sized>(
    event: &mut EventWriter<'_>,
    tag: &'static str,
    data: &T,
) -> Result<(), EncodeError> {
    event.json(&Tagged { tag, data })
}

struct Tagged<'a, T: ?Sized> {
    tag: &'static str,
    data: &'a T,
}

impl<T: Serialize + ?Sized> Serialize for Tagged<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.data.serialize(TaggedObjectSerializer { tag: self.tag, inner: serializer })
    }
}

/// A serializer that accepts only an object: serde's derive writes a tag into nothing else.
struct TaggedObjectSerializer<S> {
    tag: &'static str,
    inner: S,
}

macro_rules! not_an_object {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<$ok, S::Error> {
            Err(not_an_object())
        }
    )*};
}

fn not_an_object<E: serde::ser::Error>() -> E {
    E::custom("with a tag, the payload must be a JSON object")
}

impl<S: Serializer> Serializer for TaggedObjectSerializer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = TagOnce<S::SerializeMap>;
    type SerializeStruct = TagOnce<S::SerializeStruct>;
    type SerializeStructVariant = Impossible<S::Ok, S::Error>;

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(TagOnce::new(self.tag, self.inner.serialize_map(len)?))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Ok(TagOnce::new(self.tag, self.inner.serialize_struct(name, len)?))
    }

    not_an_object! {
        serialize_bool(bool) -> S::Ok;
        serialize_i8(i8) -> S::Ok;
        serialize_i16(i16) -> S::Ok;
        serialize_i32(i32) -> S::Ok;
        serialize_i64(i64) -> S::Ok;
        serialize_u8(u8) -> S::Ok;
        serialize_u16(u16) -> S::Ok;
        serialize_u32(u32) -> S::Ok;
        serialize_u64(u64) -> S::Ok;
        serialize_f32(f32) -> S::Ok;
        serialize_f64(f64) -> S::Ok;
        serialize_char(char) -> S::Ok;
        serialize_str(&str) -> S::Ok;
        serialize_bytes(&[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(&'static str) -> S::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> S::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        Err(not_an_object())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<S::Ok, S::Error> {
        Err(not_an_object())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        Err(not_an_object())
    }
}

/// Fails if the object has the tag's key twice. Serde writes the first one; a second one comes from the payload.
struct TagOnce<M> {
    tag: &'static str,
    has_tag: bool,
    /// A key of a map, as JSON.
    key_json: Vec<u8>,
    inner: M,
}

impl<M> TagOnce<M> {
    const fn new(tag: &'static str, inner: M) -> Self {
        Self { tag, has_tag: false, key_json: Vec::new(), inner }
    }

    fn check_key<E: serde::ser::Error>(&mut self, is_tag: bool) -> Result<(), E> {
        if is_tag && std::mem::replace(&mut self.has_tag, true) {
            return Err(E::custom(format_args!("the payload has the key `{}`, which is the tag's key", self.tag)));
        }
        Ok(())
    }
}

impl<M: SerializeMap> SerializeMap for TagOnce<M> {
    type Ok = M::Ok;
    type Error = M::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), M::Error> {
        self.key_json.clear();
        serde_json::to_writer(&mut self.key_json, key).map_err(M::Error::custom)?;
        let is_tag = match serde_json::from_slice::<Cow<'_, str>>(&self.key_json) {
            // The JSON may have escapes.
            Ok(text) => text == self.tag,
            // Numbers and booleans become keys by adding quotes.
            Err(_) => self.key_json == self.tag.as_bytes(),
        };
        self.check_key(is_tag)?;
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), M::Error> {
        self.inner.serialize_value(value)
    }

    fn end(self) -> Result<M::Ok, M::Error> {
        self.inner.end()
    }
}

impl<M: SerializeStruct> SerializeStruct for TagOnce<M> {
    type Ok = M::Ok;
    type Error = M::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), M::Error> {
        self.check_key(key == self.tag)?;
        self.inner.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), M::Error> {
        self.inner.skip_field(key)
    }

    fn end(self) -> Result<M::Ok, M::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Mirror {
        Map(BTreeMap<Key, u8>),
        Struct(Inner),
        Flat {
            a: u8,
            #[serde(flatten)]
            rest: BTreeMap<String, u8>,
        },
        Unit,
        Number(u8),
    }

    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(untagged)]
    enum Key {
        Text(String),
        Number(u8),
    }

    #[derive(Serialize)]
    struct Inner {
        #[serde(rename = "type")]
        kind: u8,
    }

    fn json(mirror: &Mirror) -> Result<String, String> {
        tagged("type", mirror)
    }

    fn tagged(tag: &'static str, data: &impl Serialize) -> Result<String, String> {
        serde_json::to_string(&Tagged { tag, data }).map_err(|error| error.to_string())
    }

    fn map<const N: usize>(keys: [&str; N]) -> BTreeMap<String, u8> {
        keys.into_iter().map(|key| (key.to_owned(), 1)).collect()
    }

    fn map_of_keys<const N: usize>(keys: [&str; N]) -> Mirror {
        Mirror::Map(map(keys).into_iter().map(|(key, value)| (Key::Text(key), value)).collect())
    }

    #[test]
    fn a_payload_gets_the_tag_in_front_of_its_keys() {
        assert_eq!(json(&map_of_keys(["\"type\"", "a"])).unwrap(), r#"{"type":"map","\"type\"":1,"a":1}"#);
        assert_eq!(json(&Mirror::Map([(Key::Number(7), 1)].into())).unwrap(), r#"{"type":"map","7":1}"#);
        let flat = Mirror::Flat { a: 0, rest: map(["b", "types"]) };
        assert_eq!(json(&flat).unwrap(), r#"{"type":"flat","a":0,"b":1,"types":1}"#);
        assert_eq!(json(&Mirror::Unit).unwrap(), r#"{"type":"unit"}"#);
    }

    #[test]
    fn a_payload_with_the_tags_key_is_refused() {
        let refused = "the payload has the key `type`, which is the tag's key";
        assert_eq!(json(&map_of_keys(["type"])).unwrap_err(), refused);
        assert_eq!(json(&Mirror::Struct(Inner { kind: 1 })).unwrap_err(), refused);
        assert_eq!(json(&Mirror::Flat { a: 0, rest: map(["a", "type"]) }).unwrap_err(), refused);
    }

    /// Tags that equal a number and a boolean in quotes.
    #[derive(Serialize)]
    #[serde(tag = "7")]
    enum Seven<K: Ord> {
        Map(BTreeMap<K, u8>),
    }

    #[derive(Serialize)]
    #[serde(tag = "true")]
    enum True {
        Map(BTreeMap<bool, u8>),
    }

    #[test]
    fn a_key_that_is_the_tag_in_quotes_is_refused() {
        assert!(tagged("7", &Seven::Map(BTreeMap::from([(7_u8, 1)]))).is_err());
        assert!(tagged("7", &Seven::Map(BTreeMap::from([(7_i128, 1)]))).is_err());
        assert!(tagged("7", &Seven::Map(BTreeMap::from([(Some('7'), 1)]))).is_err());
        assert_eq!(tagged("7", &Seven::Map(BTreeMap::from([(-7_i8, 1)]))).unwrap(), r#"{"7":"Map","-7":1}"#);
        let flag = |flag| tagged("true", &True::Map(BTreeMap::from([(flag, 1)])));
        assert!(flag(true).is_err());
        assert_eq!(flag(false).unwrap(), r#"{"true":"Map","false":1}"#);
    }

    #[test]
    fn a_payload_that_is_no_object_is_refused() {
        assert!(json(&Mirror::Number(1)).is_err());
    }
}
