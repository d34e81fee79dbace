//! Writes RESULTS.md and results.svg.
//!
//! - `cargo run --release --bin results` builds and runs all measuring programs, which takes about 25 minutes.
//! - `cargo run --release --bin results -- FILE ..` reads their output from files.

use std::{
    env, fs,
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
};

use benches::report::{Records, markdown, stores_section, svg};

const PROGRAMS: [&str; 7] = ["allocations", "times", "workers", "large", "growth", "clients", "http"];

fn main() -> io::Result<()> {
    let mut records = Records::default();
    let files: Vec<String> = env::args().skip(1).collect();
    for file in &files {
        records.read(&fs::read_to_string(file)?);
    }
    if files.is_empty() {
        build()?;
        for program in PROGRAMS {
            records.read(&run(program)?);
        }
    }
    // A note on a machine that is not quiet, for the head of the results.
    let note = env::var("NOTE").map(|note| note + "\n\n").unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = folder.join("RESULTS.md");
    // The last section is of other programs.
    let before = fs::read_to_string(&results).unwrap_or_default();
    fs::write(&results, markdown(&records, &note) + stores_section(&before))?;
    fs::write(folder.join("results.svg"), svg(&records))
}

/// Builds the programs beside this one. Without cargo they have to be built already.
fn build() -> io::Result<()> {
    let Some(cargo) = env::var_os("CARGO") else { return Ok(()) };
    let folder = env!("CARGO_MANIFEST_DIR");
    // Built together, all programs would have tokio's runtime of several threads.
    for package in ["benches", "workers"] {
        let built =
            Command::new(&cargo).args(["build", "--release", "--bins", "-p", package]).current_dir(folder).status()?;
        if !built.success() {
            return Err(io::Error::other("the measuring programs cannot be built"));
        }
    }
    Ok(())
}

fn run(program: &str) -> io::Result<String> {
    let path = env::current_exe()?.with_file_name(program).with_extension(env::consts::EXE_EXTENSION);
    eprint!("{program} ..");
    io::stderr().flush()?;
    let output = Command::new(path).stderr(Stdio::inherit()).output()?;
    eprintln!(" done");
    if !output.status.success() {
        return Err(io::Error::other(format!("{program} has failed")));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}
