//! The server under test: a hub on the store, behind `sse_typed::server::Server`.

use std::{error::Error, net::SocketAddr, process::Stdio, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
    routing::{delete, get, post},
};
use sse_typed::{
    Gap, Hub, LastEventId, Sse, SseEvent, SseLayer,
    hub::{AnyLog, EventStore as _, LogOptions, PublishError, Retention},
    runs::{AnyRunStore, Runs},
    server::{Drain, Server, Shutdown},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use crate::runs::{self, RunEvent};

/// The contract of `/events`.
#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum SoakEvent {
    Published {
        number: u64,
        padding: String,
    },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Finished,
}

/// An error of a server or of a fault.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A client whose write is pending for longer is disconnected. Short, so that it happens during a soak.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a drain waits for clients that do not read.
const DRAIN_DEADLINE: Duration = Duration::from_secs(2);
/// How long a server may take to start while its store is away.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Enough bytes that a client that does not read soon fills the buffers of its connection.
const PADDING: usize = 1_000;

#[derive(Clone, Debug)]
struct Service {
    hub: Arc<Hub<SoakEvent, AnyLog>>,
    store: AnyRunStore,
    key: Arc<str>,
}

pub(crate) async fn open(url: &str, retained: usize) -> Result<AnyRunStore, Failure> {
    let options = LogOptions::new().retain(Retention::events(retained));
    Ok(AnyRunStore::open_with(url, options).await?)
}

/// Serves, and starts a new server on the same store for each message, until the sender is dropped.
async fn serve(
    store: AnyRunStore,
    key: &str,
    mut drains: mpsc::Receiver<()>,
    bound: impl Fn(SocketAddr),
) -> Result<(), Failure> {
    // A drain ends the streams of runs, and not the runs.
    let runs: Runs<RunEvent, AnyRunStore> = runs::runs(store.clone(), &key.replace('/', "-"));
    loop {
        // In the memory of the process are fewer events than in the store, so that clients are also served from the store.
        let builder = Hub::builder().retain(Retention::events(256));
        let hub = Arc::new(builder.build_on(store.log(key)));
        let service = Service { hub, store: store.clone(), key: key.into() };
        let settings = SseLayer::new().retry_between(Duration::from_millis(100)..=Duration::from_millis(300));
        let runs_app =
            Router::new().route("/runs/{key}", post(runs::start)).layer(settings.clone()).with_state(runs.clone());
        let app = Router::new()
            .route("/events", get(events))
            .route("/events/{number}", post(publish))
            .route("/finish", post(finish))
            .route("/log", delete(remove))
            .layer(settings)
            .with_state(service)
            .merge(runs_app);
        let server = Server::bind("127.0.0.1:0").await?.write_timeout(WRITE_TIMEOUT);
        bound(server.local_addr()?);
        let shutdown = Shutdown::new();
        let serving = tokio::spawn(server.shutdown(&shutdown, Drain::Now, DRAIN_DEADLINE).serve(app));
        let drain = drains.recv().await;
        shutdown.begin();
        serving.await?;
        if drain.is_none() {
            return Ok(());
        }
    }
}

async fn events(State(service): State<Service>, last_event_id: LastEventId) -> impl IntoResponse {
    Sse::new(service.hub.subscribe(last_event_id))
}

async fn publish(State(service): State<Service>, Path(number): Path<u64>) -> StatusCode {
    let event = SoakEvent::Published { number, padding: "x".repeat(PADDING) };
    status(&service.hub.publish(&event).await.map(drop))
}

async fn finish(State(service): State<Service>) -> StatusCode {
    status(&service.hub.close(Some(SoakEvent::Finished)).await)
}

async fn remove(State(service): State<Service>) -> StatusCode {
    match service.store.remove(&service.key).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// 200: the store has the event. 503: it has not, so the request can be repeated. 504: it is not known.
fn status(result: &Result<(), PublishError>) -> StatusCode {
    match result {
        Ok(()) => StatusCode::OK,
        Err(error) if error.is_unknown() => StatusCode::GATEWAY_TIMEOUT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Serves as a process of its own. A line on the standard input drains the server, and the end of the input ends it.
pub(crate) async fn serve_as_process(url: &str, key: &str, retained: usize) -> Result<(), Failure> {
    let store = open(url, retained).await?;
    let (sender, drains) = mpsc::channel(1);
    let serving = serve(store, key, drains, |address| println!("{address}"));
    let reading = async {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(_)) = lines.next_line().await {
            if sender.send(()).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        served = serving => served,
        () = reading => Ok(()),
    }
}

/// The server as the soak sees it.
#[derive(Debug)]
pub(crate) struct SoakServer {
    running: Running,
    /// Where it listens. `None` while it does not.
    address: watch::Sender<Option<SocketAddr>>,
}

#[derive(Debug)]
enum Running {
    /// A store in memory ends with its process, so the server is in that of the soak.
    Here {
        drains: mpsc::Sender<()>,
    },
    Process {
        process: Box<Child>,
        input: ChildStdin,
        arguments: Vec<String>,
    },
}

impl SoakServer {
    /// Starts a server on a store in memory.
    pub(crate) async fn start_here(key: &str, retained: usize) -> Result<Self, Failure> {
        let store = open("memory:", retained).await?;
        let (drains, receiver) = mpsc::channel(1);
        let address = watch::Sender::new(None);
        let (bound, key) = (address.clone(), key.to_owned());
        tokio::spawn(async move {
            let bound = |address| {
                bound.send_replace(Some(address));
            };
            if let Err(error) = serve(store, &key, receiver, bound).await {
                eprintln!("error: the server has ended: {error}");
            }
        });
        address.subscribe().wait_for(Option::is_some).await?;
        Ok(Self { running: Running::Here { drains }, address })
    }

    /// Starts this program as a server.
    pub(crate) async fn start_process(url: &str, key: &str, retained: usize) -> Result<Self, Failure> {
        let arguments = ["server", url, key, &retained.to_string()].map(str::to_owned).to_vec();
        let address = watch::Sender::new(None);
        let (process, input) = spawn(&arguments, &address, Stdio::inherit()).await?;
        Ok(Self { running: Running::Process { process, input, arguments }, address })
    }

    /// Where it listens now and later.
    pub(crate) fn address(&self) -> watch::Receiver<Option<SocketAddr>> {
        self.address.subscribe()
    }

    /// Ends the server with a drain, and waits for the new one.
    pub(crate) async fn drain(&mut self) -> Result<(), Failure> {
        self.address.send_replace(None);
        match &mut self.running {
            Running::Here { drains } => drains.send(()).await?,
            Running::Process { input, .. } => input.write_all(b"drain\n").await?,
        }
        self.address.subscribe().wait_for(Option::is_some).await?;
        Ok(())
    }

    /// Kills the process, which has no chance to end anything, and starts it again.
    pub(crate) async fn kill_and_start(&mut self) -> Result<(), Failure> {
        let Running::Process { process, input, arguments } = &mut self.running else { return Ok(()) };
        self.address.send_replace(None);
        process.kill().await?;
        let started = Instant::now();
        loop {
            // While its store is away, it ends with an error each time.
            match spawn(arguments, &self.address, Stdio::null()).await {
                Ok(spawned) => {
                    (*process, *input) = spawned;
                    return Ok(());
                }
                Err(_) if started.elapsed() < START_LIMIT => sleep(Duration::from_millis(200)).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// The process of the server, if it has one of its own.
    pub(crate) fn process_id(&self) -> Option<u32> {
        match &self.running {
            Running::Here { .. } => None,
            Running::Process { process, .. } => process.id(),
        }
    }
}

/// Starts the process, and waits until it listens.
async fn spawn(
    arguments: &[String],
    address: &watch::Sender<Option<SocketAddr>>,
    errors: Stdio,
) -> Result<(Box<Child>, ChildStdin), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(errors).kill_on_drop(true);
    let mut process = command.spawn()?;
    let input = process.stdin.take().ok_or("the server has no input")?;
    let mut lines = BufReader::new(process.stdout.take().ok_or("the server has no output")?).lines();
    let first = lines.next_line().await?.ok_or("the server did not start")?;
    address.send_replace(Some(first.parse()?));
    let address = address.clone();
    // The new addresses after drains. After a kill the output ends.
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Ok(bound) = line.parse() {
                address.send_replace(Some(bound));
            }
        }
    });
    Ok((Box::new(process), input))
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/soak.json");
    assert_compatible(path, &Contract::of::<SoakEvent>(), Policy::both().stored_history());
}
