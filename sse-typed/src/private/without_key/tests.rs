use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    hash::Hash,
};

use proptest::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

use super::*;

fn read<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, String> {
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
fn only_the_key_of_the_outermost_object_is_omitted() {
    let strict = Strict { a: 1, b: Some(Inner { r#type: "kept".to_owned() }) };
    assert_eq!(read(r#"{"type":"x","a":1,"b":{"type":"kept"}}"#), Ok(strict));
    assert_eq!(read(r#"{"a":1,"type":{"a":[2]},"type":3}"#), Ok(Strict { a: 1, b: None }));
    assert_eq!(read(r#"{"ty\u0070e":"x"}"#), Ok(json!({})));
    assert!(read::<Strict>(r#"{"a":1,"c":2}"#).unwrap_err().contains("unknown field `c`"));
}

#[test]
fn payloads_of_every_shape_that_allows_a_tag_are_read() {
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
fn a_value_that_is_not_an_object_is_read_as_without_a_tag() {
    for json in ["null", "true", "-1", "1", "1.5", "\"a\"", "\"\\n\"", "[{\"type\":1}]"] {
        assert_eq!(read::<Value>(json), Ok(serde_json::from_str(json).unwrap()), "{json}");
    }
    assert_eq!(read(r"[1,2]"), Ok(vec![1, 2]));
    assert!(read::<Strict>("[1,null]").is_err());
    assert!(read::<u8>(r#"{"type":"x"}"#).unwrap_err().contains("invalid type: map, expected u8"));
    assert!(read::<Value>(r#"{"type":"x"} x"#).unwrap_err().contains("trailing characters"));
}

#[test]
fn values_are_passed_through_unchanged() {
    let json = r#"{"type":"x","a":[1,  2.50]}"#;
    let raw = read::<BTreeMap<&str, &RawValue>>(json).unwrap();
    assert_eq!(raw["a"].get(), "[1,  2.50]");
    assert_eq!(raw.keys().next().unwrap().as_ptr(), json[13..].as_ptr(), "it is borrowed");
}

/// A key with a custom `Deserialize`.
#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
struct Wrapped<T>(T);

#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    One,
    Two,
    #[serde(other)]
    Other,
}

#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
enum Full {
    One,
    Newtype(u8),
}

#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u8),
    Flag(bool),
    Text(String),
}

#[derive(Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "i16", rename = "Checked")]
struct Checked(i16);

impl TryFrom<i16> for Checked {
    type Error = String;

    fn try_from(number: i16) -> Result<Self, String> {
        if number > 7 { Err("too large".to_owned()) } else { Ok(Self(number)) }
    }
}

/// A float that can be a map key.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Float<const SINGLE: bool>(u64);

impl<'de, const SINGLE: bool> Deserialize<'de> for Float<SINGLE> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if SINGLE {
            return f32::deserialize(deserializer).map(|float| Self(f64::from(float).to_bits()));
        }
        f64::deserialize(deserializer).map(|float| Self(float.to_bits()))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;

        impl Visitor<'_> for BytesVisitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_owned()))
            }
        }

        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

/// Checks that an object with this key, given as JSON, is read alike with and without the tag.
fn assert_read_alike<K: DeserializeOwned + Debug + Eq + Hash>(key: &str) {
    let expected = serde_json::from_str::<HashMap<K, u8>>(&format!("{{{key}:1}}"));
    for json in [format!("{{\"type\":\"x\",{key}:1}}"), format!("{{{key}:1,\"type\":[]}}")] {
        let found = read::<HashMap<K, u8>>(&json);
        match (&found, &expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{json}"),
            (Err(found), Err(_)) => assert!(!found.is_empty(), "{json}"),
            _ => panic!("{} of {json}: {found:?}, and {expected:?} without a tag", std::any::type_name::<K>()),
        }
        // The path of an error is found by another deserializer.
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        let located: Result<HashMap<K, u8>, _> =
            serde_path_to_error::deserialize(WithoutKey::new(&mut deserializer, "type"));
        assert_eq!(located.ok(), expected.as_ref().ok().map(|_| found.unwrap()), "{json}");
    }
}

/// Each type of key that serde_json handles specially, and some others.
fn assert_all_read_alike(key: &str) {
    macro_rules! keys {
        ($($key:ty),* $(,)?) => {
            $(assert_read_alike::<$key>(key);)*
        };
    }
    keys!(
        u8,
        u16,
        u32,
        u64,
        u128,
        usize,
        i8,
        i16,
        i32,
        i64,
        i128,
        isize,
        char,
        String,
        Float<true>,
        Float<false>,
        Bytes,
        Cow<'static, str>,
        Box<str>,
        Option<u8>,
        Option<String>,
        Wrapped<i64>,
        Wrapped<Option<char>>,
        Option<Wrapped<u128>>,
        Name,
        Full,
        Untagged,
        Checked,
        (),
        (u8, u8),
        Vec<u8>,
        std::num::NonZero<u16>,
        std::net::IpAddr,
    );
    // serde_json 1.0.154 panics for a key that is not a boolean if its first character has several bytes.
    if key.as_bytes().get(1).is_none_or(u8::is_ascii) {
        keys!(bool, Option<Option<bool>>, Wrapped<Wrapped<bool>>);
    }
}

#[test]
fn a_key_of_any_type_is_read_as_serde_json_reads_it() {
    for key in [
        "1",
        "0",
        "-1",
        "-0",
        "255",
        "256",
        "-129",
        "65536",
        "01",
        "1.5",
        "-1.5e3",
        "1e400",
        "1e2",
        "3.4028236e38",
        "0.1",
        "18446744073709551616",
        "-9223372036854775809",
        "340282366920938463463374607431768211455",
        "340282366920938463463374607431768211456",
        "true",
        "false",
        "truely",
        "True",
        "null",
        "a",
        "é",
        "ab",
        "",
        " 1",
        "1 ",
        "+1",
        "1,",
        "NaN",
        "one",
        "two",
        "three",
        "One",
        "Newtype",
        "8",
        "::1",
        "-",
        "\\u0031",
        "\\u0074rue",
        "\\n",
        "o\\u006ee",
        "\\u00e9",
        "\\\"",
        "types",
        "typ",
    ] {
        assert_all_read_alike(&format!("\"{key}\""));
    }
    for key in ["1", "true", "null", "\"a", "[]"] {
        assert_all_read_alike(key);
    }
}

#[test]
fn an_error_in_a_key_has_the_reason() {
    let error = read::<BTreeMap<u8, u8>>(r#"{"type":"x","300":1}"#).unwrap_err();
    assert!(error.contains("invalid value: integer `300`, expected u8"), "{error}");
    let error = read::<BTreeMap<u8, u8>>(r#"{"type":"x","a":1}"#).unwrap_err();
    assert!(error.contains("expected key to be a number in quotes"), "{error}");
    let error = read::<BTreeMap<bool, u8>>(r#"{"type":"x","a":1}"#).unwrap_err();
    assert!(error.contains("invalid type: string \"a\", expected a boolean"), "{error}");
    let error = read::<BTreeMap<bool, u8>>(r#"{"type":"x","é":1}"#).unwrap_err();
    assert!(error.contains("invalid type: string \"é\", expected a boolean"), "{error}");
}

proptest! {
    #[test]
    fn an_object_is_read_as_without_the_key(entries in prop::collection::vec(("type|a|b|ty", any::<u8>()), 0..6)) {
        let members: Vec<_> = entries.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
        let json = format!("{{ {} }}", members.join(", "));
        let mut expected: BTreeMap<String, u8> = serde_json::from_str(&json).unwrap();
        expected.remove("type");
        prop_assert_eq!(read(&json), Ok(expected));
    }

    #[test]
    fn any_key_is_read_as_serde_json_reads_it(
        key in prop_oneof!["[-+0-9.eE ]{0,6}", "-?[0-9]{1,40}", "-?[0-9]{1,3}[.][0-9]{1,20}(e-?[0-9]{1,3})?", any::<String>()],
    ) {
        assert_all_read_alike(&serde_json::to_string(&key).unwrap());
    }
}
