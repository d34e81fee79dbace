//! An event stream in the document that utoipa generates for the rest of the API.
//!
//! `cargo run -p framework-examples --example utoipa`, then `curl http://127.0.0.1:3012/openapi.json`.

#![expect(clippy::exhaustive_structs, reason = "`utoipa::path` generates public structs")]

use std::{error::Error, process::ExitCode};

use axum::{Json, Router, routing::get};
use futures_util::stream;
use serde_json::Value;
use sse_typed::{Sse, SseEvent, SseLayer, contract::Contract};
use tokio::net::TcpListener;
use utoipa::{OpenApi, ToSchema};

#[derive(Clone, Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum RideEvent {
    DriverAssigned {
        driver: String,
        eta_s: u32,
    },
    #[sse(terminal)]
    Completed,
}

#[derive(Debug, serde::Serialize, ToSchema)]
struct Health {
    ok: bool,
}

#[utoipa::path(get, path = "/health", responses((status = 200, description = "The state of the server.", body = Health)))]
async fn health() -> Json<Health> {
    Json(Health { ok: true })
}

/// utoipa 6 writes OpenAPI 3.1, which has no item of a stream. The grafted document is OpenAPI 3.2.
fn document() -> serde_json::Result<Value> {
    #[derive(OpenApi)]
    #[openapi(paths(health), info(title = "Rides", version = "1.0.0"))]
    struct Api;

    let mut document = serde_json::to_value(Api::openapi())?;
    Contract::of::<RideEvent>().openapi().graft(&mut document, "/ride");
    Ok(document)
}

async fn ride() -> impl axum::response::IntoResponse {
    Sse::new(stream::iter([RideEvent::DriverAssigned { driver: "Lan".to_owned(), eta_s: 240 }, RideEvent::Completed]))
}

const PORT: u16 = 3012;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot serve on port {PORT}: {error}. If another program uses it, change `PORT`.");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let document = document()?;
    let app = Router::new()
        .route("/ride", get(ride))
        .layer(SseLayer::new())
        .route("/health", get(health))
        .route("/openapi.json", get(|| async { Json(document) }));
    let listener = TcpListener::bind(("127.0.0.1", PORT)).await?;
    println!("The document:  http://{}/openapi.json", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// `SSE_TYPED_UPDATE=1 cargo test -p framework-examples --examples` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../committed/utoipa.json");
    assert_compatible(path, &Contract::of::<RideEvent>(), Policy::both());
}
