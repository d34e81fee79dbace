//! The keys of runs in a store: `<name>/<subject>/<key>` for the runs of a subject, and `<name>/*/<key>` for public runs.
//!
//! Subject and key are escaped, so different runs have different keys in the store.

use super::error::{ErrorKind, RunsError};

/// How long a name may be, in bytes.
pub(super) const LONGEST_NAME: usize = 64;

/// How long a subject and a key may be, in bytes and escaped. With the longest name and the id of a run this fits into the
/// 512 bytes of a store's key.
const LONGEST_PART: usize = 200;

/// Stands for the subject of public runs. Subjects escape it.
const PUBLIC: &str = "*";

/// Whether this is the name of runs.
pub(super) fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len()) && !name.bytes().any(is_escaped)
}

/// The characters that a part escapes: those that separate parts, those with which stores and runs mark keys, and control
/// characters.
const fn is_escaped(byte: u8) -> bool {
    matches!(byte, b'%' | b'/' | b'*' | b'@' | b'!' | b'{' | b'}' | 0..=0x1f | 0x7f)
}

/// Escapes and checks a subject or a key.
fn escape(text: &str, what: &'static str) -> Result<String, RunsError> {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match u8::try_from(char) {
            Ok(byte) if is_escaped(byte) => escaped.extend(['%', hex(byte >> 4), hex(byte & 15)]),
            _ => escaped.push(char),
        }
    }
    match escaped.len() {
        0 => Err(ErrorKind::InvalidKey(what, "is empty").into()),
        1..=LONGEST_PART => Ok(escaped),
        _ => Err(ErrorKind::InvalidKey(
            what,
            "is too long: it has at most 200 bytes, and escaped characters count three",
        )
        .into()),
    }
}

const fn hex(digit: u8) -> char {
    b"0123456789ABCDEF"[digit as usize] as char
}

fn unescape(escaped: &str) -> Option<String> {
    let mut parts = escaped.split('%');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let byte = u8::from_str_radix(part.get(..2)?, 16).ok()?;
        text.push(char::from(byte));
        text.push_str(part.get(2..)?);
    }
    Some(text)
}

/// The part of a key that stands for a subject.
pub(super) fn subject_part(subject: Option<&str>) -> Result<String, RunsError> {
    subject.map_or_else(|| Ok(PUBLIC.to_owned()), |subject| escape(subject, "subject"))
}

/// The key in the store.
pub(super) fn store_key(name: &str, subject_part: &str, key: &str) -> Result<String, RunsError> {
    Ok(format!("{name}/{subject_part}/{}", escape(key, "key")?))
}

/// The subject, if it has one, and the key of a run in a store.
pub(super) fn parse(store_key: &str) -> Option<(Option<String>, String)> {
    let mut parts = store_key.splitn(3, '/').skip(1);
    let (subject, key) = (parts.next()?, parts.next()?);
    let subject = if subject == PUBLIC { None } else { Some(unescape(subject)?) };
    Some((subject, unescape(key)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key_of(subject: Option<&str>, key: &str) -> Result<String, RunsError> {
        store_key("answers", &subject_part(subject)?, key)
    }

    #[test]
    fn different_runs_have_different_keys_in_the_store() {
        let texts = ["a", "a/b", "b", "*", "%2A", "%", "a%2Fb", "a@1", "a!", "{a}", "\n", "é"];
        let mut keys = std::collections::BTreeMap::new();
        for subject in texts.iter().copied().map(Some).chain([None]) {
            for key in texts {
                let store_key = key_of(subject, key).unwrap();
                assert_eq!(parse(&store_key), Some((subject.map(str::to_owned), key.to_owned())));
                assert_eq!(keys.insert(store_key, (subject, key)), None);
            }
        }
    }

    proptest! {
        #[test]
        fn a_key_in_the_store_leads_back_to_subject_and_key(subject: Option<String>, key: String) {
            if let Ok(store_key) = key_of(subject.as_deref(), &key) {
                prop_assert_eq!(parse(&store_key), Some((subject, key)));
                let is_valid = store_key.len() + 18 <= 512 && !store_key.contains(['\0', '@', '!', '{']);
                prop_assert!(is_valid, "{}", store_key);
            }
        }
    }

    #[test]
    fn an_empty_or_too_long_part_is_an_error_that_names_it() {
        let message = |subject, key: &str| key_of(subject, key).unwrap_err().to_string();
        assert_eq!(message(Some(""), "a"), "the subject of a run is empty");
        assert_eq!(message(Some("a"), ""), "the key of a run is empty");
        let long = "k".repeat(201);
        let too_long = "is too long: it has at most 200 bytes, and escaped characters count three";
        assert_eq!(message(None, &long), format!("the key of a run {too_long}"));
        assert_eq!(message(Some(&"/".repeat(67)), "a"), format!("the subject of a run {too_long}"));
        assert!(key_of(Some(&long[..200]), &long[..200]).is_ok());
    }

    #[test]
    fn a_name_has_no_character_that_separates() {
        assert!(is_name("answers") && is_name(&"n".repeat(64)));
        for name in ["", "a/b", "a*", "a\0", &"n".repeat(65)] {
            assert!(!is_name(name), "{name:?}");
        }
    }
}
