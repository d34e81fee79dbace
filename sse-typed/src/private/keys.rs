//! Keys of the data, by which variants of one event type are told apart.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::event::RawEventRef;

/// The key that selects the variant of an event. `keys` are those of the variants of its event type, as they are declared.
///
/// It is the first that the data has with a value other than `null`, else the first that it has at all: a `null` may be the
/// value of the variant that is meant, or tell that the variant is not meant.
#[must_use]
pub fn selecting_key<const N: usize>(event: RawEventRef<'_>, keys: &[&'static str; N]) -> Option<&'static str> {
    selecting(find_keys(event.data(), keys)).map(|position| keys[position])
}

/// Why `json` would be read as another variant of its event type, if it would. `own` is the key of the variant that is
/// written, and one of `keys`.
pub(super) fn check_keys<const N: usize>(json: &str, own: Option<&str>, keys: &[&str; N]) -> Result<(), String> {
    let found = find_keys(json, keys);
    let own = own.and_then(|own| keys.iter().position(|key| *key == own));
    let selecting = selecting(found);
    match (own, selecting) {
        (own, selecting) if own == selecting => Ok(()),
        (Some(own), _) if found[own] == Found::Absent => {
            Err(format!("the data has no key `{}`, by which this variant is known", keys[own].escape_debug()))
        }
        (_, selecting) => {
            let other = selecting.map_or("", |other| keys[other]);
            Err(format!("the data has a key `{}`, by which another variant is known", other.escape_debug()))
        }
    }
}

fn selecting<const N: usize>(found: [Found; N]) -> Option<usize> {
    let first = |wanted| found.iter().position(|found| *found == wanted);
    first(Found::Value).or_else(|| first(Found::Null))
}

/// What `json` has under each key. Half an object has none of them: that it is half of one shows when the data is read.
///
/// A key may have half a surrogate pair, as JavaScript writes text that was cut within one. It is none of `keys`, and hides no
/// other.
fn find_keys<const N: usize>(json: &str, keys: &[&str; N]) -> [Found; N] {
    let mut found = [Found::Absent; N];
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(FindKeys { keys, found: &mut found }).and_then(|()| deserializer.end());
    // Keys that are read as bytes may have control characters, which JSON does not allow within a string.
    let has_control = json.bytes().any(|byte| byte < b' ');
    let is_json = || !has_control || serde_json::from_str::<IgnoredAny>(json).is_ok();
    if read.is_ok() && is_json() { found } else { [Found::Absent; N] }
}

/// What an object has under a key.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    Absent,
    Null,
    Value,
}

/// Looks for all keys in one pass. Of a key that is there twice the last counts, as in a map.
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
        while let Some(position) = map.next_key_seed(OneOf(self.keys))? {
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

/// Reads a key, and says which one it is.
struct OneOf<'k>(&'k [&'k str]);

impl<'de> DeserializeSeed<'de> for OneOf<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for OneOf<'_> {
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
    fn data_that_selects_another_variant_is_refused_by_name() {
        let other = |key| Err(format!("the data has a key `{key}`, by which another variant is known"));
        let keys = &["a", "b"];
        assert_eq!(check_keys(r#"{"a":null}"#, Some("a"), keys), Ok(()));
        assert_eq!(check_keys(r#"{"a":null,"b":1}"#, Some("b"), keys), Ok(()));
        assert_eq!(check_keys(r#"{"a":null,"b":1}"#, Some("a"), keys), other("b"));
        assert_eq!(check_keys(r#"{"a":null,"b":null}"#, Some("b"), keys), other("a"));
        assert_eq!(check_keys("{}", None, keys), Ok(()));
        assert_eq!(check_keys(r#"{"b":null}"#, None, keys), other("b"));
        let none = Err("the data has no key `a`, by which this variant is known".to_owned());
        assert_eq!(check_keys("7", Some("a"), keys), none);
        assert_eq!(check_keys(r#"{"b":1}"#, Some("a"), keys), none);
    }
}
