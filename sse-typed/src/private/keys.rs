//! JSON keys that tell variants with the same event type apart.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::event::RawEventRef;

/// The key that selects the variant of an event. `keys` are the keys of all variants with its event type, in order of
/// declaration.
///
/// It is the first key that the data has with a value other than `null`. If there is none, it is the first key that the data has
/// at all. A `null` is ambiguous: it may be the value of the intended variant, or mean that another variant is intended.
#[must_use]
pub fn selecting_key<const N: usize>(event: RawEventRef<'_>, keys: &[&'static str; N]) -> Option<&'static str> {
    selecting_position(find_keys(event.data(), keys)).map(|position| keys[position])
}

/// Fails if `json` would be decoded as another variant of its event type. `own` is the key of the variant that is written, and
/// one of `keys`.
pub(super) fn check_keys<const N: usize>(json: &str, own: Option<&str>, keys: &[&str; N]) -> Result<(), String> {
    let found = find_keys(json, keys);
    let own = own.and_then(|own| keys.iter().position(|key| *key == own));
    let selecting = selecting_position(found);
    match (own, selecting) {
        (own, selecting) if own == selecting => Ok(()),
        (Some(own), _) if found[own] == Found::Absent => {
            Err(format!("the data lacks the key `{}` of this variant", keys[own].escape_debug()))
        }
        (_, selecting) => {
            let other = selecting.map_or("", |other| keys[other]);
            Err(format!("the data has the key `{}`, which selects another variant", other.escape_debug()))
        }
    }
}

fn selecting_position<const N: usize>(found: [Found; N]) -> Option<usize> {
    let first = |wanted| found.iter().position(|found| *found == wanted);
    first(Found::Value).or_else(|| first(Found::Null))
}

/// What `json` has under each key. Invalid JSON has none of the keys; decoding it fails later.
///
/// A key may contain half a surrogate pair, as JavaScript writes text that was cut within one. It matches none of `keys`, and does
/// not affect the others.
fn find_keys<const N: usize>(json: &str, keys: &[&str; N]) -> [Found; N] {
    let mut found = [Found::Absent; N];
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(FindKeys { keys, found: &mut found }).and_then(|()| deserializer.end());
    // Keys deserialized as bytes may contain control characters, which JSON does not allow in a string.
    let has_control = json.bytes().any(|byte| byte < b' ');
    let is_json = || !has_control || serde_json::from_str::<IgnoredAny>(json).is_ok();
    if read.is_ok() && is_json() { found } else { [Found::Absent; N] }
}

/// Whether an object has a key, and with which value.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    Absent,
    Null,
    Value,
}

/// Finds all keys in one pass. The last of several equal keys counts, as in a map.
struct FindKeys<'k, 'f> {
    keys: &'k [&'k str],
    found: &'f mut [Found],
}

impl<'de> Visitor<'de> for FindKeys<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(position) = map.next_key_seed(KeyPosition(self.keys))? {
            match position.and_then(|position| self.found.get_mut(position)) {
                Some(found) => {
                    let value = map.next_value::<Option<IgnoredAny>>()?;
                    *found = if value.is_some() { Found::Value } else { Found::Null };
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Deserializes a key into its position among these keys.
struct KeyPosition<'k>(&'k [&'k str]);

impl<'de> DeserializeSeed<'de> for KeyPosition<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for KeyPosition<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_bytes<E>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|own| own.as_bytes() == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_selects_before_a_null_and_the_first_before_the_others() {
        for (json, selected) in [
            (r#"{"a":1}"#, Some("a")),
            (r#"{"\ud800":0,"a":"\udfff"}"#, Some("a")),
            (r#"{"\ud800":0,"a":1"#, None),
            (r#"{"\ud80g":0,"a":1}"#, None),
            ("{\"\n\":0,\"a\":1}", None),
            ("{\"\\n\":0,\n\"a\":1}", Some("a")),
            (r#"{"b":1,"a":1}"#, Some("a")),
            (r#"{"a":null,"b":0}"#, Some("b")),
            (r#"{"b":false,"a":null}"#, Some("b")),
            (r#"{"b":null,"a":null}"#, Some("a")),
            (r#"{"b":null}"#, Some("b")),
            (r#"{"\u0061":[null]}"#, Some("a")),
            (r#"{"a":null,"a":1,"b":1}"#, Some("a")),
            (r#"{"a":1,"a":null,"b":1}"#, Some("b")),
            (r#"{"c":{"a":1}}"#, None),
            (r#"[{"a":1}]"#, None),
            (r#"{"a":1"#, None),
            (r#"{"a":1} x"#, None),
            ("null", None),
            ("[DONE]", None),
            ("", None),
        ] {
            assert_eq!(selecting_key(RawEventRef::new("x", json), &["a", "b"]), selected, "{json}");
        }
    }

    #[test]
    fn data_that_selects_another_variant_is_refused_with_the_key() {
        let other = |key| Err(format!("the data has the key `{key}`, which selects another variant"));
        let keys = &["a", "b"];
        assert_eq!(check_keys(r#"{"a":null}"#, Some("a"), keys), Ok(()));
        assert_eq!(check_keys(r#"{"a":null,"b":1}"#, Some("b"), keys), Ok(()));
        assert_eq!(check_keys(r#"{"a":null,"b":1}"#, Some("a"), keys), other("b"));
        assert_eq!(check_keys(r#"{"a":null,"b":null}"#, Some("b"), keys), other("a"));
        assert_eq!(check_keys("{}", None, keys), Ok(()));
        assert_eq!(check_keys(r#"{"b":null}"#, None, keys), other("b"));
        let none = Err("the data lacks the key `a` of this variant".to_owned());
        assert_eq!(check_keys("7", Some("a"), keys), none);
        assert_eq!(check_keys(r#"{"b":1}"#, Some("a"), keys), none);
    }
}
