//! Counts the instructions of five small programs, and compares them with a baseline. Times are noisy on a shared machine;
//! these counts are the same in every run.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{
    shell::{self, Cmd, Outcome},
    test_count::TestCount,
};

/// The manifest of the benchmarks. Its lock file keeps the dependencies of the programs the same.
const MANIFEST: &str = "benches/Cargo.toml";
const TARGET: &str = "target/benches";
const BASELINE: &str = "benches/counts/baseline.txt";
const PROGRAMS: [&str; 5] = ["count_decode", "count_typed", "count_encode", "count_fan_out", "count_topics"];

/// By how many percent the instructions may grow. Unrelated changes move them by this much.
const TOLERANCE: f64 = 3.0;

/// The variable that, set to `overwrite`, makes the new counts the baseline.
const OVERWRITE: &str = "COUNTS";

/// The instructions of the programs, and the compiler and processor they were counted with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    rustc: String,
    processor: String,
    instructions: Vec<(String, u64)>,
}

pub(crate) fn run(build: &Cmd) -> io::Result<Outcome> {
    let outcome = |succeeded| Outcome { succeeded, count: TestCount::default() };
    if !build.run()?.succeeded {
        return Ok(outcome(false));
    }
    let mut now = Counts { rustc: rustc()?, processor: processor(), instructions: Vec::new() };
    for program in PROGRAMS {
        now.instructions.push((program.to_owned(), instructions(program)?));
    }
    if env::var_os(OVERWRITE).is_some_and(|value| value == "overwrite") {
        fs::write(BASELINE, now.to_string())?;
        println!("{BASELINE} was written:\n{now}");
        return Ok(outcome(true));
    }
    let baseline: Counts = fs::read_to_string(BASELINE)?.parse()?;
    let (report, succeeded) = now.compare(&baseline);
    println!("{report}");
    Ok(outcome(succeeded))
}

/// The arguments of `cargo build`. The caller chooses `--locked`.
pub(crate) const BUILD: [&str; 7] =
    ["--release", "--manifest-path", MANIFEST, "--target-dir", TARGET, "--package", "counts"];

/// The instructions of the function `sse_typed_counted_work` of a program, and of everything it calls.
fn instructions(program: &str) -> io::Result<u64> {
    let path: PathBuf = [TARGET, "release", program].iter().collect();
    let args = [
        "--tool=callgrind",
        "--log-fd=1",
        "--callgrind-out-file=/dev/null",
        "--toggle-collect=*sse_typed_counted_work*",
        &path.to_string_lossy(),
    ];
    let printed = shell::output("valgrind", &args).ok_or_else(|| io::Error::other(format!("{program} failed")))?;
    parse_valgrind(&printed).ok_or_else(|| io::Error::other(format!("valgrind counted no instructions in {program}")))
}

/// Parses `==123== Collected : 5389180`. `None` for zero, which a renamed function has.
fn parse_valgrind(printed: &str) -> Option<u64> {
    let line = printed.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.split_whitespace().next()?.parse().ok().filter(|count| *count > 0)
}

fn rustc() -> io::Result<String> {
    let version = shell::output("rustc", &["--version"]);
    let version = version.as_deref().and_then(|version| version.split(' ').nth(1));
    version.map(str::to_owned).ok_or_else(|| io::Error::other("`rustc --version` failed"))
}

/// The architecture, and the features by which routines are chosen at run time.
fn processor() -> String {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return "x86_64 avx2".to_owned();
    }
    env::consts::ARCH.to_owned()
}

impl Counts {
    /// A report of these counts, and whether they pass.
    fn compare(&self, baseline: &Self) -> (String, bool) {
        let mut report = String::new();
        let mut succeeded = true;
        let same = (&self.rustc, &self.processor) == (&baseline.rustc, &baseline.processor);
        for (program, now) in &self.instructions {
            let before = baseline.instructions.iter().find(|(other, _)| other == program);
            let verdict = match before {
                None => {
                    succeeded = false;
                    "not in the baseline".to_owned()
                }
                Some((_, before)) => {
                    let percent = (*now as f64 / *before as f64 - 1.0) * 100.0;
                    let verdict = match percent {
                        _ if !same => "",
                        _ if percent > TOLERANCE => {
                            succeeded = false;
                            ": A REGRESSION"
                        }
                        _ if percent < -TOLERANCE => ": better, update the baseline",
                        _ => "",
                    };
                    format!("{percent:+.1} %{verdict}")
                }
            };
            report += &format!("{program:<14} {now:>12} instructions, {verdict}\n");
        }
        if !same {
            report += &format!(
                "notice: counts are not compared. The baseline is for rustc {} on {}, and this is {} on {}\n",
                baseline.rustc, baseline.processor, self.rustc, self.processor
            );
        }
        if !succeeded {
            report += &format!(
                "More than {TOLERANCE} % above {}. To accept: {OVERWRITE}=overwrite cargo xtask test --only counts\n",
                Path::new(BASELINE).display()
            );
        }
        (report, succeeded)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Written by `{OVERWRITE}=overwrite cargo xtask test --only counts`: instructions, as valgrind counts them."
        )?;
        writeln!(f, "rustc {}\nprocessor {}", self.rustc, self.processor)?;
        self.instructions.iter().try_for_each(|(program, count)| writeln!(f, "{program} {count}"))
    }
}

impl FromStr for Counts {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        let mut counts = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let invalid = || io::Error::other(format!("{BASELINE}: cannot parse `{line}`"));
            match line.split_once(' ').ok_or_else(invalid)? {
                ("rustc", version) => version.clone_into(&mut counts.rustc),
                ("processor", processor) => processor.clone_into(&mut counts.processor),
                (program, count) => {
                    let count = count.parse().ok().filter(|count| *count > 0).ok_or_else(invalid)?;
                    counts.instructions.push((program.to_owned(), count));
                }
            }
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(decode: u64, encode: u64) -> Counts {
        Counts {
            rustc: "1.95.0".to_owned(),
            processor: "x86_64 avx2".to_owned(),
            instructions: vec![("count_decode".to_owned(), decode), ("count_encode".to_owned(), encode)],
        }
    }

    #[test]
    fn too_many_instructions_are_a_failure_that_names_the_program() {
        let baseline = counts(100_000, 100_000);
        let (report, succeeded) = counts(103_100, 100_000).compare(&baseline);
        assert!(!succeeded);
        assert!(report.contains("count_decode         103100 instructions, +3.1 %: A REGRESSION"), "{report}");
        assert_eq!(report.matches("REGRESSION").count(), 1, "{report}");
        assert!(report.contains("COUNTS=overwrite"), "{report}");
    }

    #[test]
    fn counts_within_the_tolerance_or_below_pass() {
        let baseline = counts(100_000, 100_000);
        let (report, succeeded) = counts(102_900, 90_000).compare(&baseline);
        assert!(succeeded, "{report}");
        assert!(report.contains("-10.0 %: better"), "{report}");
    }

    #[test]
    fn another_compiler_or_processor_is_a_notice_and_not_a_failure() {
        for (rustc, processor) in [("1.96.0", "x86_64 avx2"), ("1.95.0", "aarch64")] {
            let other = Counts { rustc: rustc.to_owned(), processor: processor.to_owned(), ..counts(900_000, 1) };
            let (report, succeeded) = other.compare(&counts(100_000, 100_000));
            assert!(succeeded, "{report}");
            assert!(report.contains("notice") && report.contains(rustc) && report.contains(processor), "{report}");
            assert!(!report.contains("REGRESSION"), "{report}");
        }
    }

    #[test]
    fn a_program_without_a_baseline_is_a_failure() {
        let mut baseline = counts(1, 1);
        baseline.instructions.pop();
        assert!(!counts(1, 1).compare(&baseline).1);
    }

    #[test]
    fn a_written_baseline_is_parsed_again() {
        let written = counts(5_389_180, 3_247_273);
        assert_eq!(written.to_string().parse::<Counts>().unwrap(), written);
        for wrong in ["count_decode", "count_decode many", "count_decode 0"] {
            assert!(wrong.parse::<Counts>().unwrap_err().to_string().contains(wrong));
        }
    }

    #[test]
    fn the_committed_baseline_has_every_program() {
        let baseline: Counts = include_str!("../../benches/counts/baseline.txt").parse().unwrap();
        let programs: Vec<_> = baseline.instructions.iter().map(|(program, _)| program.as_str()).collect();
        assert_eq!(programs, PROGRAMS);
        assert!(!baseline.rustc.is_empty() && !baseline.processor.is_empty());
    }

    #[test]
    fn the_output_of_valgrind_is_parsed() {
        let printed = "3000 events\n==6940== \n==6940== Events    : Ir\n==6940== Collected : 5389180\n";
        assert_eq!(parse_valgrind(printed), Some(5_389_180));
        assert_eq!(parse_valgrind("==6940== Collected : 0\n"), None, "the function was not found");
        assert_eq!(parse_valgrind("valgrind: command not found\n"), None);
    }
}
