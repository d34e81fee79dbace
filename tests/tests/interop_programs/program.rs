//! Finds and runs other programs, with a timeout.

use std::{
    env,
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tokio::{process::Command, time::timeout};

/// A program that a test needs. xtask knows how to install these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Curl,
    Node,
    NpmPackages,
    Chromium,
    Nginx,
    Schemathesis,
    Caddy,
    H11,
}

/// The timeout of operations that take seconds. It keeps a failed test from hanging.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Node => "node",
            Self::NpmPackages => "npm packages",
            Self::Chromium => "chromium",
            Self::Nginx => "nginx",
            Self::Schemathesis => "schemathesis",
            Self::Caddy => "caddy",
            Self::H11 => "h11",
        }
    }

    fn is_found(self) -> bool {
        match self {
            Self::Curl => find("curl").is_some(),
            Self::Node => find("node").is_some(),
            // The package that was added last: an older installation lacks it.
            Self::NpmPackages => browser_tests().join("node_modules/@asyncapi/parser").is_dir(),
            Self::Chromium => chromium().is_some(),
            Self::Nginx => nginx().is_some(),
            Self::Caddy => caddy().is_some(),
            Self::Schemathesis => schemathesis().is_some(),
            Self::H11 => with_h11(std::process::Command::new("python3"))
                .args(["-c", "import h11"])
                .output()
                .is_ok_and(|output| output.status.success()),
        }
    }
}

/// Whether the programs of a test are installed. If not, this is printed and reported to xtask, or it is a failure where
/// every test must run.
pub(crate) fn found(test: &str, programs: &[Program]) -> bool {
    let Some(missing) = programs.iter().find(|program| !program.is_found()) else { return true };
    let missing = missing.name();
    assert!(env::var_os("SSE_TYPED_REQUIRE_PROGRAMS").is_none(), "{missing} is missing, and every test must be run");
    println!("not run: {test}: {missing} is missing");
    if let Some(path) = env::var_os("SSE_TYPED_NOT_RUN") {
        // A single write, so that lines of concurrent tests are not mixed.
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{test}\t{missing}\n").as_bytes()).unwrap();
    }
    false
}

/// The folder of the scripts and their packages.
pub(crate) fn browser_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}

pub(crate) fn script_path(name: &str) -> PathBuf {
    browser_tests().join(name)
}

/// nginx. Debian installs it in a folder that is only in the `PATH` of root.
pub(crate) fn nginx() -> Option<PathBuf> {
    find("nginx").or_else(|| Some(PathBuf::from("/usr/sbin/nginx")).filter(|path| path.is_file()))
}

/// schemathesis, in the environment that xtask makes for it or in the `PATH`.
pub(crate) fn schemathesis() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/schemathesis/bin/schemathesis");
    Some(own).filter(|path| path.is_file()).or_else(|| find("schemathesis"))
}

/// A Python that finds the package h11 where xtask installs it.
pub(crate) fn with_h11(mut python: std::process::Command) -> std::process::Command {
    python.env("PYTHONPATH", Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/h11"));
    python
}

/// A Caddy 2.11 or newer. An older one cannot speak HTTP/3 with a current Chromium.
pub(crate) fn caddy() -> Option<PathBuf> {
    env::var_os("CADDY").map(PathBuf::from).or_else(|| find("caddy").filter(|path| is_new_caddy(path)))
}

fn is_new_caddy(path: &Path) -> bool {
    let Ok(output) = std::process::Command::new(path).arg("version").output() else { return false };
    let version = String::from_utf8_lossy(&output.stdout);
    let mut numbers = version.trim_start_matches('v').split('.').map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(2), Some(11))
}

pub(crate) fn chromium() -> Option<PathBuf> {
    let path = env::var_os("CHROMIUM").map(PathBuf::from);
    path.or_else(|| {
        ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].into_iter().find_map(find)
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(&file)).find(|path| path.is_file())
}

pub(crate) fn curl() -> Command {
    let mut command = Command::new("curl");
    // Configuration files of the user and proxies are not used.
    command.args(["--disable", "--no-buffer", "--silent", "--show-error", "--noproxy", "*"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a script of `tests/browser`, and returns the lines that it printed.
pub(crate) async fn script(name: &str, args: &[&str]) -> Vec<String> {
    script_output(name, args).await.lines().map(str::to_owned).collect()
}

/// Runs a script of `tests/browser`, and returns the text that it printed.
pub(crate) async fn script_output(name: &str, args: &[&str]) -> String {
    let mut command = Command::new("node");
    command.arg(script_path(name)).args(args);
    String::from_utf8(finished(command).await.stdout).unwrap()
}

/// Runs the program to its end, and asserts that it succeeds.
pub(crate) async fn finished(command: Command) -> Output {
    let output = output(command).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}: {}{}", output.status, text(&output.stdout), text(&output.stderr));
    output
}

/// Runs the program to its end.
pub(crate) async fn output(mut command: Command) -> Output {
    command.stdin(Stdio::null()).kill_on_drop(true);
    timeout(LIMIT, command.output()).await.expect("the program does not end").unwrap()
}
