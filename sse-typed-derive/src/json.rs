//! Recognizes JSON: a sentinel that is JSON may be the data of another variant.

/// Whether `text` is exactly one JSON value. Values nested more deeply than serde_json accepts are not.
pub(crate) fn is_json(text: &str) -> bool {
    let mut rest = text.as_bytes();
    value(&mut rest, 127) && {
        space(&mut rest);
        rest.is_empty()
    }
}

fn space(rest: &mut &[u8]) {
    while let [b' ' | b'\t' | b'\n' | b'\r', after @ ..] = *rest {
        *rest = after;
    }
}

/// Consumes space and then `wanted`.
fn take(rest: &mut &[u8], wanted: &[u8]) -> bool {
    space(rest);
    match rest.strip_prefix(wanted) {
        Some(after) => {
            *rest = after;
            true
        }
        None => false,
    }
}

fn value(rest: &mut &[u8], depth: u8) -> bool {
    space(rest);
    match rest.first() {
        Some(b'{') => {
            take(rest, b"{")
                && list(rest, depth, b"}", |rest, depth| string(rest) && take(rest, b":") && value(rest, depth))
        }
        Some(b'[') => take(rest, b"[") && list(rest, depth, b"]", value),
        Some(b'"') => string(rest),
        Some(b't') => take(rest, b"true"),
        Some(b'f') => take(rest, b"false"),
        Some(b'n') => take(rest, b"null"),
        _ => number(rest),
    }
}

/// Consumes entries separated by commas, up to `end`.
fn list(rest: &mut &[u8], depth: u8, end: &[u8], entry: fn(&mut &[u8], u8) -> bool) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    if take(rest, end) {
        return true;
    }
    while entry(rest, depth) {
        if take(rest, end) {
            return true;
        }
        if !take(rest, b",") {
            return false;
        }
    }
    false
}

fn string(rest: &mut &[u8]) -> bool {
    if !take(rest, b"\"") {
        return false;
    }
    loop {
        *rest = match *rest {
            [b'"', after @ ..] => {
                *rest = after;
                return true;
            }
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after @ ..] => after,
            [b'\\', b'u', digits @ ..] => match digits.split_at_checked(4) {
                Some((four, after)) if four.iter().all(u8::is_ascii_hexdigit) => after,
                _ => return false,
            },
            [b'\\' | ..=0x1f, ..] | [] => return false,
            [_, after @ ..] => after,
        };
    }
}

fn number(rest: &mut &[u8]) -> bool {
    // The sign is optional.
    let _ = take(rest, b"-");
    if let [b'0', after @ ..] = *rest {
        *rest = after;
    } else if !digits(rest) {
        return false;
    }
    if let [b'.', after @ ..] = *rest {
        *rest = after;
        if !digits(rest) {
            return false;
        }
    }
    if let [b'e' | b'E', after @ ..] = *rest {
        *rest = match after {
            [b'+' | b'-', after @ ..] => after,
            _ => after,
        };
        return digits(rest);
    }
    true
}

/// Consumes one or more digits.
fn digits(rest: &mut &[u8]) -> bool {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    *rest = &rest[count..];
    count > 0
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_told_from_other_text() {
        for json in [
            "null",
            "true",
            "false",
            "0",
            "-1.5e+3",
            "10",
            "\"\"",
            "\"a\\\"\\u00e9é\"",
            "[]",
            "[1, [2],{}]",
            "{}",
            " {\"a\" : [null], \"b\":{\"c\":1}} ",
        ] {
            assert!(is_json(json), "{json}");
        }
        for text in [
            "",
            " ",
            "[DONE]",
            "undefined",
            "nul",
            "nulls",
            "null null",
            "01",
            "1.",
            "-",
            "1e",
            ".5",
            "+1",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\n\"",
            "[1,]",
            "[,]",
            "[1 2]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "[",
            "{",
            "'a'",
            "é",
        ] {
            assert!(!is_json(text), "{text}");
        }
        assert!(!is_json(&"[".repeat(100_000)));
    }
}
