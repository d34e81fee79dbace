//! An event stream from plain hyper, without a framework: Tower's `service_fn` and the layer.
//!
//! `cargo run --example hyper_server [-- --port N]`, then `curl -N http://127.0.0.1:3001/`.

mod listen;

use std::{convert::Infallible, error::Error, future::ready, process::ExitCode, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use sse_typed::{LastEventId, Sse, SseEvent, SseLayer};
use tokio::time;
use tower::ServiceBuilder;

use self::listen::{exit_code, listen};

#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Countdown {
    Left {
        #[sse(id)]
        number: u64,
        seconds: u64,
    },
    #[sse(terminal)]
    LiftOff,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let listener = listen("hyper_server", 3001).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    println!("The stream:  {url}");
    println!("Try it:      curl -N {url}");
    println!("Ctrl-C ends the server.");

    let service = ServiceBuilder::new()
        .layer(SseLayer::new().retry(Duration::from_secs(2)).keep_alive(Duration::from_secs(15)))
        .service_fn(|request: Request<Incoming>| {
            ready(Ok::<_, Infallible>(Sse::new(countdown(&LastEventId::of(&request)))))
        });

    loop {
        let (connection, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let connection = TokioIo::new(connection);
            if let Err(error) = hyper::server::conn::http1::Builder::new().serve_connection(connection, service).await {
                eprintln!("a connection failed: {error}");
            }
        });
    }
}

/// A countdown of ten seconds with one event each. A client that reconnects resumes after its last event.
fn countdown(last_event_id: &LastEventId) -> impl Stream<Item = Countdown> + Send + use<> {
    let seen = last_event_id.parse::<u64>().ok().flatten().unwrap_or(0).min(10);
    stream::iter(seen + 1..=11).then(|number| async move {
        time::sleep(Duration::from_secs(1)).await;
        match number {
            11 => Countdown::LiftOff,
            number => Countdown::Left { number, seconds: 11 - number },
        }
    })
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/hyper_server.json");
    assert_compatible(path, &Contract::of::<Countdown>(), Policy::both());
}
