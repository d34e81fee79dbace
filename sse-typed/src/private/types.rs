//! Event types of nested payloads, joined by the compiler.

/// How many event types an enum and its nested payloads have.
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

/// The event types of an enum and of its nested payloads, as one list.
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

/// Stops the compiler where an event type has two meanings.
pub const fn assert_disjoint(declared: &[&str], nested: &[&[&str]]) {
    let mut list = 0;
    while list < nested.len() {
        let mut name = 0;
        while name < nested[list].len() {
            let text = nested[list][name];
            assert!(
                !const_contains(declared, text),
                "an event type of a `#[sse(nested)]` payload is also an event type of this enum: rename one"
            );
            let mut earlier = 0;
            while earlier < list {
                assert!(
                    !const_contains(nested[earlier], text),
                    "two `#[sse(nested)]` payloads have an event type in common: rename one"
                );
                earlier += 1;
            }
            name += 1;
        }
        list += 1;
    }
}

/// Whether an event type is one of a nested payload's.
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
    fn nested_types_follow_a_type_s_own() {
        const OWN: &[&str] = &["a"];
        const NESTED: &[&[&str]] = &[&["b", "c"], &[], &["d"]];
        const ALL: [&str; count(OWN, NESTED)] = concat(OWN, NESTED);
        assert_eq!(ALL, ["a", "b", "c", "d"]);
        assert_disjoint(OWN, NESTED);
    }

    #[test]
    fn an_event_type_with_two_meanings_is_refused() {
        for (declared, nested) in
            [(&["a", "b"][..], &[&["b"][..]][..]), (&["a"], &[&["b"], &["c", "b"]]), (&[], &[&["x"], &[], &["x"]])]
        {
            assert!(catch_unwind(|| assert_disjoint(declared, nested)).is_err(), "{declared:?} {nested:?}");
        }
        assert_disjoint(&["a", "ab"], &[&["b"], &["ba"]]);
    }
}
