use std::{cell::Cell, io};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes compact JSON, and says whether there may be line ends in it.
///
/// serde_json escapes those of strings, and puts none between. What it passes on as it is given are a `RawValue`, and a
/// number that is kept as text (with its feature `arbitrary_precision`). So there is nothing to look for behind most values:
/// over 60 bytes of JSON that took as long as a fifth of the writing.
#[inline]
pub(super) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, data: &T) -> serde_json::Result<bool> {
    let verbatim = Cell::new(false);
    data.serialize(&mut Serializer::with_formatter(out, Compact { verbatim: &verbatim }))?;
    Ok(verbatim.get())
}

/// serde_json's `CompactFormatter`, which is the trait's defaults, with a note of what was not escaped.
struct Compact<'a> {
    verbatim: &'a Cell<bool>,
}

impl Formatter for Compact<'_> {
    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        self.verbatim.set(true);
        writer.write_all(fragment.as_bytes())
    }

    fn write_number_str<W: io::Write + ?Sized>(&mut self, writer: &mut W, value: &str) -> io::Result<()> {
        self.verbatim.set(true);
        writer.write_all(value.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, value::RawValue};

    use super::*;

    fn has_line_ends(json: &[u8]) -> bool {
        memchr::memchr2(b'\r', b'\n', json).is_some()
    }

    #[test]
    fn what_is_passed_on_verbatim_is_told_of_wherever_it_stands() {
        let raw = RawValue::from_string("[1,\r\n2]".to_owned()).unwrap();
        let mut out = Vec::new();
        assert!(write(&mut out, &raw).unwrap());
        assert!(write(&mut out, &BTreeMap::from([("a", vec![(1, Some(&raw))])])).unwrap());
        assert!(!write(&mut out, &BTreeMap::from([("a\r\n", vec![(1.5, Some('\n'))])])).unwrap());
        assert_eq!(out, b"[1,\r\n2]{\"a\":[[1,[1,\r\n2]]]}{\"a\\r\\n\":[[1.5,\"\\n\"]]}");
    }

    fn value() -> impl Strategy<Value = Value> {
        let text = || prop::collection::vec(prop_oneof![Just('\r'), Just('\n'), any::<char>()], 0..8);
        let text = move || text().prop_map(|chars| chars.into_iter().collect::<String>());
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((text(), inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_that_of_serde_json_and_has_no_line_ends_that_are_not_told_of(value in value()) {
            let mut out = Vec::new();
            let may_have_lines = write(&mut out, &value).unwrap();
            prop_assert_eq!(&out, &serde_json::to_vec(&value).unwrap());
            prop_assert!(may_have_lines || !has_line_ends(&out));
            // With serde_json's `arbitrary_precision`, which another crate may turn on, numbers are told of.
            prop_assert!(!has_line_ends(&out));
        }
    }
}
