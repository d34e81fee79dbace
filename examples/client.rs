//! Prints the events of any stream, and reconnects when the connection is lost.
//!
//! `cargo run --example client -- URL` prints raw events. With `--typed` it decodes the events of the example `dashboard`:
//! `cargo run --example client -- http://127.0.0.1:3000/events --typed`.

use std::{
    error::Error,
    fmt::Debug,
    io::{self, Write},
    process::ExitCode,
};

use sse_typed::{Client, DecodeEvent, RawEvent, SseEvent, client::Signal};

/// The events of the dashboard that this program uses. All others are `Other`.
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

const USAGE: &str = "usage: cargo run --example client -- URL [--typed]
try:   cargo run --example dashboard
       cargo run --example client -- http://127.0.0.1:3000/events --typed";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [url] => print::<RawEvent>(url).await,
        [url, "--typed"] | ["--typed", url] => print::<Reading>(url).await,
        _ => Err(USAGE.into()),
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
    // Without signals, nothing would be printed while the server cannot be reached.
    let mut signals = Client::hyper().get(url).connect::<E>().with_signals();
    while let Some(signal) = signals.next().await {
        match signal {
            Ok(Signal::Event(event)) => writeln!(io::stdout(), "{:?}", event.data)?,
            Ok(Signal::Reconnecting { after, cause: Some(cause) }) => eprintln!("reconnecting in {after:.1?}: {cause}"),
            Ok(Signal::Reconnecting { after, cause: None }) => {
                eprintln!("reconnecting in {after:.1?}: the stream ended");
            }
            Ok(Signal::Open(head)) => eprintln!("connected: {}", head.status),
            Ok(_) => {}
            // This event is invalid; the stream continues.
            Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    eprintln!("complete: the server has no more events");
    Ok(())
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/client.json");
    assert_compatible(path, &Contract::of::<Reading>(), Policy::both());
}
