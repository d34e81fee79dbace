//! A run: it installs missing programs, runs the steps, and prints a summary.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    args::Options,
    programs::Program,
    shell::Outcome,
    steps::{self, Context, Step},
    test_count::TestCount,
};

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
enum StepResult {
    Passed,
    Failed,
    NotRun,
}

#[derive(Debug, Default)]
struct Report {
    steps: Vec<(&'static str, StepResult, Duration)>,
    count: TestCount,
    /// The tests that were not run, and how to install what they need.
    not_run: Vec<String>,
}

pub(crate) fn test(options: &Options) -> ExitCode {
    let started = Instant::now();
    let steps: Vec<_> = steps::list(options.deep)
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|name| name == step.name))
        .collect();
    let mut report = Report::default();
    let passed = match prepare(options, &steps) {
        Ok(context) => run_steps(&context, &steps, &mut report),
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    print!("{}", report.render(started.elapsed()));
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Changes to the root of the workspace, and asks before anything is installed.
fn prepare(options: &Options, steps: &[&Step]) -> io::Result<Context> {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = PathBuf::from(package).parent().map(Path::to_owned).unwrap_or_default();
    env::set_current_dir(&root)?;
    let target = root.join("target");
    fs::create_dir_all(&target)?;
    if options.all {
        let missing = missing(steps.iter().flat_map(|step| step.needs.iter().chain(step.uses)));
        if !missing.is_empty() {
            announce(&missing)?;
            if !(options.yes || env::var("CI").is_ok_and(|ci| ci == "true") || confirmed()?) {
                return Err(io::Error::other(
                    "nothing was installed; `cargo xtask test` runs the tests that need no other programs",
                ));
            }
        }
    }
    Ok(Context { all: options.all, not_run: target.join("not-run.txt").to_string_lossy().into_owned() })
}

fn missing<'a>(programs: impl IntoIterator<Item = &'a Program>) -> Vec<Program> {
    let mut missing: Vec<_> = programs.into_iter().copied().collect();
    missing.sort_unstable();
    missing.dedup();
    missing.retain(|program| !program.is_installed());
    missing
}

/// Shows the programs that will be installed. An error lists those that must be installed by hand.
fn announce(missing: &[Program]) -> io::Result<()> {
    let mut by_hand = Vec::new();
    println!("Some programs are missing. Each is installed before the first step that needs it:");
    for program in missing {
        match program.install() {
            Some(cmds) => cmds.iter().for_each(|cmd| println!("    {cmd}")),
            None => by_hand.push(format!("    {}: {}", program.name(), program.how_to_install())),
        }
    }
    if by_hand.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("install these by hand:\n{}", by_hand.join("\n"))))
}

fn confirmed() -> io::Result<bool> {
    print!("Continue? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Runs the steps up to the first that fails. True if none fails.
fn run_steps(context: &Context, steps: &[&Step], report: &mut Report) -> bool {
    for (number, step) in steps.iter().enumerate() {
        println!("\n=== {} ({} of {}): {}", step.name, number + 1, steps.len(), step.about);
        let started = Instant::now();
        let result = run_step(context, step, report).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            StepResult::Failed
        });
        let time = started.elapsed();
        println!("--- {}: {} in {}", step.name, result.word(), seconds(time));
        let failed = result == StepResult::Failed;
        report.steps.push((step.name, result, time));
        if failed {
            // A check without tests counts as one failed test.
            report.count.failed = report.count.failed.max(1);
            return false;
        }
    }
    true
}

fn run_step(context: &Context, step: &Step, report: &mut Report) -> io::Result<StepResult> {
    if context.all {
        for program in missing(step.needs.iter().chain(step.uses)) {
            install(program)?;
        }
    }
    if let Some(program) = missing(step.needs).first() {
        report.not_run.push(format!("{}: {} is missing ({})", step.name, program.name(), program.how_to_install()));
        return Ok(StepResult::NotRun);
    }
    // Tests that are not run write this file.
    let _ = fs::remove_file(&context.not_run);
    let Outcome { succeeded, count } = (step.run)(context)?;
    report.count += count;
    report.add_not_run(&fs::read_to_string(&context.not_run).unwrap_or_default());
    Ok(if succeeded { StepResult::Passed } else { StepResult::Failed })
}

fn install(program: Program) -> io::Result<()> {
    let failed = || io::Error::other(format!("{} is missing: {}", program.name(), program.how_to_install()));
    for cmd in program.install().ok_or_else(failed)? {
        if !cmd.run_interactively()? {
            return Err(failed());
        }
    }
    if program.is_installed() { Ok(()) } else { Err(failed()) }
}

impl StepResult {
    const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotRun => "not run",
        }
    }
}

impl Report {
    /// Adds the tests that were not run. Each wrote a line: the test, a tab, and the missing program.
    fn add_not_run(&mut self, lines: &str) {
        let mut tests_by_program = Vec::new();
        for line in lines.lines() {
            let (test, missing) = line.split_once('\t').unwrap_or((line, "a program"));
            // The runner counted it as passed.
            self.count.passed = self.count.passed.saturating_sub(1);
            self.count.not_run += 1;
            match tests_by_program.iter_mut().find(|(other, _)| *other == missing) {
                None => tests_by_program.push((missing, vec![test])),
                Some((_, tests)) => tests.push(test),
            }
        }
        for (missing, tests) in tests_by_program {
            let program = Program::ALL.into_iter().find(|program| program.name() == missing);
            let how = program.map(|program| format!(" ({})", program.how_to_install())).unwrap_or_default();
            self.not_run.push(format!("{}: {missing} is missing{how}", tests.join(", ")));
        }
    }

    /// The summary. Its last line is the number of tests that passed and failed.
    fn render(&self, time: Duration) -> String {
        let mut text = String::from("\n=== summary\n");
        for (name, result, time) in &self.steps {
            text += &format!("{name:<10} {:<8} {:>9}\n", result.word(), seconds(*time));
        }
        text += &format!("{:<10} {:<8} {:>9}\n", "all", "", seconds(time));
        for line in &self.not_run {
            text += &format!("not run: {line}\n");
        }
        text += &format!("{}\n", self.count);
        text
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_were_not_run_do_not_count_as_passed() {
        let mut report = Report { count: TestCount { passed: 5, failed: 0, not_run: 0 }, ..Report::default() };
        report.add_not_run("curl_reads\tcurl\ncurl_resumes\tcurl\nui\trustc 1.95\n");
        assert_eq!(report.count, TestCount { passed: 2, failed: 0, not_run: 3 });
        assert_eq!(report.not_run.len(), 2);
        assert!(report.not_run[0].starts_with("curl_reads, curl_resumes: curl is missing (apt-get install curl"));
        assert_eq!(report.not_run[1], "ui: rustc 1.95 is missing");
    }

    #[test]
    fn the_last_line_is_the_number_of_tests() {
        let report = Report {
            steps: vec![
                ("fmt", StepResult::Passed, Duration::from_millis(1234)),
                ("deny", StepResult::NotRun, Duration::ZERO),
            ],
            count: TestCount { passed: 7, failed: 0, not_run: 0 },
            not_run: vec!["deny: cargo-deny is missing".to_owned()],
        };
        let expected = "\n=== summary\n\
            fmt        passed       1.2 s\n\
            deny       not run      0.0 s\n\
            all                    60.0 s\n\
            not run: deny: cargo-deny is missing\n\
            7 passed, 0 failed\n";
        assert_eq!(report.render(Duration::from_secs(60)), expected);
    }
}
