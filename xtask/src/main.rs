//! `cargo xtask test` runs the project's tests. It needs only the Rust toolchain, and has no dependencies.
//!
//! `args` parses the command line, `steps` and `deep` list the steps, `programs` finds and installs other programs, `shell` runs commands,
//! `test_count` parses the output of test runners, and `run` runs the steps. `fuzz`, `instructions`, `loom`, `packed`, `sim` and `soak` are
//! steps of their own.

use std::process::ExitCode;

use args::Command;

mod args;
mod deep;
mod features;
mod fuzz;
mod instructions;
mod loom;
mod packed;
mod programs;
mod run;
mod shell;
mod sim;
mod soak;
mod steps;
mod test_count;

fn main() -> ExitCode {
    if let Some(code) = shell::act_as_rustdoc() {
        return code;
    }
    match args::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => {
            print!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Ok(Command::List { deep }) => {
            for step in steps::list(deep) {
                println!("{:<10} {}", step.name, step.about);
            }
            ExitCode::SUCCESS
        }
        Ok(Command::Test(options)) => run::test(&options),
        Err(error) => {
            eprintln!("error: {error}\n\n{}", args::USAGE);
            ExitCode::from(2)
        }
    }
}
