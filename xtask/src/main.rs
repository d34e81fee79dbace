//! `cargo xtask test`: runs the project's tests. It needs the Rust toolchain alone, and has no dependencies.
//!
//! `args` reads the command line, `steps` says what is tested and in which order, `programs` knows what else a test may
//! need and how to get it, `shell` runs commands, `count` reads what test runners print, `counts` counts
//! instructions, and `run` puts it all together.

use std::process::ExitCode;

use args::Command;

mod args;
mod count;
mod counts;
mod features;
mod programs;
mod run;
mod shell;
mod steps;

fn main() -> ExitCode {
    if let Some(code) = shell::act_as_rustdoc() {
        return code;
    }
    match args::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => {
            print!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Ok(Command::List) => {
            for step in steps::STEPS {
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
