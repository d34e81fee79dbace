//! Holds code in the README and in the comparison against copies that other tests check: the ui tests compile the mistakes, and
//! the interop tests compile the TypeScript. Also the names of tests in the manual.

use std::{fs, path::Path};

const README: &str = include_str!("../../README.md");
const COMPARISON: &str = include_str!("../../docs/compare.md");
const MISTAKES: &str = include_str!("ui/fail/readme.rs");
const COMPILE_ERRORS: &str = include_str!("ui/fail/readme.stderr");
const HOSTILE_PEERS: &str = include_str!("../../sse-typed/src/manual/hostile_peers.md");
const PAGE: &str = include_str!("../browser/typescript/uses/readme.ts");

/// The rest of the first code block of `document` that begins with `start`.
fn code_block(document: &'static str, start: &str) -> &'static str {
    let (_, block) = document.split_once(start).expect("the document has the block");
    block.split_once("\n```").expect("the block ends").0
}

#[test]
fn the_compile_errors_in_the_readme_are_those_that_rustc_prints() {
    let mistakes = MISTAKES.trim_end().trim_end_matches("fn main() {}").trim_end();
    assert_eq!(code_block(README, "```rust,compile_fail\n"), mistakes);
    let printed = COMPILE_ERRORS.replace("tests/ui/fail/readme.rs", "src/main.rs");
    let shown = code_block(README, "```text\nerror: ");
    // trybuild indents the positions by one more space.
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&format!("error: {shown}")), lines(printed.trim_end()));
}

#[test]
fn the_typescript_in_the_documents_is_compiled() {
    let compiled = PAGE.replace("../../contracts/", "./");
    let compiled = compiled.split_once("import ").expect("the page imports its events").1.trim_end();
    for document in [README, COMPARISON] {
        assert_eq!(code_block(document, "```ts\nimport "), compiled);
    }
}

/// The text of all Rust files of a folder and of those in it.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &source(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_row_about_hostile_peers_names_tests_that_exist() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = source(&tests.join("tests")) + &source(&tests.join("../sse-typed/src"));
    let rows: Vec<_> = HOSTILE_PEERS.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows.iter().filter(|row| !row.ends_with("| test |")) {
        let names = row.trim_end_matches(" |").rsplit_once(" | ").expect("a row has columns").1;
        for name in names.split(", ") {
            let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).expect("a row ends with tests");
            let exists = ["(", "<"].iter().any(|end| source.contains(&format!("fn {name}{end}")));
            assert!(exists, "there is no test {name}: {row}");
        }
    }
}
