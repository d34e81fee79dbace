use std::hash::{Hash, Hasher};

use bytestring::ByteString;

/// The text of an id. A short text is stored inline, so creating, cloning and dropping it does not allocate: a hub creates an id
/// for each event.
#[derive(Clone)]
pub(crate) struct IdText(Repr);

#[derive(Clone)]
enum Repr {
    Inline(ShortText),
    Shared(ByteString),
}

/// UTF-8 text of at most [`MAX_SHORT_LEN`] bytes.
#[derive(Clone, Copy)]
pub(crate) struct ShortText {
    len: u8,
    bytes: [u8; MAX_SHORT_LEN],
}

/// The longest id of a hub without an external log: 16 digits, a dash, the 20 digits of the largest number, and a mark.
pub(crate) const MAX_SHORT_LEN: usize = 38;

impl IdText {
    pub(crate) fn new(text: &str) -> Self {
        let mut short = ShortText::default();
        Self(if short.push(text.as_bytes()) { Repr::Inline(short) } else { Repr::Shared(text.into()) })
    }

    pub(crate) fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Inline(short) => short.as_str(),
            Repr::Shared(text) => text,
        }
    }
}

impl ShortText {
    /// Appends `text`, which must be whole UTF-8 characters. Returns false and appends nothing if it does not fit.
    pub(crate) fn push(&mut self, text: &[u8]) -> bool {
        let start = usize::from(self.len);
        let end = start + text.len();
        let Some(target) = self.bytes.get_mut(start..end) else { return false };
        target.copy_from_slice(text);
        // It is at most `MAX_SHORT_LEN`.
        self.len = end as u8;
        true
    }

    /// Appends a number in decimal digits, as [`push`](Self::push) does.
    pub(crate) fn push_number(&mut self, mut number: u128) -> bool {
        // `u128::MAX` has 39 digits.
        let mut digits = [0; 39];
        let mut start = digits.len();
        loop {
            start -= 1;
            // The remainder is below ten.
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return self.push(&digits[start..]);
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    fn as_str(&self) -> &str {
        // Only UTF-8 was pushed.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl Default for ShortText {
    fn default() -> Self {
        Self { len: 0, bytes: [0; MAX_SHORT_LEN] }
    }
}

impl From<ShortText> for IdText {
    fn from(short: ShortText) -> Self {
        Self(Repr::Inline(short))
    }
}

impl From<String> for IdText {
    fn from(text: String) -> Self {
        if text.len() <= MAX_SHORT_LEN { Self::new(&text) } else { Self(Repr::Shared(text.into())) }
    }
}

impl PartialEq for IdText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for IdText {}

impl PartialOrd for IdText {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdText {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for IdText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn a_text_of_any_length_is_kept_unchanged() {
        let state = RandomState::new();
        let mut last: Option<IdText> = None;
        for len in 0..100 {
            let text: String = "é…a".chars().cycle().take(len).collect();
            let made = [IdText::new(&text), IdText::from(text.clone()), IdText(Repr::Shared(text.as_str().into()))];
            for id in &made {
                assert_eq!(id.as_str(), text);
                assert!(*id == made[0] && id.cmp(&made[0]).is_eq());
                assert_eq!(state.hash_one(id), state.hash_one(text.as_str()));
                assert!(last.as_ref().is_none_or(|last| last < id));
            }
            last = Some(made[0].clone());
        }
        assert_eq!(size_of::<IdText>(), 40);
        assert_eq!(size_of::<Option<IdText>>(), 40);
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 1, 9, 10, 99, 100, u128::from(u32::MAX), u128::from(u64::MAX), u128::MAX / 10] {
            let mut text = ShortText::default();
            assert!(text.push_number(number));
            assert_eq!(text.as_str(), number.to_string());
        }
        let mut text = ShortText::default();
        assert!(!text.push_number(u128::MAX), "one digit too many");
        assert_eq!(text.as_str(), "");
        assert!(text.push(&[b'a'; MAX_SHORT_LEN]) && !text.push(b"a") && text.push(b""));
    }
}
