//! The steps. Those that fail most often come first, those that need installed programs last.

use std::{env, fs, io, path::Path};

use crate::{
    deep, features, fuzz, instructions, packed,
    programs::{self, Program},
    shell::{Cmd, Outcome, succeeds},
    sim,
    test_count::TestCount,
};

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Without these programs the step is not run.
    pub(crate) needs: &'static [Program],
    /// Without these programs some of its tests are not run, and report it themselves.
    pub(crate) uses: &'static [Program],
    pub(crate) run: fn(&Context) -> io::Result<Outcome>,
}

/// The settings of a run.
#[derive(Debug)]
pub(crate) struct Context {
    /// A test whose program is missing fails.
    pub(crate) all: bool,
    /// The file in which tests list those that were not run.
    pub(crate) not_run: String,
}

/// How long a fuzz target runs, in seconds.
const FUZZ_SECONDS: u32 = 20;

const DENY: [&str; 3] = ["--", "-D", "warnings"];

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "the formatting of every package",
        needs: &[Program::Rustfmt],
        uses: &[],
        run: |_| {
            let mut cmds = vec![Cmd::new("cargo").args(["fmt", "--all", "--check"])];
            for manifest in manifests_outside() {
                cmds.push(Cmd::new("cargo").args(["fmt", "--all", "--check", "--manifest-path", &manifest]));
            }
            run_all(&cmds)
        },
    },
    Step {
        name: "tests",
        about: "unit, integration and compile-error tests",
        needs: &[],
        uses: &[],
        run: |context| test_runner(context, false),
    },
    Step {
        name: "doctests",
        about: "the examples in the documentation, the README and the comparison",
        needs: &[],
        uses: &[],
        run: |context| context.cargo("test", &["--doc", "--workspace", "--all-features"]).run(),
    },
    Step {
        name: "clippy",
        about: "lints of all targets with all features",
        needs: &[Program::Clippy],
        uses: &[],
        run: |context| context.cargo("clippy", &["--workspace", "--all-targets", "--all-features"]).args(DENY).run(),
    },
    Step {
        name: "features",
        about: "every feature of sse-typed alone, none, and all",
        needs: &[Program::Clippy],
        uses: &[],
        run: |context| {
            let manifest = fs::read_to_string("sse-typed/Cargo.toml")?;
            // clippy checks as `cargo check` does. Its `-D warnings`, unlike RUSTFLAGS, does not make cargo rebuild every
            // dependency.
            let check = |args: &[&str]| context.cargo("clippy", &["-p", "sse-typed"]).args(args).args(DENY);
            let mut cmds = vec![check(&["--no-default-features"])];
            for feature in features::in_manifest(&manifest) {
                cmds.push(check(&["--no-default-features", "--features", feature]));
            }
            cmds.push(check(&["--all-features"]));
            run_all(&cmds)
        },
    },
    Step {
        name: "docs",
        about: "the documentation, on this compiler and as docs.rs builds it",
        needs: &[],
        uses: &[],
        run: |context| {
            run_all(&[
                doc(context).env("RUSTDOCFLAGS", "-D warnings"),
                doc(context).env("RUSTDOCFLAGS", "--cfg docsrs -D warnings").with_unstable_rustdoc()?,
            ])
        },
    },
    Step {
        name: "api",
        about: "the public API is as committed, and names no crates but the allowed ones",
        needs: &[],
        uses: &[],
        run: public_api,
    },
    Step {
        name: "examples",
        about: "the examples, built as `cargo run --example` builds them",
        needs: &[],
        uses: &[],
        run: |context| {
            let with_redis = ["--example", "cluster", "--features", "redis"];
            run_all(&[context.cargo("build", &["--examples"]), context.cargo("build", &with_redis)])
        },
    },
    crate::loom::STEP,
    Step {
        name: "sim",
        about: "the simulation of servers, a store and clients under faults, with 200 seeds",
        needs: &[],
        uses: &[],
        run: |_| sim::sim(sim::SEEDS),
    },
    Step {
        name: "package",
        about: "the packages as they would be published, and users' crates built with their files alone",
        needs: &[],
        uses: &[],
        run: packed::package,
    },
    Step {
        name: "interop",
        about: "tests that need other programs: curl, Chromium, Node, nginx, Caddy, Redis, schemathesis, h11",
        needs: &[],
        uses: &[
            Program::Curl,
            Program::Chromium,
            Program::Node,
            Program::NodeModules,
            Program::Nginx,
            Program::Caddy,
            Program::Redis,
            Program::Schemathesis,
            Program::H11,
        ],
        run: |context| test_runner(context, true),
    },
    Step {
        name: "valkey",
        about: "the test suites for stores and the outages of `interop`, once more on a Valkey",
        needs: &[Program::Valkey],
        uses: &[],
        run: |context| {
            let valkey = programs::valkey().ok_or_else(|| io::Error::other("valkey-server is missing"))?;
            run_tests(context, valkey_tests(context).env("REDIS_SERVER", valkey))
        },
    },
    Step {
        name: "benches",
        about: "the benchmarks: clippy, and their own tests",
        needs: &[],
        uses: &[],
        run: |context| {
            let in_benches = |command, what: &[&str]| {
                let place = ["--workspace", "--manifest-path", "benches/Cargo.toml", "--target-dir", "target/benches"];
                context.cargo(command, &place).args(what)
            };
            run_all(&[in_benches("clippy", &["--all-targets"]).args(DENY), in_benches("test", &["--lib"])])
        },
    },
    Step {
        name: "counts",
        about: "the instructions of five small programs, against a baseline",
        needs: &[Program::Valgrind],
        uses: &[],
        run: |context| instructions::run(&context.cargo("build", &instructions::BUILD)),
    },
    Step {
        name: "fuzz",
        about: "each fuzz target for 20 seconds",
        needs: &[Program::Cxx, Program::CargoFuzz],
        uses: &[],
        run: |_| run_all(&fuzz::run(FUZZ_SECONDS)?),
    },
    Step {
        name: "deny",
        about: "licences, sources and bans of all dependencies",
        needs: &[Program::CargoDeny],
        uses: &[],
        run: |_| Cmd::new("cargo").args(["deny", "--all-features", "check", "bans", "licenses", "sources"]).run(),
    },
];

/// The steps of `cargo xtask test`, or those of `cargo xtask test --deep`.
pub(crate) const fn list(deep: bool) -> &'static [Step] {
    if deep { deep::STEPS } else { STEPS }
}

impl Context {
    /// A cargo command, with `--locked` under `--all`.
    pub(crate) fn cargo(&self, command: &str, args: &[&str]) -> Cmd {
        Cmd::new("cargo").args(command.split(' ')).args(self.all.then_some("--locked")).args(args)
    }
}

/// The documentation of all libraries.
fn doc(context: &Context) -> Cmd {
    context.cargo("doc", &["--workspace", "--lib", "--all-features", "--no-deps"])
}

/// Makes rustdoc's JSON, and runs the tests that compare it.
fn public_api(context: &Context) -> io::Result<Outcome> {
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let json = doc(context).env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow");
    let outcome = json.with_unstable_rustdoc()?.run()?;
    if !outcome.succeeded || cfg!(not(target_os = "linux")) {
        // On other systems parts of the API differ.
        return Ok(outcome);
    }
    let tests = context.cargo("test", &ALL_PACKAGES).args(["--test", "public_api", "--", "--ignored"]);
    run_tests(context, tests.env("SSE_TYPED_RUSTDOC_JSON", format!("{target}/doc")))
}

/// The `interop` tests, for nextest.
const INTEROP: &str = "binary(/^interop_/) | (binary(runs) & test(/^redis::/))";

/// All tests use the same packages and features, so that nothing is built twice.
const ALL_PACKAGES: [&str; 3] = ["--workspace", "--all-features", "--no-fail-fast"];

/// The tests of Redis that differ by the server. The rest tests this project's side of the connection. The Valkey that xtask installs
/// has no TLS, so the test of TLS is not among them.
fn valkey_tests(context: &Context) -> Cmd {
    if succeeds("cargo", &["nextest", "--version"]) {
        let filter = "binary(interop_redis) & test(/^(suite|outages|appends|retention|runs)::/)";
        context.cargo("nextest run", &ALL_PACKAGES).args(["--lib", "--bins", "--tests"]).args([
            "--run-ignored",
            "only",
            "-E",
            filter,
        ])
    } else {
        let modules = ["suite::", "outages::", "appends::", "retention::", "runs::"];
        context.cargo("test", &ALL_PACKAGES).args(["--test", "interop_redis", "--", "--ignored"]).args(modules)
    }
}

/// Runs the tests that need only the toolchain, or the `interop` tests. These are marked `#[ignore]`, in files named
/// `interop_*`, or in those of runs, under `redis::`.
fn test_runner(context: &Context, interop: bool) -> io::Result<Outcome> {
    let everything = ["--lib", "--bins", "--tests"];
    let cmd = if succeeds("cargo", &["nextest", "--version"]) {
        let cmd = context.cargo("nextest run", &ALL_PACKAGES).args(everything).args(["--no-tests=pass"]);
        if interop { cmd.args(["--run-ignored", "only", "-E", INTEROP]) } else { cmd }
    } else if interop {
        context.cargo("test", &ALL_PACKAGES).args(["--test", "interop_*", "--test", "runs", "--", "--ignored"])
    } else {
        context.cargo("test", &ALL_PACKAGES).args(everything)
    };
    run_tests(context, cmd)
}

/// Runs tests, which report those that need a program that is missing.
fn run_tests(context: &Context, cmd: Cmd) -> io::Result<Outcome> {
    let cmd = cmd.env("SSE_TYPED_NOT_RUN", &context.not_run);
    if context.all { cmd.env("SSE_TYPED_REQUIRE_PROGRAMS", "1").run() } else { cmd.run() }
}

/// The manifests of packages outside the workspace.
fn manifests_outside() -> Vec<String> {
    let manifests = ["fuzz/Cargo.toml", "benches/Cargo.toml", "tests/sim/Cargo.toml"];
    manifests.into_iter().filter(|path| Path::new(path).exists()).map(str::to_owned).collect()
}

/// Runs the commands in order, up to the first that fails.
pub(crate) fn run_all(cmds: &[Cmd]) -> io::Result<Outcome> {
    let mut count = TestCount::default();
    for cmd in cmds {
        let outcome = cmd.run()?;
        count += outcome.count;
        if !outcome.succeeded {
            return Ok(Outcome { succeeded: false, count });
        }
    }
    Ok(Outcome { succeeded: true, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_different_name() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn steps_that_need_other_programs_come_after_those_that_need_only_the_toolchain() {
        let toolchain = [Program::Rustfmt, Program::Clippy];
        let installs = |step: &Step| step.needs.iter().chain(step.uses).any(|program| !toolchain.contains(program));
        let first = STEPS.iter().position(installs).unwrap();
        let tests = STEPS.iter().position(|step| step.name == "package").unwrap();
        assert!(tests < first);
        assert_eq!(STEPS.last().unwrap().name, "deny", "the slowest to install is the last");
    }

    #[test]
    fn the_lock_file_is_used_unchanged_under_all() {
        let context = |all| Context { all, not_run: String::new() };
        assert_eq!(context(true).cargo("doc", &["--lib"]).to_string(), "cargo doc --locked --lib");
        assert_eq!(context(true).cargo("nextest run", &["--lib"]).to_string(), "cargo nextest run --locked --lib");
        assert_eq!(context(false).cargo("doc", &["--lib"]).to_string(), "cargo doc --lib");
    }
}
