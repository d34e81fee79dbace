//! Deterministic simulation: `sim --seed N` runs one history of servers, a store, and clients under faults.
//!
//! One seed is one process, because `mad-turmoil` seeds the randomness of the operating system once. The same seed gives the
//! same history: the hash of its trace is printed. Exit code 1 means that a promise was broken.
//!
//! | file | contents |
//! |---|---|
//! | `plan` | what happens: machines, settings and faults |
//! | `simulation` | the machines, and the faults in their time |
//! | `server`, `store`, `engine`, `net` | the process of a server; the store as it sees it; the machine of the store; HTTP |
//! | `reader`, `part` | clients of topics, and what they check of each topic |
//! | `run_reader` | clients of runs |
//! | `oracle`, `world` | what must hold at the end; what all machines share |
//! | `inject` | faults that the oracle must find |

use std::{env, process::ExitCode};

mod engine;
mod inject;
mod message;
mod net;
mod oracle;
mod part;
mod plan;
mod reader;
mod run_reader;
mod server;
mod simulation;
mod store;
mod world;

use inject::Injection;

const USAGE: &str = "usage: sim --seed N [--inject FAULT] [--print]";

/// The key of a run.
fn run_key(run: usize) -> String {
    format!("run-{run}")
}

/// The command line.
#[derive(Debug)]
struct Options {
    seed: u64,
    injection: Option<Injection>,
    print: bool,
}

fn main() -> ExitCode {
    match parse(env::args().skip(1)) {
        Ok(options) => simulation::run(options.seed, options.injection, options.print),
        Err(error) => {
            eprintln!("error: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut seed, mut injection, mut print) = (None, None, false);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--seed" => seed = Some(value()?.parse().map_err(|_| "a seed is a number")?),
            "--inject" => {
                let name = value()?;
                injection = Some(Injection::named(&name).ok_or_else(|| format!("unknown fault `{name}`"))?);
            }
            "--print" => print = true,
            _ => return Err(format!("unknown option `{arg}`")),
        }
    }
    Ok(Options { seed: seed.ok_or("--seed is missing")?, injection, print })
}
