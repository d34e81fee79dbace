//! Compile errors as rustc prints them. The snapshots are those of rustc 1.95. Other versions word their own parts of a message
//! differently, so with them the files must fail to compile, but the messages are not compared. The unit tests of the derive
//! check its messages and their tokens with every version.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::Write,
    path::Path,
    process::Command,
};

const SNAPSHOTS_OF: &str = "rustc 1.95.";

#[test]
fn compile_errors_are_as_in_the_snapshots() -> Result<(), Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = String::from_utf8(Command::new(rustc).arg("--version").output()?.stdout)?;
    if version.starts_with(SNAPSHOTS_OF) {
        trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
        return Ok(());
    }
    // trybuild reads the setting not to compare from the environment, and only a new process has its own environment.
    let mut copies = Command::new(env::current_exe()?);
    copies.args(["--exact", "copies_without_snapshots_fail", "--ignored", "--nocapture"]).env("TRYBUILD", "overwrite");
    assert!(copies.status()?.success(), "a file that should not compile does");
    println!("not compared: the snapshots of compile errors are of {SNAPSHOTS_OF}x, and this is {}", version.trim());
    if let Some(path) = env::var_os("SSE_TYPED_NOT_RUN") {
        // xtask reports it in its last lines.
        let mut file = File::options().create(true).append(true).open(path)?;
        file.write_all(format!("comparison with the snapshots of compile errors\t{SNAPSHOTS_OF}x\n").as_bytes())?;
    }
    Ok(())
}

#[test]
#[ignore = "run by the test above where the snapshots do not fit the compiler"]
fn the_files_fail_to_compile_on_any_rustc() -> Result<(), Box<dyn Error>> {
    if env::var_os("TRYBUILD").is_none() {
        return Ok(());
    }
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui-fail");
    fs::create_dir_all(&copies)?;
    let cases = trybuild::TestCases::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/fail"))? {
        let source = entry?.path();
        if let (Some("rs"), Some(name)) = (source.extension().and_then(|end| end.to_str()), source.file_name()) {
            let copy = copies.join(name);
            fs::copy(&source, &copy)?;
            cases.compile_fail(copy);
        }
    }
    Ok(())
}
