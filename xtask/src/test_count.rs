//! The number of tests that a test runner ran.

use std::{fmt, ops::AddAssign};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TestCount {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Passed without testing anything, because a program is missing.
    pub(crate) not_run: u64,
}

impl AddAssign for TestCount {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.not_run += other.not_run;
    }
}

impl fmt::Display for TestCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.not_run > 0 {
            write!(f, ", {} skipped", self.not_run)?;
        }
        Ok(())
    }
}

/// Parses the closing line of a test runner. `None` for any other line.
///
/// - nextest: `Summary [   1.2s] 3 tests run: 2 passed (1 slow), 1 failed, 4 skipped`
/// - libtest: `test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`
///
/// Tests that the runner calls skipped or ignored are not counted: another step runs them, or none.
pub(crate) fn parse_closing_line(line: &str) -> Option<TestCount> {
    let line = without_colours(line);
    let line = line.trim();
    let counts = match line.strip_prefix("test result: ") {
        Some(counts) => counts.split_once(". ")?.1,
        None => line.strip_prefix("Summary [")?.split_once(" run: ")?.1,
    };
    let mut count = TestCount::default();
    for part in counts.split([',', ';']) {
        let mut words = part.split_whitespace();
        let (Some(number), Some(what)) = (words.next().and_then(|word| word.parse::<u64>().ok()), words.next()) else {
            continue;
        };
        match what {
            "passed" => count.passed += number,
            "failed" | "timed" | "exec" => count.failed += number,
            _ => {}
        }
    }
    Some(count)
}

/// Removes the escape sequences of a terminal: ESC `[` .. letter.
fn without_colours(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
        } else {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(passed: u64, failed: u64) -> Option<TestCount> {
        Some(TestCount { passed, failed, not_run: 0 })
    }

    #[test]
    fn the_summary_of_nextest_is_parsed() {
        for (line, expected) in [
            ("     Summary [   1.234s] 12 tests run: 12 passed, 0 skipped", count(12, 0)),
            ("     Summary [   0.020s] 1 test run: 1 passed, 7 skipped", count(1, 0)),
            (
                "     Summary [  61.0s] 20 tests run: 17 passed (2 slow, 1 leaky), 2 failed, 1 timed out, 3 skipped",
                count(17, 3),
            ),
            ("     Summary [   0.000s] 0 tests run: 0 passed, 9 skipped", count(0, 0)),
            ("     Summary [   9.9s] 3/5 tests run: 2 passed, 1 failed, 0 skipped", count(2, 1)),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   1.0s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped",
                count(2, 0),
            ),
        ] {
            assert_eq!(parse_closing_line(line), expected, "{line}");
        }
    }

    #[test]
    fn the_result_of_libtest_is_parsed() {
        for (line, expected) in [
            (
                "test result: ok. 31 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 4.02s",
                count(31, 0),
            ),
            (
                "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 5 filtered out; finished in 0s",
                count(2, 1),
            ),
            (
                "test result: \u{1b}[32mok\u{1b}[m. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
                count(4, 0),
            ),
        ] {
            assert_eq!(parse_closing_line(line), expected, "{line}");
        }
    }

    #[test]
    fn other_lines_are_not_counted() {
        for line in ["", "running 3 tests", "test a ... ok", "3 passed, 0 failed", "Summary of changes: 3 passed"] {
            assert_eq!(parse_closing_line(line), None, "{line}");
        }
    }

    #[test]
    fn tests_that_were_not_run_are_counted_apart() {
        let mut count = TestCount { passed: 3, failed: 0, not_run: 0 };
        assert_eq!(count.to_string(), "3 passed, 0 failed");
        count += TestCount { passed: 1, failed: 2, not_run: 4 };
        assert_eq!(count.to_string(), "4 passed, 2 failed, 4 skipped");
    }
}
