//! Holds code in the README and in the comparison against copies that other tests check: the ui tests compile the mistakes, and
//! the interop tests compile the TypeScript. Holds the tests that the manual names against those that exist.

use std::{collections::BTreeSet, fs, path::Path};

const README: &str = include_str!("../../README.md");
const COMPARISON: &str = include_str!("../../docs/compare.md");
const FAULTS: &str = include_str!("../../sse-typed/src/manual/faults.md");
const MISTAKES: &str = include_str!("ui/fail/readme.rs");
const COMPILE_ERRORS: &str = include_str!("ui/fail/readme.stderr");
const HOSTILE_PEERS: &str = include_str!("../../sse-typed/src/manual/hostile_peers.md");
const RUNTIMES: &str = include_str!("../../sse-typed/src/manual/runtimes.md");
const EXECUTORS: &str = include_str!("executors.rs");
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

/// The cells of the rows whose first cell has numbers.
fn numbered_rows(text: &'static str) -> impl Iterator<Item = (Vec<u32>, Vec<&'static str>)> {
    text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let numbers = cells.next()?.split(", ").map(str::parse).collect::<Result<_, _>>().ok()?;
        Some((numbers, cells.collect()))
    })
}

/// The texts between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The Rust sources at a path of the repository.
fn sources(path: &Path) -> String {
    if path.is_file() {
        return if path.extension().is_some_and(|end| end == "rs") {
            fs::read_to_string(path).unwrap()
        } else {
            String::new()
        };
    }
    fs::read_dir(path).unwrap().map(|entry| sources(&entry.unwrap().path())).collect()
}

/// Whether there is a test of that name, or a function with that name for each store, which a macro makes tests of.
fn has_test(sources: &str, name: &str) -> bool {
    let is_for_each_store = sources.contains(&format!("async fn {name}<")) && sources.matches(name).count() > 1;
    is_for_each_store
        || sources.match_indices(&format!("fn {name}(")).any(|(start, _)| {
            // The attributes and the comment of the function.
            let attributes = sources[..start].rsplit_once("\n\n").map_or("", |(_, attributes)| attributes);
            attributes.contains("#[test]") || attributes.contains("#[tokio::test")
        })
}

#[test]
fn every_row_about_hostile_peers_names_tests_that_exist() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = sources(&tests.join("tests")) + &sources(&tests.join("../sse-typed/src"));
    let rows: Vec<_> = HOSTILE_PEERS.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows.iter().filter(|row| !row.ends_with("| test |")) {
        let names = row.trim_end_matches(" |").rsplit_once(" | ").expect("a row has columns").1;
        for name in names.split(", ") {
            let name = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')).expect("a row ends with tests");
            let exists = ["(", "<"].iter().any(|end| found.contains(&format!("fn {name}{end}")));
            assert!(exists, "there is no test {name}: {row}");
        }
    }
}

#[test]
fn every_fault_in_the_manual_has_tests_that_exist() {
    let (faults, tests) = FAULTS.split_once("\n# Tests\n").expect("the page lists its tests");
    let faults: Vec<_> = numbered_rows(faults).flat_map(|(numbers, _)| numbers).collect();
    assert_eq!(faults, (1..=36).collect::<Vec<_>>());
    let mut tested = BTreeSet::new();
    for (numbers, cells) in numbered_rows(tests) {
        tested.extend(numbers);
        let [names, place] = cells[..] else { panic!("{cells:?}") };
        let place = quoted(place).next().expect("a row names a path");
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(place));
        for name in quoted(names) {
            assert!(has_test(&sources, name), "`{name}` is no test in `{place}`");
        }
    }
    assert_eq!(tested, faults.into_iter().collect());
}

#[test]
fn the_page_on_runtimes_names_tests_that_exist() {
    let (_, tests) = RUNTIMES.split_once("\n# Tests\n").expect("the page lists its tests");
    let rows: Vec<_> = tests.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert_eq!(rows.len(), 4);
    for name in rows.into_iter().flat_map(quoted) {
        assert!(EXECUTORS.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}
