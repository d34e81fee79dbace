//! A shop: the page tracks orders, each on its own stream, and shows the end of the server's log.
//!
//! `cargo run --example notifications [-- --port N]`, then open the address that it prints. The default port is 3004.
//! `--pace MS` is the time between two steps of an order; the default is 1500.
//!
//! `--store URL` says where the orders and the log are kept. The default is `memory:`, and they end with the process.
//! With `--store file:FOLDER` they survive it: kill the server in the middle of an order and start it again. The order
//! continues, and the page that was open all the time receives each step and each line once. `redis://HOST` needs
//! `--features redis`.

mod log;
mod orders;

use std::{env, error::Error, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use sse_typed::{
    LastEventId, Sse, SseLayer,
    hub::{AnyStore, LogOptions, Retention, Start},
    server::{Drain, GuardedListener, Shutdown},
};
use tokio::net::TcpListener;

use self::{
    log::{Level, Log, causes},
    orders::Orders,
};

#[derive(Clone, Debug)]
struct Shop {
    orders: Orders,
    log: Log,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let Arguments { port, pace, store: url } = arguments(env::args().skip(1))?;
    // The last thousand lines of the log; an order has fewer events.
    let store = AnyStore::open_with(&url, LogOptions::new().retain(Retention::events(1_000))).await?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        format!("cannot listen on port {port}: {error}. Choose another with `-- --port N`; 0 takes any free one.")
    })?;
    let address = listener.local_addr()?;
    println!("The page:  http://{address}/");
    println!("The log:   curl -N http://{address}/log");
    match url.split_once(':') {
        Some(("memory", _)) => println!("The store: memory, which ends with the server. Try `--store file:FOLDER`."),
        Some((scheme, _)) => println!("The store: {scheme}. Kill the server and start it again: nothing is lost."),
        None => {}
    }
    println!("Ctrl-C ends the server.");

    let log = Log::open(&store);
    log.info("the server is started").await;
    let shop = Shop { orders: Orders::open(&store, log.clone(), pace).await?, log };
    shop.log.simulate(pace);
    let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
    let streams = Router::new()
        .route("/orders/{order}", get(track))
        .route("/log", get(tail))
        .layer(
            SseLayer::new()
                .retry_between(Duration::from_millis(500)..=Duration::from_millis(1_500))
                .shutdown(&shutdown, Drain::Now),
        )
        .with_state(shop.clone());
    let app = Router::new()
        .route("/", get(|| async { Html(include_str!("page/index.html")) }))
        .route("/app.js", get(|| async { asset("text/javascript", include_str!("page/app.js")) }))
        .route("/style.css", get(|| async { asset("text/css", include_str!("page/style.css")) }))
        .route("/orders", post(place))
        .with_state(shop)
        .merge(streams);

    let listener = GuardedListener::new(listener).shutdown_deadline(&shutdown, Duration::from_secs(1));
    axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()).await?;
    Ok(())
}

#[derive(Debug, Deserialize)]
struct NewOrder {
    item: String,
}

#[derive(Debug, Serialize)]
struct PlacedOrder {
    order: u32,
}

async fn place(State(shop): State<Shop>, Json(NewOrder { item }): Json<NewOrder>) -> Response {
    match shop.orders.place(item).await {
        Ok(order) => (StatusCode::CREATED, Json(PlacedOrder { order })).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, causes(&error)).into_response(),
    }
}

/// A new client receives all events of the order. A client that reconnects resumes after its last event, and one that has
/// received the terminal event is answered with 204, which ends its reconnecting.
async fn track(State(shop): State<Shop>, Path(order): Path<u32>, last_event_id: LastEventId) -> Response {
    let Some(hub) = shop.orders.get(order) else {
        return (StatusCode::NOT_FOUND, format!("order {order} does not exist\n")).into_response();
    };
    let start = if last_event_id.is_none() { Start::Earliest } else { Start::after(last_event_id) };
    Sse::new(hub.subscribe(start)).into_response()
}

#[derive(Debug, Deserialize)]
struct Filter {
    #[serde(default)]
    level: Level,
}

async fn tail(
    State(shop): State<Shop>,
    Query(Filter { level }): Query<Filter>,
    last_event_id: LastEventId,
) -> impl IntoResponse {
    Sse::new(shop.log.tail(level, last_event_id))
}

fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, content_type)], text)
}

struct Arguments {
    port: u16,
    pace: Duration,
    store: String,
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments { port: 3004, pace: Duration::from_millis(1_500), store: "memory:".to_owned() };
    while let Some(option) = words.next() {
        if !["--port", "--pace", "--store"].contains(&&*option) {
            return Err("usage: cargo run --example notifications [-- --port N --pace MS --store URL]".to_owned());
        }
        let value = words.next().ok_or_else(|| format!("`{option}` needs a value"))?;
        let not_a_number = |_| format!("`{option}` needs a number, not `{value}`");
        match &*option {
            "--port" => arguments.port = value.parse().map_err(not_a_number)?,
            "--pace" => arguments.pace = Duration::from_millis(value.parse().map_err(not_a_number)?),
            _ => arguments.store = value,
        }
    }
    Ok(arguments)
}
