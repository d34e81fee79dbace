//! An API whose document describes its event stream.
//!
//! `cargo run --example openapi [-- --port N]`, then `curl http://127.0.0.1:3007/openapi.json`. The stream ends after ten events.

mod listen;

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{Json, Router, extract::Path, routing::get};
use futures_util::{Stream, StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sse_typed::{LastEventId, Sse, SseEvent, SseLayer, contract::Contract};
use tokio::time::sleep;

use self::listen::{exit_code, listen};

#[derive(Clone, Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum BuildEvent {
    Step {
        #[sse(id)]
        number: u64,
        name: String,
        result: Outcome,
    },
    #[sse(text)]
    Output(String),
    #[sse(terminal)]
    Finished { steps: u64 },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Passed,
    Skipped,
}

const STEPS: u64 = 5;

pub(crate) fn document() -> Value {
    Contract::of::<BuildEvent>().openapi().document("Builds", env!("CARGO_PKG_VERSION"), "/builds/{build}")
}

fn events(after: u64) -> impl Stream<Item = BuildEvent> {
    let steps = (after + 1..=STEPS).flat_map(|number| {
        let result = if number == 3 { Outcome::Skipped } else { Outcome::Passed };
        let step = BuildEvent::Step { number, name: format!("step {number}"), result };
        [BuildEvent::Output(format!("running step {number}\n")), step]
    });
    let all: Vec<_> = steps.chain([BuildEvent::Finished { steps: STEPS }]).collect();
    stream::iter(all).then(|event| async {
        sleep(Duration::from_millis(20)).await;
        event
    })
}

pub(crate) fn app() -> Router {
    let build = async |Path(_): Path<String>, last_event_id: LastEventId| {
        Sse::new(events(last_event_id.parse().ok().flatten().unwrap_or_default()))
    };
    Router::new()
        .route("/builds/{build}", get(build))
        .layer(SseLayer::new())
        .route("/openapi.json", get(|| async { Json(document()) }))
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(serve().await)
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let listener = listen("openapi", 3007).await?;
    println!("The document:  http://{}/openapi.json", listener.local_addr()?);
    println!("The stream:    http://{}/builds/1", listener.local_addr()?);
    axum::serve(listener, app()).await?;
    Ok(())
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/openapi.json");
    assert_compatible(path, &Contract::of::<BuildEvent>(), Policy::both());
}
