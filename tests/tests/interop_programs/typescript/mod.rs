//! The generated TypeScript, compiled by TypeScript and run in Node.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::LazyLock,
};

use tokio::process::Command;

use crate::program::{Program, browser_tests, found, output, script};

mod keys;
mod live;
mod parsing;
mod variants;

const PROGRAMS: [Program; 2] = [Program::Node, Program::NpmPackages];

/// Runs the compiler on a project in `browser/typescript`.
async fn tsc(project: &str, args: &[&str]) -> Output {
    let folder = browser_tests();
    let mut command = Command::new("node");
    command.arg(folder.join("node_modules/typescript/bin/tsc")).args(["--pretty", "false", "--project"]);
    command.arg(folder.join("typescript").join(project)).args(args).stdin(Stdio::null()).kill_on_drop(true);
    output(command).await
}

/// Compiles the contracts to JavaScript. Each test has its own folder, because tests run in separate processes.
async fn compiled(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript").join(test);
    let output = tsc("tsconfig.json", &["--outDir", &folder.to_string_lossy()]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    fs::write(folder.join("package.json"), r#"{"type":"module"}"#).unwrap();
    folder.join("contracts")
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn typescript_accepts_every_contract_in_its_strictest_mode() {
    let name = "typescript_accepts_every_contract_in_its_strictest_mode";
    if !found(name, &PROGRAMS) {
        return;
    }
    let folder = compiled(name).await;
    let count = |folder: &Path, end: &str| {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.filter(|name| name.ends_with(end)).count()
    };
    for part in ["", "wire"] {
        let contracts = count(&browser_tests().join("contracts").join(part), ".ts");
        assert!(contracts > 5, "{contracts}");
        assert_eq!(count(&folder.join(part), ".js"), contracts, "{part}");
    }
}

/// The expected errors. A wrong line names them in a comment at its end.
static WRONG: LazyLock<Vec<(usize, String)>> = LazyLock::new(|| {
    let text = fs::read_to_string(browser_tests().join("typescript/uses/wrong.ts")).unwrap();
    let mut expected = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((_, codes)) = line.rsplit_once("// TS") else { continue };
        expected.extend(codes.split(" TS").map(|code| (number + 1, format!("TS{code}"))));
    }
    expected.sort();
    expected
});

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn typescript_refuses_exactly_the_wrong_uses() {
    if !found("typescript_refuses_exactly_the_wrong_uses", &PROGRAMS) {
        return;
    }
    let output = tsc("tsconfig.uses.json", &[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    // `.../uses/wrong.ts(7,22): error TS2561: Object literal may ..`; indented lines continue the line before.
    let errors = text.lines().filter(|line| !line.starts_with(' '));
    let mut errors: Vec<(usize, String)> = errors
        .map(|line| {
            let (position, error) = line.split_once("): error ").unwrap_or_else(|| panic!("{line}"));
            let (file, position) = position.rsplit_once('(').unwrap();
            assert!(file.ends_with("wrong.ts"), "{line}");
            (position.split(',').next().unwrap().parse().unwrap(), error.split(':').next().unwrap().to_owned())
        })
        .collect();
    errors.sort();
    assert_eq!(errors, *WRONG, "{text}");
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_subscription_keeps_its_promises_whatever_its_event_source_does() {
    let name = "a_subscription_keeps_its_promises_whatever_its_event_source_does";
    if found(name, &PROGRAMS) {
        let folder = compiled(name).await;
        let lines = script("typescript/subscribe.mjs", &[&folder.to_string_lossy()]).await;
        assert!(lines.len() >= 18 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_subscription_reconnects_as_documented_after_every_refusal() {
    let name = "a_subscription_reconnects_as_documented_after_every_refusal";
    if found(name, &PROGRAMS) {
        let folder = compiled(name).await;
        let lines = script("typescript/reconnecting.mjs", &[&folder.to_string_lossy()]).await;
        assert!(lines.len() >= 11 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_page_may_throw_close_and_wait_in_every_callback() {
    let name = "a_page_may_throw_close_and_wait_in_every_callback";
    if found(name, &PROGRAMS) {
        let folder = compiled(name).await;
        let lines = script("typescript/callbacks.mjs", &[&folder.to_string_lossy()]).await;
        assert!(lines.len() >= 10 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_subscription_by_fetch_keeps_the_promises_of_one_by_an_event_source() {
    let name = "a_subscription_by_fetch_keeps_the_promises_of_one_by_an_event_source";
    if found(name, &PROGRAMS) {
        let folder = compiled(name).await;
        let lines = script("typescript/fetch.mjs", &[&folder.to_string_lossy()]).await;
        assert!(lines.len() >= 15 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn a_request_is_one_answer_and_its_failures_are_thrown() {
    let name = "a_request_is_one_answer_and_its_failures_are_thrown";
    if found(name, &PROGRAMS) {
        let folder = compiled(name).await;
        let lines = script("typescript/request.mjs", &[&folder.to_string_lossy()]).await;
        assert!(lines.len() == 7 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_code_in_the_manual_compiles_and_runs_in_each_framework() {
    let name = "the_code_in_the_manual_compiles_and_runs_in_each_framework";
    if found(name, &PROGRAMS) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("typescript").join(name);
        let manual = browser_tests().join("../../sse-typed/src/manual/pages.md");
        let args = [&*folder.to_string_lossy(), &*manual.to_string_lossy()];
        let lines = script("typescript/frameworks.mjs", &args).await;
        assert!(lines.len() == 4 && lines.iter().all(|line| line.starts_with("passed: ")), "{lines:#?}");
    }
}

#[tokio::test]
#[ignore = "needs Node and npm packages"]
async fn the_code_of_a_page_is_small() {
    if !found("the_code_of_a_page_is_small", &PROGRAMS) {
        return;
    }
    let lines = script("typescript/sizes.mjs", &[]).await;
    let sizes: Vec<usize> = lines.iter().map(|line| line.parse().unwrap()).collect();
    // Minified and compressed, in bytes: `subscribe` with an `EventSource` only, and all exports.
    let &[event_source, all, types_only] = &*sizes else { panic!("{lines:?}") };
    assert!((2000..=3000).contains(&event_source), "{event_source}");
    assert!((4000..=5000).contains(&all), "{all}");
    assert!(types_only < 50, "{types_only}");
}
