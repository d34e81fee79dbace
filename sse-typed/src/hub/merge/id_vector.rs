//! The ids of a merged stream: a position in each part, as one text.
//!
//! In `*rides~7f..-12*chat~9a..-3` each `*` is followed by the name of a part, a `~`, and the id of the position. Every
//! character of an id except `[A-Za-z0-9._-]` is written as `%XX`, with capital digits. A text that ends in `!` is the
//! id of an event that ends the whole stream. A text with any other spelling is no id vector.

use crate::event::{EventId, MAX_ID_LEN, PartName};

/// The maximum number of parts of a stream.
pub(super) const MAX_PARTS: usize = 16;

/// The positions that a client has sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IdVector {
    positions: Vec<(PartName, EventId)>,
    /// The client has received the event that ended the stream.
    is_over: bool,
}

impl IdVector {
    /// Parses a text, which comes from a client. `None` if it is no id vector.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (list, is_over) = text.strip_suffix('!').map_or((text, false), |list| (list, true));
        let list = list.strip_prefix('*')?;
        let mut positions: Vec<(PartName, EventId)> = Vec::new();
        for position in list.split('*').filter(|_| !list.is_empty()) {
            let (name, id) = position.split_once('~')?;
            let name = PartName::new(name).ok()?;
            if positions.len() == MAX_PARTS || positions.iter().any(|(other, _)| *other == name) {
                return None;
            }
            positions.push((name, unescape(id)?));
        }
        Some(Self { positions, is_over })
    }

    /// The position of a part.
    pub(super) fn position(&self, name: PartName) -> Option<&EventId> {
        self.positions.iter().find(|(other, _)| *other == name).map(|(_, id)| id)
    }

    /// The positions of all parts but one.
    pub(super) fn without(&self, name: PartName) -> IdVectorText {
        let mut text = IdVectorText::default();
        for (other, id) in self.positions.iter().filter(|(other, _)| *other != name) {
            text.push(*other, &escape(id.as_str()));
        }
        text
    }

    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }
}

/// The text of an id vector that is being written.
#[derive(Debug, Default)]
pub(super) struct IdVectorText(String);

impl IdVectorText {
    /// Adds the position of a part, whose id is [escaped](escape).
    pub(super) fn push(&mut self, name: PartName, position: &str) {
        self.0.push('*');
        self.0.push_str(name.as_str());
        self.0.push('~');
        self.0.push_str(position);
    }

    /// Adds the positions of other parts.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The text as an id, with the end mark if its event ends the stream. `None` if it is too long.
    pub(super) fn as_id(&mut self, is_over: bool) -> Option<&str> {
        if self.0.is_empty() {
            // An empty id would clear the client's last event ID.
            self.0.push('*');
        }
        if is_over && !self.0.ends_with('!') {
            self.0.push('!');
        }
        (self.0.len() <= MAX_ID_LEN).then_some(&*self.0)
    }

    pub(super) fn finish(mut self, is_over: bool) -> Option<EventId> {
        self.as_id(is_over).map(EventId::from_wire)
    }
}

/// The id vector without positions.
pub(super) fn empty() -> EventId {
    EventId::from_wire("*")
}

const fn is_unescaped(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
}

/// An id as it is written in an id vector.
pub(super) fn escape(id: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        if is_unescaped(byte) {
            text.push(byte.into());
        } else {
            text.push('%');
            text.push(DIGITS[usize::from(byte >> 4)].into());
            text.push(DIGITS[usize::from(byte & 0xF)].into());
        }
    }
    text
}

/// The id from which [`escape`] makes this text, if there is one.
fn unescape(text: &str) -> Option<EventId> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let mut id = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        rest = tail;
        id.push(match (*byte, tail) {
            (byte, _) if is_unescaped(byte) => byte,
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                let byte = digit(*high)? << 4 | digit(*low)?;
                if is_unescaped(byte) {
                    return None;
                }
                byte
            }
            _ => return None,
        });
    }
    EventId::new(String::from_utf8(id).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn write(vector: &IdVector) -> Option<EventId> {
        let mut text = IdVectorText::default();
        for (name, id) in &vector.positions {
            text.push(*name, &escape(id.as_str()));
        }
        text.finish(vector.is_over)
    }

    fn name() -> impl Strategy<Value = PartName> {
        vec(prop::sample::select(b"abcxyz0189_-".to_vec()), 1..=16)
            .prop_map(|name| PartName::new(str::from_utf8(&name).unwrap()).unwrap())
    }

    /// Any id that a log may return.
    fn id() -> impl Strategy<Value = EventId> {
        let letter =
            prop_oneof![any::<char>(), prop::sample::select("*~!%+ .-_'\"7aF\u{e9}".chars().collect::<Vec<_>>())];
        vec(letter, 1..12)
            .prop_filter_map("it is no valid id", |id| EventId::new(id.into_iter().collect::<String>()).ok())
    }

    fn vector() -> impl Strategy<Value = IdVector> {
        (vec((name(), id()), 0..=16), any::<bool>()).prop_map(|(mut positions, is_over)| {
            let mut seen = Vec::new();
            positions.retain(|(name, _)| {
                !seen.contains(name) && {
                    seen.push(*name);
                    true
                }
            });
            IdVector { positions, is_over }
        })
    }

    /// A text that is nearly an id vector.
    fn almost() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "*", "~", "!", "%", "%21", "%2", "%41", "%FF", "%0A", "%20", "%c3%a9", "%C3%A9", "a", "rides", "chat", "Z",
            "-7", "é", " ",
        ]);
        vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_vector_that_is_written_parses_to_itself(vector in vector()) {
            let written = write(&vector);
            if let Some(text) = &written {
                prop_assert!(EventId::new(text.as_str()).is_ok());
                prop_assert!(text.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert_eq!(IdVector::parse(text.as_str()), Some(vector));
            }
        }

        #[test]
        fn a_text_is_a_vector_only_in_the_spelling_in_which_it_is_written(text in almost()) {
            if let Some(vector) = IdVector::parse(&text) {
                prop_assert_eq!(write(&vector).map(|id| id.to_string()), Some(text));
            }
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in any::<String>()) {
            let _ = IdVector::parse(&text);
            let _ = IdVector::parse(&format!("*{text}"));
            let _ = IdVector::parse(&format!("*a~{text}!"));
        }
    }

    #[test]
    fn a_vector_is_compact_text() {
        let position = |name, id: &str| (PartName::new(name).unwrap(), EventId::new(id).unwrap());
        let vector = IdVector { positions: vec![position("rides", "0ab-7"), position("chat", "9!")], is_over: false };
        assert_eq!(write(&vector).unwrap().as_str(), "*rides~0ab-7*chat~9%21");
        assert_eq!(write(&IdVector { is_over: true, ..vector }).unwrap().as_str(), "*rides~0ab-7*chat~9%21!");
        assert_eq!(write(&IdVector::default()).unwrap().as_str(), "*");
    }

    #[test]
    fn a_text_with_another_spelling_is_no_vector() {
        let many: String = (0..17).map(|n| format!("*p{n}~1")).collect();
        for text in [
            "",
            "a",
            "!",
            "rides~7",
            "*rides",
            "*rides~",
            "*~7",
            "**",
            "*rides~7*",
            "**rides~7",
            "*rides~7*rides~8",
            "*Rides~7",
            "*rides~7~8",
            "*rides~7!!",
            "*rides~%2d",
            "*rides~%2D",
            "*rides~%0A",
            "*rides~%",
            "*rides~%2",
            "*rides~%FF",
            "*rides~ 7",
            "*rides~é",
            &many,
        ] {
            assert_eq!(IdVector::parse(text), None, "{text}");
        }
    }

    #[test]
    fn sixteen_parts_in_memory_fit_into_an_id() {
        let mut text = IdVectorText::default();
        for n in 10..26 {
            text.push(
                PartName::new(&format!("{n:016}")).unwrap(),
                &escape(&format!("{:016x}-{}", u64::MAX, 10_u64.pow(18))),
            );
        }
        assert!(text.finish(true).is_some());
    }

    #[test]
    fn a_vector_over_1_kib_is_no_id() {
        let mut text = IdVectorText::default();
        text.push(PartName::new("a").unwrap(), &"x".repeat(1021));
        assert_eq!(text.0.len(), 1024);
        assert!(IdVectorText(text.0.clone()).finish(false).is_some());
        assert!(text.finish(true).is_none());
    }
}
