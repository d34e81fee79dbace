//! The published crates as users get them: packed for the registry, and unpacked into a workspace of their own. A file that the
//! package lacks, or a dependency that only this workspace provides, fails there.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use crate::{
    shell::{Cmd, Outcome, succeeds},
    steps::{Context, run_all},
};

/// The published crates, in the order in which they are published.
const CRATES: [&str; 2] = ["sse-typed-derive", "sse-typed"];

/// Crates of users, copied beside the unpacked crates. The first has the default features, the second has all.
const USERS: [&str; 2] = ["user", "user-full"];

/// Packs the crates. The users' crates must build and pass their tests with the packed files alone.
pub(crate) fn package(_: &Context) -> io::Result<Outcome> {
    let workspace = Path::new("target/packed");
    let outcome = unpack(workspace)?;
    if !outcome.succeeded {
        return Ok(outcome);
    }
    for user in USERS {
        copy_folder(&Path::new("tests").join(user), &workspace.join(user))?;
    }
    let members: Vec<_> = CRATES.into_iter().chain(USERS).collect();
    write_manifest(workspace, &members)?;
    // Cargo removes the packages that are not used.
    fs::copy("Cargo.lock", workspace.join("Cargo.lock"))?;
    run_all(&[
        in_workspace(workspace, Cmd::new("cargo"), "check").args(["-p", USERS[0]]),
        in_workspace(workspace, Cmd::new("cargo"), "test").args(["-p", USERS[1]]),
    ])
}

/// Checks the crates with the oldest direct dependencies that their manifests permit, on the MSRV if it is installed.
pub(crate) fn minimal_versions(_: &Context) -> io::Result<Outcome> {
    let workspace = Path::new("target/minimal");
    let outcome = unpack(workspace)?;
    if !outcome.succeeded {
        return Ok(outcome);
    }
    for name in CRATES {
        // A user does not get the dependencies of the tests, and theirs may need newer versions.
        let manifest = workspace.join(name).join("Cargo.toml");
        fs::write(&manifest, without_dev_dependencies(&fs::read_to_string(&manifest)?))?;
    }
    write_manifest(workspace, &CRATES)?;
    let manifest = workspace.join("Cargo.toml").to_string_lossy().into_owned();
    let update = ["update", "-Z", "direct-minimal-versions", "--manifest-path", &manifest];
    let mut cmds = vec![Cmd::new("cargo").args(update).env("RUSTC_BOOTSTRAP", "1")];
    let msrv = msrv(&fs::read_to_string("Cargo.toml")?)?;
    let has_msrv = succeeds("rustup", &["run", &msrv, "cargo", "--version"]);
    if !has_msrv {
        println!("the toolchain {msrv} is not installed, so this one checks the crates");
    }
    for name in CRATES {
        let cargo = if has_msrv { Cmd::new("rustup").args(["run", &msrv, "cargo"]) } else { Cmd::new("cargo") };
        cmds.push(in_workspace(workspace, cargo, "check").args(["-p", name, "--all-features"]));
    }
    run_all(&cmds)
}

fn in_workspace(workspace: &Path, cargo: Cmd, command: &str) -> Cmd {
    let target = env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let manifest = workspace.join("Cargo.toml").to_string_lossy().into_owned();
    cargo.args([command, "--manifest-path", &manifest, "--target-dir", &target])
}

/// Packs the crates and unpacks each in a folder of its name. Uncommitted files are packed too, so that a mistake shows before
/// the commit.
fn unpack(workspace: &Path) -> io::Result<Outcome> {
    if workspace.exists() {
        fs::remove_dir_all(workspace)?;
    }
    let package = ["package", "--allow-dirty", "--no-verify", "--target-dir", "target"];
    let mut cmds = vec![Cmd::new("cargo").args(package).args(CRATES.iter().flat_map(|name| ["-p", name]))];
    for name in CRATES {
        let folder = workspace.join(name);
        fs::create_dir_all(&folder)?;
        let (file, folder) =
            (format!("target/package/{name}-{}.crate", env!("CARGO_PKG_VERSION")), folder.to_string_lossy());
        cmds.push(Cmd::new("tar").args(["-xzf", &file, "-C", &folder, "--strip-components=1"]));
    }
    run_all(&cmds)
}

/// The manifest of this workspace with other members, and with the unpacked crates in place of the registry's.
fn write_manifest(workspace: &Path, members: &[&str]) -> io::Result<()> {
    let manifest = with_members(&fs::read_to_string("Cargo.toml")?, members);
    let patches: String = CRATES.iter().map(|name| format!("{name} = {{ path = \"{name}\" }}\n")).collect();
    fs::write(workspace.join("Cargo.toml"), format!("{manifest}\n[patch.crates-io]\n{patches}"))
}

fn with_members(manifest: &str, members: &[&str]) -> String {
    let mut result = String::new();
    for line in manifest.lines() {
        match line.split_once(" = ").map(|(key, _)| key) {
            Some("members") => result += &format!("members = {members:?}\n"),
            Some("default-members" | "exclude") => {}
            _ => result += &format!("{line}\n"),
        }
    }
    result
}

/// A manifest as cargo packs it, where each dependency is a table of its own.
fn without_dev_dependencies(manifest: &str) -> String {
    let mut in_dev_dependencies = false;
    let mut result = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            in_dev_dependencies = line.contains("dev-dependencies");
        }
        if !in_dev_dependencies {
            result += line;
            result.push('\n');
        }
    }
    result
}

fn msrv(manifest: &str) -> io::Result<String> {
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    version.map(|version| version.trim_matches('"').to_owned()).ok_or_else(|| io::Error::other("no rust-version"))
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let copy: PathBuf = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &copy)?;
        } else {
            fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_members_of_the_workspace_change() {
        let manifest =
            "[workspace]\nmembers = [\"a\", \"b\"]\ndefault-members = [\"a\"]\nexclude = [\"c\"]\n[profile.dev]\n";
        assert_eq!(with_members(manifest, &["x", "y"]), "[workspace]\nmembers = [\"x\", \"y\"]\n[profile.dev]\n");
    }

    #[test]
    fn dependencies_of_tests_are_removed() {
        let manifest = "[dependencies.a]\nversion = \"1\"\n[dev-dependencies.b]\nversion = \"1\"\n\
            [target.\"cfg(x)\".dev-dependencies.c]\nversion = \"1\"\n[lints.rust]\n";
        assert_eq!(without_dev_dependencies(manifest), "[dependencies.a]\nversion = \"1\"\n[lints.rust]\n");
    }

    #[test]
    fn the_workspace_has_an_msrv_and_its_manifest_one_line_for_the_members() {
        let manifest = include_str!("../../Cargo.toml");
        assert!(msrv(manifest).unwrap().starts_with("1."));
        let members = with_members(manifest, &CRATES);
        assert!(members.contains("members = [\"sse-typed-derive\", \"sse-typed\"]\n") && !members.contains("xtask"));
    }
}
