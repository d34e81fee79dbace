//! This machine, live: a server that streams typed readings, a typed client that prints them, and a page that plots them.
//!
//! `cargo run --example dashboard [-- --port N]`, then open the address that it prints.

mod readings;

use std::{error::Error, net::SocketAddr, process::ExitCode, time::Duration};

use axum::{
    Router,
    extract::State,
    http::header::CONTENT_TYPE,
    response::{Html, IntoResponse},
    routing::get,
};
use sse_typed::{
    Client, EventId, LastEventId, Sse, SseLayer,
    server::{Drain, GuardedListener, Shutdown},
};
use tokio::net::TcpListener;

use self::readings::{Reading, Sampler};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let port = port(std::env::args().skip(1))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        format!("cannot listen on port {port}: {error}. Choose another with `--port N`; 0 takes any free one.")
    })?;
    let address = listener.local_addr()?;
    println!("The page:    http://{address}/");
    println!("The stream:  curl -N http://{address}/events");
    println!("The client below is connected to it. Ctrl-C ends.");

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

    // A client that has stopped reading is given up a second after the others have been sent away.
    let listener = GuardedListener::new(listener).shutdown_deadline(&shutdown, Duration::from_secs(1));
    tokio::select! {
        result = axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()) => result?,
        result = print_readings(address) => result?,
    }
    Ok(())
}

/// The server's half: what was published behind the client's last event, and what is to come, is a response.
async fn events(State(sampler): State<Sampler>, last_event_id: LastEventId) -> impl IntoResponse {
    Sse::new(sampler.readings(last_event_id))
}

/// The client's half: the same enum comes out of the socket.
async fn print_readings(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let mut readings = Client::hyper().get(format!("http://{address}/events")).connect::<Reading>();
    while let Some(reading) = readings.next().await {
        match reading {
            Ok(event) => println!("{:>16}  {:?}", event.id.as_ref().map_or("", EventId::as_str), event.data),
            Err(error) if !error.is_fatal() => eprintln!("skipped: {error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type)], text)
}

fn port(mut arguments: impl Iterator<Item = String>) -> Result<u16, String> {
    const USAGE: &str = "usage: cargo run --example dashboard [-- --port N]";
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Ok(3000),
        (Some("--port"), Some(port), None) => port.parse().map_err(|_| format!("`{port}` is no port. {USAGE}")),
        _ => Err(USAGE.to_owned()),
    }
}
