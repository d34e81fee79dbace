use std::fmt::{Debug, Write};

/// More lines than this are not compared, for the comparison takes the square of their number.
const MOST_LINES: usize = 400;

/// The longest line that is shown whole, and how much of a longer one is shown before its difference.
const LONGEST_LINE: usize = 400;
const BEFORE_DIFFERENCE: usize = 60;

/// Writes the difference of two values, as their `Debug` output in lines.
pub(crate) fn show_diff<T: Debug + ?Sized, U: Debug + ?Sized>(expected: &T, received: &U, out: &mut String) {
    let short = (format!("{expected:?}"), format!("{received:?}"));
    let long = (format!("{expected:#?}"), format!("{received:#?}"));
    // One line for each says more than a tree of them.
    let (expected, received) = if short.0.len().max(short.1.len()) <= 72 && short.0 != short.1 { short } else { long };
    out.push_str("(- expected, + received)\n");
    let (expected, received): (Vec<_>, Vec<_>) = (expected.lines().collect(), received.lines().collect());
    let lines = diff(&expected, &received);
    for (index, (mark, line)) in lines.iter().enumerate() {
        // A changed line is one that is removed, and then one that is added.
        let other = match mark {
            '-' => lines.get(index + 1).filter(|(mark, _)| *mark == '+'),
            '+' => index.checked_sub(1).map(|before| &lines[before]).filter(|(mark, _)| *mark == '-'),
            _ => None,
        };
        let same = other.map_or(0, |(_, other)| line.chars().zip(other.chars()).take_while(|(a, b)| a == b).count());
        let _ = writeln!(out, "  {mark} {}", part_around(line, same));
    }
}

/// The line, or of a long one the part around this character.
fn part_around(line: &str, at: usize) -> String {
    if line.chars().nth(LONGEST_LINE).is_none() {
        return line.to_owned();
    }
    let start = if at < LONGEST_LINE { 0 } else { at - BEFORE_DIFFERENCE };
    let part: String = line.chars().skip(start).take(LONGEST_LINE).collect();
    let before = if start > 0 { "..." } else { "" };
    let behind = if line.chars().nth(start + LONGEST_LINE).is_some() { "..." } else { "" };
    format!("{before}{part}{behind}")
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
    fn of_a_long_line_the_part_with_the_difference_is_shown() {
        let mut out = String::new();
        show_diff(&format!("{}b", "a".repeat(5000)), &format!("{}c", "a".repeat(5000)), &mut out);
        let same = "a".repeat(BEFORE_DIFFERENCE);
        assert_eq!(out, format!("(- expected, + received)\n  - ...{same}b\"\n  + ...{same}c\"\n"));
        assert_eq!(part_around(&"é".repeat(5000), 0), format!("{}...", "é".repeat(LONGEST_LINE)));
    }

    #[test]
    fn what_is_missing_and_what_is_added_is_found() {
        let lines = diff(&["a", "b", "c", "d"], &["b", "x", "d", "e"]);
        let shown: String = lines.iter().map(|(mark, line)| format!("{mark}{line}")).collect();
        assert_eq!(shown, "-a b-c+x d+e");
    }
}
