//! A server with metrics, limits and a graceful shutdown. It counts open streams and the reasons why streams ended, as text
//! for Prometheus, and limits the number of streams. Ctrl-C ends it although streams are open or clients do not read.
//!
//! `cargo run --example metrics [-- --port N]`, then `curl -N http://127.0.0.1:3005/clock` and `curl http://127.0.0.1:3005/metrics`.

mod listen;

use std::{error::Error, future, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, State},
    routing::get,
};
use futures_util::{Stream, stream};
use sse_typed::{
    Encoded, Sse, SseEvent, SseLayer,
    server::{Drain, PeerAddr, Server, Shutdown, Stats},
};
use tokio::{signal, time};

use self::listen::{exit_code, listen};

#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Clock {
    Uptime {
        seconds: u64,
    },
    /// The server shuts down. Clients reconnect to the next one.
    Restarting,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let stats = Stats::new();
    let shutdown = Shutdown::on(async {
        if signal::ctrl_c().await.is_err() {
            // Without that signal, the server does not shut down.
            future::pending::<()>().await;
        }
    });
    let layer = SseLayer::new()
        .stats(&stats)
        .retry(Duration::from_secs(2))
        .max_streams(10_000)
        .max_lifetime(Duration::from_secs(3600))
        .on_close(|closed| println!("closed: {}, {:.0?}", closed.reason().name(), closed.duration()));
    let app = Router::new().route("/clock", get(clock)).layer(layer).route("/metrics", get(metrics)).with_state(stats);

    // The connection of a client that does not read ends after 20 seconds, and at the latest 5 seconds after Ctrl-C.
    let farewell = Drain::Farewell(Encoded::new(&Clock::Restarting)?);
    let server = Server::new(listen("metrics", 3005).await?).write_timeout(Duration::from_secs(20)).shutdown(
        &shutdown,
        farewell,
        Duration::from_secs(5),
    );
    let url = format!("http://{}", server.local_addr()?);
    println!("The metrics:  {url}/metrics");
    println!("A stream:     curl -N {url}/clock");
    println!("Ctrl-C ends the server.");
    let served = server.serve(app).await;
    println!("{} connections were served, and {} cut at the deadline", served.accepted(), served.cut());
    Ok(())
}

async fn clock(ConnectInfo(peer): ConnectInfo<PeerAddr>) -> Sse<impl Stream<Item = Clock>> {
    println!("open: {peer}");
    Sse::new(stream::unfold(time::Instant::now(), async |start| {
        time::sleep(Duration::from_secs(1)).await;
        Some((Clock::Uptime { seconds: start.elapsed().as_secs() }, start))
    }))
}

/// [Prometheus' text format](https://prometheus.io/docs/instrumenting/exposition_formats/).
async fn metrics(State(stats): State<Stats>) -> String {
    let (open, opened, refused) = (stats.open(), stats.opened(), stats.refused());
    let (events, bytes, unsendable) = (stats.events(), stats.bytes(), stats.unsendable());
    let mut text = format!("sse_open {open}\nsse_opened_total {opened}\nsse_refused_total {refused}\n");
    text += &format!("sse_events_total {events}\nsse_bytes_total {bytes}\nsse_unsendable_total {unsendable}\n");
    text.extend(stats.closed().map(|(reason, n)| format!("sse_closed_total{{reason=\"{reason}\"}} {n}\n")));
    text
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/metrics.json");
    assert_compatible(path, &Contract::of::<Clock>(), Policy::both());
}
