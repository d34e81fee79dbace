use std::fmt::{Debug, Write};

/// More lines than this are not compared, for the comparison takes the square of their number.
const MOST_LINES: usize = 400;

/// Writes the difference of two values, as their `Debug` output in lines.
pub(crate) fn show_diff<T: Debug + ?Sized, U: Debug + ?Sized>(expected: &T, received: &U, out: &mut String) {
    let short = (format!("{expected:?}"), format!("{received:?}"));
    let long = (format!("{expected:#?}"), format!("{received:#?}"));
    // One line for each says more than a tree of them.
    let (expected, received) = if short.0.len().max(short.1.len()) <= 72 && short.0 != short.1 { short } else { long };
    out.push_str("(- expected, + received)\n");
    let (expected, received): (Vec<_>, Vec<_>) = (expected.lines().collect(), received.lines().collect());
    for (mark, line) in diff(&expected, &received) {
        let _ = writeln!(out, "  {mark} {line}");
    }
}

/// The lines of both, in their order: those of both (` `), of the first (`-`), of the second (`+`).
fn diff<'a>(expected: &[&'a str], received: &[&'a str]) -> Vec<(char, &'a str)> {
    let removed = |lines: &[&'a str]| lines.iter().map(|line| ('-', *line)).collect::<Vec<_>>();
    if expected.len().max(received.len()) > MOST_LINES {
        let mut lines = removed(expected);
        lines.extend(received.iter().map(|line| ('+', *line)));
        return lines;
    }
    // The length of the longest common subsequence of what is behind each pair of lines.
    let width = received.len() + 1;
    let mut common = vec![0_usize; (expected.len() + 1) * width];
    for e in (0..expected.len()).rev() {
        for r in (0..received.len()).rev() {
            common[e * width + r] = if expected[e] == received[r] {
                common[(e + 1) * width + r + 1] + 1
            } else {
                common[(e + 1) * width + r].max(common[e * width + r + 1])
            };
        }
    }
    let (mut e, mut r) = (0, 0);
    let mut lines = Vec::new();
    while e < expected.len() && r < received.len() {
        if expected[e] == received[r] {
            lines.push((' ', expected[e]));
            (e, r) = (e + 1, r + 1);
        } else if common[(e + 1) * width + r] >= common[e * width + r + 1] {
            lines.push(('-', expected[e]));
            e += 1;
        } else {
            lines.push(('+', received[r]));
            r += 1;
        }
    }
    lines.extend(removed(&expected[e..]));
    lines.extend(received[r..].iter().map(|line| ('+', *line)));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_value_is_one_line() {
        let mut out = String::new();
        show_diff(&Some(1), &Some(2), &mut out);
        assert_eq!(out, "(- expected, + received)\n  - Some(1)\n  + Some(2)\n");
    }

    #[test]
    fn of_a_long_value_only_what_differs_is_marked() {
        let value = |third: &'static str| ["a long text that fills its line", "and another one of these texts", third];
        let mut out = String::new();
        show_diff(&value("one"), &value("two"), &mut out);
        let expected = "(- expected, + received)\n    [\n        \"a long text that fills its line\",\n        \
                        \"and another one of these texts\",\n  -     \"one\",\n  +     \"two\",\n    ]\n";
        assert_eq!(out, expected);
    }

    #[test]
    fn what_is_missing_and_what_is_added_is_found() {
        let lines = diff(&["a", "b", "c", "d"], &["b", "x", "d", "e"]);
        let shown: String = lines.iter().map(|(mark, line)| format!("{mark}{line}")).collect();
        assert_eq!(shown, "-a b-c+x d+e");
    }
}
