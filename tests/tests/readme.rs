//! The compile error that the README shows is the one that is printed, and its TypeScript is compiled. That it is so is shown
//! by the ui tests and by the interop tests.

const README: &str = include_str!("../../README.md");
const SOURCE: &str = include_str!("ui/fail/readme.rs");
const PRINTED: &str = include_str!("ui/fail/readme.stderr");
const PAGE: &str = include_str!("../browser/typescript/uses/readme.ts");

/// The block of code in the README that begins so.
fn block(begin: &str) -> &'static str {
    let (_, block) = README.split_once(begin).expect("the README shows it");
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

#[test]
fn the_typescript_in_the_readme_is_the_one_that_is_compiled() {
    let compiled = PAGE.replace("../../contracts/", "./");
    assert_eq!(compiled.split_once("import ").unwrap().1.trim_end(), block("```ts\nimport "));
}
