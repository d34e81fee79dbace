//! A run: what is missing is got, the steps are taken, and the last lines say what came of it.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{
    args::Options,
    count::Count,
    programs::Program,
    shell::Outcome,
    steps::{Context, STEPS, Step},
};

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
enum Result {
    Passed,
    Failed,
    NotRun,
}

#[derive(Debug, Default)]
struct Report {
    steps: Vec<(&'static str, Result, Duration)>,
    count: Count,
    /// What was not run, and how to get what it needs.
    not_run: Vec<String>,
}

pub(crate) fn test(options: &Options) -> ExitCode {
    let started = Instant::now();
    let steps: Vec<_> = STEPS
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

/// Goes to the root of the workspace, and sees to it that what is missing may be installed.
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
                return Err(io::Error::other("nothing was installed; `cargo xtask test` runs what needs nothing"));
            }
        }
    }
    Ok(Context { all: options.all, not_run: target.join("not-run.txt").to_string_lossy().into_owned() })
}

fn missing<'a>(programs: impl IntoIterator<Item = &'a Program>) -> Vec<Program> {
    let mut missing: Vec<_> = programs.into_iter().copied().collect();
    missing.sort_unstable();
    missing.dedup();
    missing.retain(|program| !program.is_found());
    missing
}

/// Shows what will be installed, or says what a person must install.
fn announce(missing: &[Program]) -> io::Result<()> {
    let mut by_hand = Vec::new();
    println!("Not all that the tests need is here. Each is installed before the first step that needs it:");
    for program in missing {
        match program.install() {
            Some(cmds) => cmds.iter().for_each(|cmd| println!("    {cmd}")),
            None => by_hand.push(format!("    {}: {}", program.name(), program.how_to_get())),
        }
    }
    if by_hand.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(format!("these must be installed by hand:\n{}", by_hand.join("\n"))))
}

fn confirmed() -> io::Result<bool> {
    print!("Go on? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Takes the steps up to the first that fails. True when none does.
fn run_steps(context: &Context, steps: &[&Step], report: &mut Report) -> bool {
    for (number, step) in steps.iter().enumerate() {
        println!("\n=== {} ({} of {}): {}", step.name, number + 1, steps.len(), step.about);
        let started = Instant::now();
        let result = take(context, step, report).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            Result::Failed
        });
        let time = started.elapsed();
        println!("--- {}: {} in {}", step.name, result.word(), seconds(time));
        let failed = result == Result::Failed;
        report.steps.push((step.name, result, time));
        if failed {
            // A step that is no test is a check that failed.
            report.count.failed = report.count.failed.max(1);
            return false;
        }
    }
    true
}

fn take(context: &Context, step: &Step, report: &mut Report) -> io::Result<Result> {
    if context.all {
        for program in missing(step.needs.iter().chain(step.uses)) {
            install(program)?;
        }
    }
    if let Some(program) = missing(step.needs).first() {
        report.not_run.push(format!("{}: {} is missing ({})", step.name, program.name(), program.how_to_get()));
        return Ok(Result::NotRun);
    }
    // The file is there if a test was not run.
    let _ = fs::remove_file(&context.not_run);
    let Outcome { succeeded, count } = (step.run)(context)?;
    report.count += count;
    report.add_not_run(&fs::read_to_string(&context.not_run).unwrap_or_default());
    Ok(if succeeded { Result::Passed } else { Result::Failed })
}

fn install(program: Program) -> io::Result<()> {
    let failed = || io::Error::other(format!("{} is missing: {}", program.name(), program.how_to_get()));
    for cmd in program.install().ok_or_else(failed)? {
        if !cmd.run_interactively()? {
            return Err(failed());
        }
    }
    if program.is_found() { Ok(()) } else { Err(failed()) }
}

impl Result {
    const fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotRun => "not run",
        }
    }
}

impl Report {
    /// Takes in what tests have written that were not run, a line each: the test, a tab, and what it lacks.
    fn add_not_run(&mut self, lines: &str) {
        let mut lacking = Vec::new();
        for line in lines.lines() {
            let (test, lacks) = line.split_once('\t').unwrap_or((line, "what it needs"));
            // The runner has counted it among those that passed.
            self.count.passed = self.count.passed.saturating_sub(1);
            self.count.not_run += 1;
            match lacking.iter_mut().find(|(other, _)| *other == lacks) {
                None => lacking.push((lacks, vec![test])),
                Some((_, tests)) => tests.push(test),
            }
        }
        for (lacks, tests) in lacking {
            let program = Program::EVERY.into_iter().find(|program| program.name() == lacks);
            let how = program.map(|program| format!(" ({})", program.how_to_get())).unwrap_or_default();
            self.not_run.push(format!("{}: {lacks} is missing{how}", tests.join(", ")));
        }
    }

    /// The last lines. The very last is a test runner's: how many tests passed, and how many failed.
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
    fn tests_that_were_not_run_are_not_among_those_that_passed() {
        let mut report = Report { count: Count { passed: 5, failed: 0, not_run: 0 }, ..Report::default() };
        report.add_not_run("curl_reads\tcurl\ncurl_resumes\tcurl\nui\trustc 1.95\n");
        assert_eq!(report.count, Count { passed: 2, failed: 0, not_run: 3 });
        assert_eq!(report.not_run.len(), 2);
        assert!(report.not_run[0].starts_with("curl_reads, curl_resumes: curl is missing (apt-get install curl"));
        assert_eq!(report.not_run[1], "ui: rustc 1.95 is missing");
    }

    #[test]
    fn the_last_line_is_the_count_of_tests() {
        let report = Report {
            steps: vec![("fmt", Result::Passed, Duration::from_millis(1234)), ("deny", Result::NotRun, Duration::ZERO)],
            count: Count { passed: 7, failed: 0, not_run: 0 },
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
