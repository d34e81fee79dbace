//! Prints the events of any stream, and comes back when the connection breaks.
//!
//! `cargo run --example client -- URL` prints raw events. With `--typed` they are read as readings of the dashboard:
//! `cargo run --example client -- http://127.0.0.1:3000/events --typed`.

use std::{error::Error, fmt::Debug, process::ExitCode};

use sse_typed::{Client, DecodeEvent, RawEvent, SseEvent, client::Signal};

/// What this program wants of the dashboard's stream. It need not know the rest.
#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Reading {
    Cpu {
        total: f32,
    },
    Load {
        one: f64,
    },
    #[sse(other)]
    Other(RawEvent),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [url] => print::<RawEvent>(url).await,
        [url, "--typed"] | ["--typed", url] => print::<Reading>(url).await,
        _ => Err("usage: cargo run --example client -- URL [--typed]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn print<E: DecodeEvent + Debug + Send + 'static>(url: &str) -> Result<(), Box<dyn Error>> {
    // Without signals, a server that is not there would be waited for in silence.
    let mut signals = Client::hyper().get(url).connect::<E>().with_signals();
    while let Some(signal) = signals.next().await {
        match signal {
            Ok(Signal::Event(event)) => println!("{:?}", event.data),
            Ok(Signal::Reconnecting { after, cause: Some(cause) }) => eprintln!("again in {after:.1?}: {cause}"),
            Ok(Signal::Reconnecting { after, cause: None }) => eprintln!("again in {after:.1?}: the stream ended"),
            Ok(_) => {}
            // One event was bad; the stream goes on.
            Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    println!("The server says that the stream is complete.");
    Ok(())
}
