//! The compile error that the README shows is the one that is printed. That it is printed is shown by the ui tests.

const README: &str = include_str!("../../README.md");
const SOURCE: &str = include_str!("ui/fail/readme.rs");
const PRINTED: &str = include_str!("ui/fail/readme.stderr");

/// The block of code in the README that begins so.
fn block(begin: &str) -> &'static str {
    let (_, block) = README.split_once(begin).expect("the README shows a compile error");
    block.split_once("\n```").expect("a block ends").0
}

#[test]
fn the_compile_error_in_the_readme_is_the_one_that_is_printed() {
    assert_eq!(block("```rust,compile_fail\n"), SOURCE.trim_end().trim_end_matches("fn main() {}").trim_end());
    let printed = PRINTED.replace("tests/ui/fail/readme.rs", "src/main.rs");
    let shown = block("```text\nerror: ");
    // trybuild indents the places by one more.
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&format!("error: {shown}")), lines(printed.trim_end()));
}
