//! A ticker: simulated prices of metals, fuel and shares. Each symbol is a topic, and a client receives the symbols that it
//! chooses on one stream, which it can resume.
//!
//! `cargo run --example prices [-- --port N]`, then open the address that it prints. The default port is 3006.

#[path = "../listen.rs"]
mod listen;
mod market;
mod symbol;
mod walk;

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::{Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use sse_typed::{
    LastEventId, Sse, SseLayer,
    server::{Drain, GuardedListener, Shutdown},
};

use self::{
    listen::{exit_code, listen},
    market::Market,
    symbol::parse_symbols,
};

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let listener = listen("prices", 3006).await?;
    let address = listener.local_addr()?;
    println!("The page:    http://{address}/");
    println!("The stream:  curl -N 'http://{address}/prices?symbols=gold,diesel'");
    println!("Ctrl-C ends the server.");

    let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
    let prices = Router::new()
        .route("/prices", get(prices))
        .layer(
            SseLayer::new()
                .retry_between(Duration::from_millis(500)..=Duration::from_millis(1_000))
                // The page replaces a connection that is silent for three times this long.
                .keep_alive(Duration::from_secs(5))
                .shutdown(&shutdown, Drain::Now),
        )
        .with_state(Market::open());
    let app = Router::new()
        .route("/", get(|| async { Html(include_str!("page/index.html")) }))
        .route("/app.js", get(|| async { asset("text/javascript", include_str!("page/app.js")) }))
        .route("/style.css", get(|| async { asset("text/css", include_str!("page/style.css")) }))
        .merge(prices);

    let listener = GuardedListener::new(listener).shutdown_deadline(&shutdown, Duration::from_secs(1));
    axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()).await?;
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Choice {
    /// Names, separated by commas.
    symbols: String,
}

/// The prices of the chosen symbols. A client that reconnects sends one ID, and resumes each symbol after the last price that it
/// received of it. A symbol that is new in its choice begins with a snapshot.
async fn prices(
    State(market): State<Market>,
    Query(Choice { symbols }): Query<Choice>,
    last_event_id: LastEventId,
) -> Response {
    match parse_symbols(&symbols) {
        Ok(symbols) => Sse::new(market.prices(&symbols, last_event_id)).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type)], text)
}
