//! Prints the events of any stream as they come, and stays on it: it reconnects, and resumes where it left off.
//!
//! `cargo run --example tail -- http://127.0.0.1:3000/events`. For `https`:
//! `cargo run -p examples --example tail --features tls -- https://stream.wikimedia.org/v2/stream/recentchange`.
//!
//! Events go to the standard output, in the form in which they are sent, or with `--json` one object on each line; what
//! happens to the connection goes to the standard error. It ends with 0 when the server says that the stream is complete
//! or `--max-events` are there, with 1 on an error that no reconnecting mends, and with 2 on arguments that it does not
//! understand. Ctrl-C ends it, and so does the program that it is piped into.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use sse_typed::{
    Client, RawEvent,
    client::{Error, Signal},
};

use self::{
    arguments::{Arguments, USAGE},
    output::{Colour, Events, Reports, is_colourful, printable},
};

mod arguments;
mod output;

const TLS: &str =
    "https needs TLS, an optional part of this example: cargo run -p examples --example tail --features tls";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let reports = Reports::new(is_colourful(io::stderr().is_terminal(), env::var_os));
    let arguments = match arguments::parse(env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            // A reader that is gone has read enough.
            let _ = io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            reports.say(Colour::Red, &format!("error: {error}\n\n{}", USAGE.trim_end()));
            return ExitCode::from(2);
        }
    };
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let colourful = is_colourful(is_terminal, env::var_os);
    let events = Events::new(stdout.lock(), arguments.json, is_terminal, colourful);
    match tail(arguments, events, &reports).await {
        Ok(code) => code,
        // `tail .. | head`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            reports.say(Colour::Red, &format!("error: the events cannot be written: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn tail<W: Write>(arguments: Arguments, mut events: Events<W>, reports: &Reports) -> io::Result<ExitCode> {
    let mut request = Client::hyper()
        .get(arguments.url)
        .header("user-agent", concat!("sse-typed-tail/", env!("CARGO_PKG_VERSION")))
        .headers(arguments.headers);
    if let Some(id) = arguments.last_event_id {
        request = request.last_event_id(id);
    }
    let mut signals = request.connect::<RawEvent>().with_signals();
    let mut left = arguments.max_events;
    while let Some(signal) = signals.next().await {
        match signal {
            Ok(Signal::Event(event)) => {
                events.write(&event.data)?;
                left = left.map(|left| left.saturating_sub(1));
                if left == Some(0) {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Ok(Signal::Open(head)) => reports.say(Colour::Green, &format!("connected: {}", head.status)),
            Ok(Signal::Reconnecting { after, cause }) => {
                let cause = cause.map_or_else(|| "the stream ended".to_owned(), |cause| cause.to_string());
                let behind = match signals.source().last_event_id() {
                    "" => String::new(),
                    id => format!(" behind the event `{}`", printable(id)),
                };
                reports.say(Colour::Yellow, &format!("reconnecting in {after:.1?}{behind}: {}", printable(&cause)));
            }
            Ok(_) => {}
            // One event was bad; the stream goes on.
            Err(error) if !error.is_fatal() => reports.say(Colour::Yellow, &format!("skipped: {error}")),
            Err(error) => {
                reports.say(Colour::Red, &explain(&error));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    reports.say(Colour::Green, "complete: the server says that nothing more will come");
    Ok(ExitCode::SUCCESS)
}

/// The error, and what the server says of it.
fn explain(error: &Error) -> String {
    let mut text = format!("error: {}", printable(&error.to_string()));
    if let Some(body) = error.body() {
        let body = String::from_utf8_lossy(body);
        for line in body.lines().filter(|line| !line.trim().is_empty()).take(10) {
            let line: String = line.chars().take(200).collect();
            text.push_str(&format!("\n  {}", printable(&line)));
        }
    }
    if error.is_request() && text.contains("feature `tls`") {
        text.push_str(&format!("\n  {TLS}"));
    }
    text
}
