//! The attributes of `#[sse(..)]`: the items that each is allowed on, and its syntax.

use std::fmt;

/// The kind of item that an attribute is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttrTarget {
    Enum,
    Struct,
    Variant,
    Field,
}

impl fmt::Display for AttrTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enum => "an enum",
            Self::Struct => "a struct",
            Self::Variant => "a variant",
            Self::Field => "a field",
        })
    }
}

/// The syntax after an attribute's name.
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
    pub(crate) targets: &'static [AttrTarget],
    pub(crate) shape: Shape,
    /// Its syntax, for error messages.
    pub(crate) usage: &'static str,
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

macro_rules! symbols {
    ($($constant:ident = $name:literal on $targets:expr, $shape:ident, $usage:literal;)*) => {
        $(pub(crate) const $constant: Symbol =
            Symbol { name: $name, targets: $targets, shape: Shape::$shape, usage: $usage };)*

        /// All attributes, in the order of the lists in error messages.
        pub(crate) const ALL: &[Symbol] = &[$($constant),*];
    };
}

const TYPE: &[AttrTarget] = &[AttrTarget::Enum, AttrTarget::Struct];
const EVENT: &[AttrTarget] = &[AttrTarget::Variant, AttrTarget::Struct];
const VARIANT: &[AttrTarget] = &[AttrTarget::Variant];
const FIELD: &[AttrTarget] = &[AttrTarget::Field];

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
    FAILED = "failed" on VARIANT, Word, "failed";
    STOPPED = "stopped" on VARIANT, Word, "stopped";
    LOST = "lost" on VARIANT, Word, "lost";
    SKIP = "skip" on VARIANT, Word, "skip";
    AS = "as" on &[AttrTarget::Variant, AttrTarget::Struct, AttrTarget::Field], Text, "as = \"Type\"";
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

/// Whether `name` is an attribute of `#[serde(..)]` on `target` that concerns the JSON, and so is not an `#[sse(..)]` attribute.
pub(crate) fn is_serde_attribute(target: AttrTarget, name: &str) -> bool {
    let names: &[_] = match target {
        AttrTarget::Enum => &["deny_unknown_fields"],
        AttrTarget::Struct => &["default", "deny_unknown_fields"],
        AttrTarget::Variant => &["rename_all"],
        AttrTarget::Field => &[
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

/// A list of the attributes allowed on `target`, for error messages.
pub(crate) fn names_for(target: AttrTarget) -> String {
    let names: Vec<_> = ALL
        .iter()
        .filter(|symbol| symbol.targets.contains(&target))
        .map(|symbol| format!("`{}`", symbol.name))
        .collect();
    names.join(", ")
}

/// The attribute allowed on `target` whose name differs from `written` by one or two letters.
pub(crate) fn closest(target: AttrTarget, written: &str) -> Option<&'static str> {
    let names = ALL.iter().filter(|symbol| symbol.targets.contains(&target)).map(|symbol| symbol.name);
    let (edit_distance, name) = names.map(|name| (edit_distance(name, written), name)).min()?;
    // For short names, two different letters are too many.
    (edit_distance <= 2 && edit_distance < name.len() / 2).then_some(name)
}

/// The number of letters to insert, remove or replace to turn one word into the other.
fn edit_distance(one: &str, other: &str) -> usize {
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
    fn the_closest_name_is_one_that_is_allowed_on_the_item() {
        assert_eq!(closest(AttrTarget::Variant, "renam"), Some("rename"));
        assert_eq!(closest(AttrTarget::Variant, "nonsense"), None);
        assert_eq!(closest(AttrTarget::Variant, "termnial"), Some("terminal"));
        assert_eq!(closest(AttrTarget::Enum, "renameall"), Some("rename_all"));
        assert_eq!(closest(AttrTarget::Enum, "rename"), None);
        assert_eq!(closest(AttrTarget::Field, "is"), None);
        assert_eq!(closest(AttrTarget::Field, ""), None);
        assert_eq!((edit_distance("", "ab"), edit_distance("ab", ""), edit_distance("abc", "axc")), (2, 2, 1));
    }
}
