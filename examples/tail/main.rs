//! Prints the events of any stream as they arrive. It reconnects, and resumes after the last event.
//!
//! `cargo run --example tail -- http://127.0.0.1:3000/events` prints the events of the example `dashboard`. For `https`:
//! `cargo run -p examples --example tail --features tls -- https://stream.wikimedia.org/v2/stream/recentchange`.
//!
//! Events go to the standard output in the form of the wire. With `--json` each event is one JSON object on a line, and
//! its data is a JSON value if it is valid JSON, otherwise a string. The state of the connection goes to the standard error.
//!
//! The exit code is 0 when the server says that the stream is complete or after `--max-events` events, 1 on an error that
//! reconnecting does not fix, and 2 on invalid arguments. Ctrl-C ends the program, and so does the end of the program that
//! reads its output.

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
    output::{Colour, EventPrinter, StatusPrinter, printable, use_colours},
};

mod arguments;
mod output;

const TLS: &str = "https needs the feature `tls` of this example: cargo run -p examples --example tail --features tls";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let status = StatusPrinter::new(use_colours(io::stderr().is_terminal(), env::var_os));
    let arguments = match arguments::parse(env::args_os().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            // A closed output is no error: its reader needs no more.
            let _ = io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            status.print(Colour::Red, &format!("error: {error}\n\n{}", USAGE.trim_end()));
            return ExitCode::from(2);
        }
    };
    let stdout = io::stdout();
    let is_terminal = stdout.is_terminal();
    let coloured = use_colours(is_terminal, env::var_os);
    let events = EventPrinter::new(stdout.lock(), arguments.json, is_terminal, coloured);
    match tail(arguments, events, &status).await {
        Ok(code) => code,
        // `tail .. | head`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            status.print(Colour::Red, &format!("error: the events cannot be written: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn tail<W: Write>(
    arguments: Arguments,
    mut events: EventPrinter<W>,
    status: &StatusPrinter,
) -> io::Result<ExitCode> {
    let mut request = Client::hyper()
        .get(arguments.url)
        .header("user-agent", concat!("sse-typed-tail/", env!("CARGO_PKG_VERSION")))
        .headers(arguments.headers);
    if let Some(id) = arguments.last_event_id {
        request = request.last_event_id(id);
    }
    let mut signals = request.connect::<RawEvent>().with_signals();
    let mut remaining = arguments.max_events;
    while let Some(signal) = signals.next().await {
        match signal {
            Ok(Signal::Event(event)) => {
                events.print(&event.data)?;
                remaining = remaining.map(|count| count.saturating_sub(1));
                if remaining == Some(0) {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Ok(Signal::Open(head)) => status.print(Colour::Green, &format!("connected: {}", head.status)),
            Ok(Signal::Reconnecting { after, cause }) => {
                let cause = cause.map_or_else(|| "the stream ended".to_owned(), |cause| cause.to_string());
                let position = match signals.source().last_event_id() {
                    "" => String::new(),
                    id => format!(", after the event `{}`", printable(id)),
                };
                status.print(Colour::Yellow, &format!("reconnecting in {after:.1?}{position}: {}", printable(&cause)));
            }
            Ok(_) => {}
            // This event is invalid; the stream continues.
            Err(error) if !error.is_fatal() => status.print(Colour::Yellow, &format!("skipped: {error}")),
            Err(error) => {
                status.print(Colour::Red, &describe(&error));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    status.print(Colour::Green, "complete: the server has no more events");
    Ok(ExitCode::SUCCESS)
}

/// The error, and the first lines of the body of the response.
fn describe(error: &Error) -> String {
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
