//! A live view of this machine: a server that streams typed readings, a typed client that prints them, and a page that
//! plots them.
//!
//! `cargo run --example dashboard [-- --port N]`, then open the address that it prints. The default port is 3000.

#[path = "../listen.rs"]
mod listen;
mod readings;
mod terminal;

use std::{
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{Html, IntoResponse},
    routing::get,
};
use sse_typed::{
    Client, LastEventId, Sse, SseLayer,
    server::{Drain, GuardedListener, Shutdown},
};

use self::{
    listen::{exit_code, listen},
    readings::{Reading, Sampler},
    terminal::Table,
};

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let listener = listen("dashboard", 3000).await?;
    let address = listener.local_addr()?;
    println!("The page:    http://{address}/");
    println!("The stream:  curl -N http://{address}/events");
    println!("The lines below are the output of a client of that stream. Ctrl-C ends the server.");

    let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
    let events = Router::new()
        .route("/events", get(events))
        .layer(
            SseLayer::new()
                .retry_between(Duration::from_secs(1)..=Duration::from_secs(2))
                .keep_alive(Duration::from_secs(15))
                .shutdown(&shutdown, Drain::Now),
        )
        .with_state(Sampler::start());
    let app = Router::new()
        .route("/", get(|| async { Html(include_str!("page/index.html")) }))
        .route("/app.js", get(|| async { asset("text/javascript", include_str!("page/app.js")) }))
        .route("/style.css", get(|| async { asset("text/css", include_str!("page/style.css")) }))
        .merge(events);

    // The connection of a client that does not read ends one second after the shutdown begins.
    let listener = GuardedListener::new(listener).shutdown_deadline(&shutdown, Duration::from_secs(1));
    tokio::select! {
        result = axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()) => result?,
        result = print_readings(address) => result?,
    }
    Ok(())
}

/// The server: the response has the events after the client's last one, and then each new event.
async fn events(State(sampler): State<Sampler>, last_event_id: LastEventId) -> impl IntoResponse {
    Sse::new(sampler.readings(last_event_id))
}

/// The client: it receives the values of the same enum.
async fn print_readings(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut readings = Client::hyper().get(format!("http://{address}/events")).connect::<Reading>();
    let mut table = Table::default();
    while let Some(reading) = readings.next().await {
        match reading {
            // The server continues when its output is closed.
            Ok(event) => drop(io::stdout().write_all(table.add(&event.data).as_bytes())),
            Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type)], text)
}
