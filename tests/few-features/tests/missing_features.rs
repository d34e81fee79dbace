//! Compile errors for a missing cargo feature. The snapshots are those of the rustc version in `tests/tests/ui.rs`.

use std::{env, error::Error, fs::File, io::Write, process::Command};

const SNAPSHOTS_OF: &str = "rustc 1.95.";

#[test]
fn a_function_whose_feature_is_off_names_the_feature() -> Result<(), Box<dyn Error>> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = String::from_utf8(Command::new(rustc).arg("--version").output()?.stdout)?;
    if version.starts_with(SNAPSHOTS_OF) {
        trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
    } else if let Some(path) = env::var_os("SSE_TYPED_NOT_RUN") {
        // xtask reports it in its last lines.
        let mut file = File::options().create(true).append(true).open(path)?;
        file.write_all(format!("comparison with the snapshots of missing features\t{SNAPSHOTS_OF}x\n").as_bytes())?;
    }
    Ok(())
}
