//! A server of the cluster: a process of its own, which has nothing but the store in common with the other one.

use std::{error::Error, io, process::Stdio, sync::Arc, thread};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use sse_typed::{
    Gap, Hub, LastEventId, Sse, SseEvent, SseLayer,
    hub::{AnyLog, AnyStore, EventStore as _, PublishError, Start},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
    sync::oneshot,
};

/// The contract of `/events`.
#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum ClusterEvent {
    Published {
        number: u64,
    },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Finished,
}

type SharedHub = Arc<Hub<ClusterEvent, AnyLog>>;

/// Serves the key of the store until the parent process ends.
pub(crate) async fn serve(url: &str, key: &str, port: u16) -> Result<(), Box<dyn Error>> {
    let store = AnyStore::open(url).await?;
    let hub: SharedHub = Arc::new(Hub::builder().build_on(store.log(key)));
    let streams = Router::new().route("/events", get(events)).layer(SseLayer::new());
    let app = Router::new()
        .route("/events/{number}", post(publish))
        .route("/finish", post(finish))
        .merge(streams)
        .with_state(hub);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    // The parent holds the other end of the pipe. However it ends, this server does not outlive it.
    let (parent, parent_ended) = oneshot::channel::<()>();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        drop(parent);
    });
    tokio::select! {
        served = axum::serve(listener, app).into_future() => Ok(served?),
        _ = parent_ended => Ok(()),
    }
}

/// A new client receives everything. A client that reconnects resumes after its last event, whichever server sent it.
async fn events(State(hub): State<SharedHub>, last_event_id: LastEventId) -> impl IntoResponse {
    Sse::new(hub.subscribe(last_event_id.or(Start::Earliest)))
}

async fn publish(State(hub): State<SharedHub>, Path(number): Path<u64>) -> StatusCode {
    status(&hub.publish(&ClusterEvent::Published { number }).await.map(drop))
}

async fn finish(State(hub): State<SharedHub>) -> StatusCode {
    status(&hub.close(Some(ClusterEvent::Finished)).await)
}

/// 200: the store has the event. 503: it has not, so the request can be repeated. 504: it is not known.
fn status(result: &Result<(), PublishError>) -> StatusCode {
    match result {
        Ok(()) => StatusCode::OK,
        Err(error) if error.is_unknown() => StatusCode::GATEWAY_TIMEOUT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// A server as its parent sees it. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    process: Child,
    address: String,
}

impl ServerProcess {
    /// Starts this program as a server. Port 0 takes any free one.
    pub(crate) async fn start(url: &str, key: &str, port: u16) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["server", url, key, &port.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        let address = BufReader::new(output).lines().next_line().await?.ok_or("the server did not start")?;
        Ok(Self { process, address })
    }

    /// Kills the process, which has no chance to end anything. Returns its port.
    pub(crate) async fn kill(&mut self) -> Result<u16, Box<dyn Error>> {
        self.process.kill().await?;
        let port = self.address.rsplit(':').next().ok_or("the address has no port")?;
        Ok(port.parse()?)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/cluster.json");
    assert_compatible(path, &Contract::of::<ClusterEvent>(), Policy::both().stored_history());
}
