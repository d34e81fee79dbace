//! Joins and compares the event types of nested payloads at compile time.

/// The number of event types of an enum and its nested payloads.
#[must_use]
pub const fn count(own: &[&str], nested: &[&[&str]]) -> usize {
    let mut count = own.len();
    let mut list = 0;
    while list < nested.len() {
        count += nested[list].len();
        list += 1;
    }
    count
}

/// The event types of an enum and its nested payloads, as one list.
#[must_use]
pub const fn concat<const N: usize>(own: &[&'static str], nested: &[&[&'static str]]) -> [&'static str; N] {
    let mut all = [""; N];
    let mut at = 0;
    while at < own.len() {
        all[at] = own[at];
        at += 1;
    }
    let mut list = 0;
    while list < nested.len() {
        let mut name = 0;
        while name < nested[list].len() {
            all[at] = nested[list][name];
            at += 1;
            name += 1;
        }
        list += 1;
    }
    all
}

/// Fails to compile if an event type is in both lists. The message names the event type, followed by `why`.
#[track_caller]
pub const fn assert_disjoint(types: &[&str], others: &[&str], why: &str) {
    let mut at = 0;
    while at < types.len() {
        if const_contains(others, types[at]) {
            let mut message = Message { text: [0; 512], len: 0 };
            message.push("the event type `");
            message.push(types[at]);
            message.push("` ");
            message.push(why);
            message.panic();
        }
        at += 1;
    }
}

/// A message that is built at compile time. A part that does not fit is left out.
struct Message {
    text: [u8; 512],
    len: usize,
}

impl Message {
    const fn push(&mut self, text: &str) {
        if self.len + text.len() > self.text.len() {
            return;
        }
        let mut at = 0;
        while at < text.len() {
            self.text[self.len] = text.as_bytes()[at];
            self.len += 1;
            at += 1;
        }
    }

    #[track_caller]
    const fn panic(&self) -> ! {
        match str::from_utf8(self.text.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => unreachable!(),
        }
    }
}

/// Whether a nested payload has this event type.
#[must_use]
pub fn contains(types: &[&str], name: &str) -> bool {
    types.contains(&name)
}

const fn const_contains(types: &[&str], name: &str) -> bool {
    let mut at = 0;
    while at < types.len() {
        if equal(types[at].as_bytes(), name.as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

const fn equal(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn event_types_of_nested_payloads_follow_the_own_ones() {
        const OWN: &[&str] = &["a"];
        const NESTED: &[&[&str]] = &[&["b", "c"], &[], &["d"]];
        const ALL: [&str; count(OWN, NESTED)] = concat(OWN, NESTED);
        assert_eq!(ALL, ["a", "b", "c", "d"]);
    }

    #[test]
    fn an_event_type_in_both_lists_is_refused_by_name() {
        let refusal = |types: &'static [&str], others: &'static [&str], why: &'static str| {
            let panic = catch_unwind(|| assert_disjoint(types, others, why)).unwrap_err();
            panic.downcast_ref::<String>().unwrap().clone()
        };
        assert_eq!(refusal(&["a", "b"], &["ab", "b"], "is declared twice"), "the event type `b` is declared twice");
        assert_eq!(refusal(&["é"], &["é"], "is declared twice"), "the event type `é` is declared twice");
        let long: &str = Box::leak("é".repeat(300).into_boxed_str());
        assert_eq!(refusal(&["a"], &["a"], long), "the event type `a` ");
        assert_disjoint(&["a", "ab"], &["b", "ba"], "");
        assert_disjoint(&[], &["a"], "");
    }
}
