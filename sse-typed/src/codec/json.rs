use std::{cell::Cell, io, mem};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Writes compact JSON, and returns whether it may contain line ends.
///
/// serde_json escapes line ends in strings and writes none between tokens. It copies only a `RawValue`, and a number that is
/// kept as text (with its feature `arbitrary_precision`), verbatim. So most values need no search for line ends. For 60 bytes of
/// JSON, that search took a fifth of the time of writing.
#[inline]
pub(super) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, data: &T) -> serde_json::Result<bool> {
    let verbatim = Cell::new(false);
    let formatter = EventFormatter { verbatim: &verbatim, key: Key::None };
    data.serialize(&mut Serializer::with_formatter(out, formatter))?;
    Ok(verbatim.get())
}

/// Formats like serde_json's `CompactFormatter`, which only has the trait's defaults, and records whether text was copied
/// verbatim.
///
/// The tokens around a key are written together: `,"` before it and `":` after it. Each append to a vector waits for the length
/// that the append before has stored, so for small values the number of appends matters more than their bytes.
struct EventFormatter<'a> {
    verbatim: &'a Cell<bool>,
    key: Key,
}

/// The object key that is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    None,
    First,
    Next,
}

impl Formatter for EventFormatter<'_> {
    /// The key follows as a string, which writes the comma.
    #[inline]
    fn begin_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        self.key = if first { Key::First } else { Key::Next };
        Ok(())
    }

    #[inline]
    fn begin_string<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        // Two calls, because each is then a copy of known length.
        if self.key == Key::Next { writer.write_all(b",\"") } else { writer.write_all(b"\"") }
    }

    #[inline]
    fn end_string<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        match mem::replace(&mut self.key, Key::None) {
            Key::None => writer.write_all(b"\""),
            Key::First | Key::Next => writer.write_all(b"\":"),
        }
    }

    /// The end of the key has written the colon.
    #[inline]
    fn begin_object_value<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        Ok(())
    }

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
    fn verbatim_text_is_reported_at_any_depth() {
        let raw = RawValue::from_string("[1,\r\n2]".to_owned()).unwrap();
        let mut out = Vec::new();
        assert!(write(&mut out, &raw).unwrap());
        assert!(write(&mut out, &BTreeMap::from([("a", vec![(1, Some(&raw))])])).unwrap());
        assert!(!write(&mut out, &BTreeMap::from([("a\r\n", vec![(1.5, Some('\n'))])])).unwrap());
        assert_eq!(out, b"[1,\r\n2]{\"a\":[[1,[1,\r\n2]]]}{\"a\\r\\n\":[[1.5,\"\\n\"]]}");
    }

    #[test]
    fn keys_of_every_kind_equal_those_of_serde_json() {
        #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
        enum Kind {
            Unit,
        }
        #[derive(Serialize)]
        enum Shape {
            Unit,
            Newtype(BTreeMap<u8, ()>),
            Tuple(i64, BTreeMap<bool, f32>),
            Struct { first: Vec<Self>, second: Option<&'static str> },
        }
        fn check<T: Serialize>(data: T) {
            let mut out = Vec::new();
            assert!(!write(&mut out, &data).unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&data).unwrap());
        }
        check(BTreeMap::from([(i64::MIN, "a"), (7, "b")]));
        check(BTreeMap::from([(u128::MAX, "a"), (7, "b")]));
        check(BTreeMap::from([(true, 1), (false, 2)]));
        check(BTreeMap::from([('"', 1), ('\n', 2), ('x', 3)]));
        check(BTreeMap::from([(Kind::Unit, [Some(Kind::Unit), None])]));
        check(BTreeMap::from([(Some("some"), ()), (Some(""), ())]));
        check(BTreeMap::<String, ()>::new());
        check([Shape::Unit, Shape::Newtype(BTreeMap::new()), Shape::Newtype([(1, ()), (2, ())].into())]);
        check(Shape::Tuple(-1, [(true, 0.5), (false, f32::NAN)].into()));
        check(Shape::Struct { first: vec![Shape::Unit, Shape::Tuple(0, BTreeMap::new())], second: Some("\u{1}\\") });
        check((BTreeMap::from([("a", BTreeMap::from([("b", "c"), ("d", "e")])), ("f", BTreeMap::new())]), "g", ()));
        assert!(write(&mut Vec::new(), &BTreeMap::from([(vec![1], 1)])).is_err());
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
        fn json_equals_that_of_serde_json_and_unreported_line_ends_do_not_occur(value in value()) {
            let mut out = Vec::new();
            let may_have_lines = write(&mut out, &value).unwrap();
            prop_assert_eq!(&out, &serde_json::to_vec(&value).unwrap());
            prop_assert!(may_have_lines || !has_line_ends(&out));
            // With serde_json's `arbitrary_precision`, which another crate may turn on, numbers are reported as well.
            prop_assert!(!has_line_ends(&out));
        }
    }
}
