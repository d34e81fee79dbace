//! Prints what changed between two committed contracts, and who breaks.
//!
//! `cargo run --example contract_changes -- old.json new.json`, with `--json` for machines. It ends with 1 if a change breaks
//! somebody, and with 2 if a file cannot be read.

use std::{
    fs,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::Value;
use sse_typed::contract::{Change, Contract, Verdict, changes};

const USAGE: &str = "usage: cargo run --example contract_changes -- OLD.json NEW.json [--json]
try:   cargo run --example contract_changes -- examples/committed/axum_server.json examples/committed/notifications_orders.json";

fn main() -> ExitCode {
    let (flags, files): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let ([old, new], true) = (&files[..], flags.iter().all(|flag| flag == "--json")) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (old, new) = match (read(old), read(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let found = changes(&old, &new);
    let text = if flags.is_empty() {
        let not_judged = new.not_judged().into_iter().map(|part| format!("not judged: {part}\n"));
        table(&found) + &not_judged.collect::<String>()
    } else {
        format!("{:#}\n", found.iter().map(Change::to_value).collect::<Value>())
    };
    // A reader such as `head` may close the pipe before the end.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::from(u8::from(found.iter().any(Change::breaks)))
}

fn read(path: &str) -> Result<Contract, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.parse().map_err(|error| format!("{path}: {error}"))
}

/// A line for each change, and below it the event at which somebody breaks, or why a change is undecided.
fn table(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no changes\n".to_owned();
    }
    let subject = |change: &Change| format!("{}: {}", change.subject(), change.description);
    let width = changes.iter().map(|change| subject(change).chars().count()).max().unwrap_or_default().clamp(6, 70);
    let mut text = format!("{:width$}  {:10} {:10} {:10}\n", "change", "old client", "new client", "history");
    for change in changes {
        let [old, new, history] = change.verdicts().map(|verdict| verdict.name());
        text += &format!("{:width$}  {old:10} {new:10} {history:10}\n", subject(change));
    }
    for change in changes.iter().filter(|change| {
        change.verdicts().iter().any(|verdict| matches!(verdict, Verdict::Breaks(_) | Verdict::Undecided { .. }))
    }) {
        text += &format!("\n{change}\n");
    }
    text
}
