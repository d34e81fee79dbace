//! The words of `#[sse(..)]`: where each may stand, and what follows it.

use std::fmt;

/// Where an attribute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Enum,
    Struct,
    Variant,
    Field,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enum => "an enum",
            Self::Struct => "a struct",
            Self::Variant => "a variant",
            Self::Field => "a field",
        })
    }
}

/// What follows an attribute's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing.
    Word,
    /// `= "text"`.
    Text,
    /// `= "text"`, and the attribute may be repeated.
    Texts,
    /// `("text", "text", ..)`, and the attribute may be repeated.
    List,
    /// Nothing, or `(json)`.
    Id,
    /// `= "predicates"`, or `(serialize = "predicates", deserialize = "predicates")`.
    Bound,
}

/// An attribute.
#[derive(Debug)]
pub(crate) struct Symbol {
    pub(crate) name: &'static str,
    pub(crate) places: &'static [Place],
    pub(crate) shape: Shape,
    /// How it is written.
    pub(crate) usage: &'static str,
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

macro_rules! symbols {
    ($($constant:ident = $name:literal on $places:expr, $shape:ident, $usage:literal;)*) => {
        $(pub(crate) const $constant: Symbol =
            Symbol { name: $name, places: $places, shape: Shape::$shape, usage: $usage };)*

        /// All attributes, in the order in which messages list them.
        pub(crate) const ALL: &[Symbol] = &[$($constant),*];
    };
}

const TYPE: &[Place] = &[Place::Enum, Place::Struct];
const EVENT: &[Place] = &[Place::Variant, Place::Struct];
const VARIANT: &[Place] = &[Place::Variant];
const FIELD: &[Place] = &[Place::Field];

symbols! {
    RENAME = "rename" on EVENT, Text, "rename = \"..\"";
    ALIAS = "alias" on EVENT, Texts, "alias = \"..\"";
    MESSAGE = "message" on EVENT, Word, "message";
    TEXT = "text" on EVENT, Word, "text";
    WITH = "with" on EVENT, Text, "with = \"module\"";
    DATA = "data" on EVENT, Text, "data = \"[DONE]\"";
    KEY = "key" on VARIANT, Text, "key = \"..\"";
    OTHER = "other" on VARIANT, Word, "other";
    NESTED = "nested" on VARIANT, Word, "nested";
    TERMINAL = "terminal" on EVENT, Word, "terminal";
    ERROR = "error" on EVENT, Word, "error";
    GAP = "gap" on VARIANT, Word, "gap";
    SKIP = "skip" on VARIANT, Word, "skip";
    AS = "as" on &[Place::Variant, Place::Struct, Place::Field], Text, "as = \"Type\"";
    ID = "id" on FIELD, Id, "id` or `id(json)";
    RETRY = "retry" on FIELD, Word, "retry";
    RENAME_ALL = "rename_all" on TYPE, Text, "rename_all = \"..\"";
    RENAME_ALL_FIELDS = "rename_all_fields" on TYPE, Text, "rename_all_fields = \"..\"";
    PREFIX = "prefix" on TYPE, Text, "prefix = \"..\"";
    TAG = "tag" on TYPE, Text, "tag = \"..\"";
    IGNORE = "ignore" on TYPE, List, "ignore(\"..\", ..)";
    ALLOW_RESERVED = "allow_reserved" on TYPE, Word, "allow_reserved";
    CRATE = "crate" on TYPE, Text, "crate = \"path\"";
    BOUND = "bound" on TYPE, Bound, "bound = \"..\"` or `bound(serialize = \"..\", deserialize = \"..\")";
}

/// Whether `#[serde(..)]` takes that name at `place`, and says what `#[sse(..)]` leaves to it: the JSON.
pub(crate) fn is_of_serde(place: Place, name: &str) -> bool {
    let names: &[_] = match place {
        Place::Enum => &["deny_unknown_fields"],
        Place::Struct => &["default", "deny_unknown_fields"],
        Place::Variant => &["rename_all"],
        Place::Field => &[
            "alias",
            "borrow",
            "bound",
            "default",
            "deserialize_with",
            "flatten",
            "rename",
            "serialize_with",
            "skip",
            "skip_deserializing",
            "skip_serializing",
            "skip_serializing_if",
            "with",
        ],
    };
    names.contains(&name)
}

/// The names that may stand at `place`, as a message lists them.
pub(crate) fn known_at(place: Place) -> String {
    let names: Vec<_> =
        ALL.iter().filter(|symbol| symbol.places.contains(&place)).map(|symbol| format!("`{}`", symbol.name)).collect();
    names.join(", ")
}

/// The name at `place` that is one or two slips of the pen away from `written`.
pub(crate) fn nearest(place: Place, written: &str) -> Option<&'static str> {
    let names = ALL.iter().filter(|symbol| symbol.places.contains(&place)).map(|symbol| symbol.name);
    let (slips, name) = names.map(|name| (slips(name, written), name)).min()?;
    // Two slips make any short name of any other.
    (slips <= 2 && slips < name.len() / 2).then_some(name)
}

/// How many letters must be put in, taken out or replaced to make one word of the other.
fn slips(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.bytes().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, against) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(letter != against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_one_that_may_stand_there() {
        assert_eq!(nearest(Place::Variant, "renam"), Some("rename"));
        assert_eq!(nearest(Place::Variant, "nonsense"), None);
        assert_eq!(nearest(Place::Variant, "termnial"), Some("terminal"));
        assert_eq!(nearest(Place::Enum, "renameall"), Some("rename_all"));
        assert_eq!(nearest(Place::Enum, "rename"), None);
        assert_eq!(nearest(Place::Field, "is"), None);
        assert_eq!(nearest(Place::Field, ""), None);
        assert_eq!((slips("", "ab"), slips("ab", ""), slips("abc", "axc")), (2, 2, 1));
    }
}
