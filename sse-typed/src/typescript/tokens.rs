//! Finds identifiers in TypeScript, outside of strings, comments and property names.

/// The built-in generic types that ts-rs uses. With type arguments, these names always refer to the built-in types.
const GENERIC: &[&str] = &["Array", "Record"];

/// Whether a type with this name and type arguments would be taken for a built-in type.
pub(super) fn is_generic(name: &str) -> bool {
    GENERIC.contains(&name)
}

/// Replaces each identifier for which `replace` returns another name, and quotes property names that need it. ts-rs
/// leaves out the quotes around names that consist of characters that are alphanumeric in Rust.
pub(super) fn renamed(text: &str, mut replace: impl FnMut(&str) -> Option<String>) -> String {
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_dot = false;
    while let Some(first) = rest.chars().next() {
        let length = token_len(rest, first);
        let (token, after) = rest.split_at(length);
        let built_in = is_generic(token) && after.trim_start().starts_with('<');
        let new = if !is_start(first) || after_dot {
            None
        } else if is_property_name(after) {
            (!is_identifier(token)).then(|| format!("\"{token}\""))
        } else if built_in {
            None
        } else {
            replace(token)
        };
        renamed.push_str(new.as_deref().unwrap_or(token));
        if !first.is_whitespace() {
            after_dot = first == '.' && !renamed.ends_with("...");
        }
        rest = after;
    }
    renamed
}

/// Whether the text contains the identifier.
pub(super) fn mentions(text: &str, identifier: &str) -> bool {
    let mut found = false;
    renamed(text, |token| {
        found |= token == identifier;
        None
    });
    found
}

/// Whether the text can be an unquoted name of a property or a type. JavaScript allows more identifiers, but the
/// Unicode tables for them are not in std.
pub(super) fn is_identifier(text: &str) -> bool {
    text.is_ascii() && is_one_token(text)
}

/// Whether the text is a single token that looks like an identifier.
pub(super) fn is_one_token(text: &str) -> bool {
    text.chars().next().is_some_and(is_start) && text.chars().all(is_part)
}

fn is_start(letter: char) -> bool {
    letter.is_alphabetic() || letter == '_' || letter == '$'
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// The length of the first token of the text.
fn token_len(text: &str, first: char) -> usize {
    let end = |found: Option<usize>, more: usize| found.map_or(text.len(), |at| at + more);
    match first {
        '"' | '\'' | '`' => {
            let mut escaped = false;
            let mut letters = text.char_indices().skip(1);
            let closing = letters.find(|&(_, letter)| {
                let closes = letter == first && !escaped;
                escaped = letter == '\\' && !escaped;
                closes
            });
            end(closing.map(|(at, _)| at), 1)
        }
        '/' if text.starts_with("//") => end(text.find('\n'), 0),
        '/' if text.starts_with("/*") => end(text.get(2..).and_then(|rest| rest.find("*/")), 4),
        _ if is_part(first) => end(text.find(|letter| !is_part(letter)), 0),
        _ => first.len_utf8(),
    }
}

/// Whether the token before this text is the name of a property.
fn is_property_name(after: &str) -> bool {
    let after = after.trim_start();
    after.strip_prefix('?').map_or(after, str::trim_start).starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::{is_identifier, mentions, renamed};

    #[test]
    fn only_types_are_renamed() {
        let text = "type P = { P: P, P?: Array<P>, \"P\": \"P\", /** P's */ a: x.P, Px: $P, [key in P]: [P, P], 'it\\'s P': P } // P\n";
        let new = renamed(text, |token| (token == "P").then(|| "Q".to_owned()));
        assert_eq!(
            new,
            "type Q = { P: Q, P?: Array<Q>, \"P\": \"P\", /** P's */ a: x.P, Px: $P, [key in Q]: [Q, Q], 'it\\'s P': Q } // P\n"
        );
        assert!(mentions(text, "key"));
        assert!(!mentions(text, "Px"));
        let array = renamed("Array<Array>", |token| Some(format!("{token}2")));
        assert_eq!(array, "Array<Array2>", "with type arguments it is the built-in type");
    }

    #[test]
    fn a_truncated_text_is_read_to_its_end() {
        for text in ["\"P", "'P\\", "/* P", "/*", "/", "// P", "`P", "é", "P.", "P ?"] {
            assert_eq!(renamed(text, |_| None), text);
        }
    }

    #[test]
    fn property_names_are_quoted_where_necessary() {
        let text =
            "type É = { m²: É, Ⓐ?: É, été : \"m²: É\", /** m²: */ $a: x.É, \"½\": [É] } & { a1: É, [ключ in É]: É }";
        assert_eq!(
            renamed(text, |token| (token == "É").then(|| "Q".to_owned())),
            "type Q = { \"m²\": Q, \"Ⓐ\"?: Q, \"été\" : \"m²: É\", /** m²: */ $a: x.É, \"½\": [Q] } & { a1: Q, [ключ in Q]: Q }"
        );
    }

    #[test]
    fn names_that_are_not_ascii_identifiers_are_rejected() {
        for name in ["a", "_", "$", "a_1$", "Z9"] {
            assert!(is_identifier(name), "{name}");
        }
        for name in ["", "1a", "a.b", "a-b", "été", "temp²", "Ⓐ", "½", "a\u{301}"] {
            assert!(!is_identifier(name), "{name}");
        }
    }
}
