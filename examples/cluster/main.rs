//! Two servers on one store, and clients that change between them in the middle of a stream. One server is killed and started
//! again meanwhile. At the end a table shows what each client received.
//!
//! `cargo run --example cluster --features redis` starts a Redis or Valkey for the run, if one is installed. With
//! `--store redis://HOST` it takes one that runs already, and removes its events from it at the end. `--clients N` (8) and
//! `--events N` (300) set the size. The exit code is 1 if an event was lost or received twice.

mod arguments;
mod client;
mod publisher;
mod redis;
mod report;
mod server;

use std::{error::Error, iter, process::ExitCode, time::Duration};

use sse_typed::{
    hub::{AnyStore, EventStore as _},
    stores::OpenStoreError,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    arguments::{Arguments, Role},
    client::Received,
    redis::Redis,
    report::Report,
    server::ServerProcess,
};

/// How long after the last event the clients may take to receive it.
const TIME_LIMIT: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    let result = match arguments::read(std::env::args().skip(1)) {
        Ok(Role::Server { store, key, port }) => server::serve(&store, &key, port).await.map(|()| true),
        Ok(Role::Cluster(arguments)) => run(&arguments).await,
        Err(usage) => Err(usage.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            let causes = iter::successors(error.source(), |error| (*error).source());
            causes.for_each(|cause| eprintln!("  caused by: {cause}"));
            ExitCode::FAILURE
        }
    }
}

/// Returns whether each client has received each event once.
async fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    // Declared first, so that it is dropped last.
    let redis = if arguments.store.is_none() {
        Some(Redis::start().await.map_err(|error| error as Box<dyn Error>)?)
    } else {
        None
    };
    let url = arguments.store.as_deref().or(redis.as_ref().map(Redis::url)).unwrap_or_default();
    let store = open(url, redis.is_some()).await?;
    // A key of this run alone.
    let key = format!("cluster/{}", std::process::id());

    let first = ServerProcess::start(url, &key, 0).await?;
    let second = ServerProcess::start(url, &key, 0).await?;
    println!("server 1  {}, process {}", first.address(), first.process_id());
    println!("server 2  {}, process {}", second.address(), second.process_id());
    println!("{} clients change between them every few events\n", arguments.clients);

    let report = run_clients(arguments, &first, second, url, &key).await;
    store.remove(&key).await?;
    let report = report?;
    print!("{report}");
    Ok(report.is_complete())
}

/// Opens the store. A Redis that was started just now needs a moment.
async fn open(url: &str, is_starting: bool) -> Result<AnyStore, OpenStoreError> {
    let started = Instant::now();
    loop {
        match AnyStore::open(url).await {
            Err(_) if is_starting && started.elapsed() < Duration::from_secs(5) => {
                sleep(Duration::from_millis(50)).await;
            }
            opened => return opened,
        }
    }
}

async fn run_clients(
    arguments: &Arguments,
    first: &ServerProcess,
    second: ServerProcess,
    url: &str,
    key: &str,
) -> Result<Report, Box<dyn Error>> {
    let servers = [first.address().to_owned(), second.address().to_owned()];
    let mut clients = JoinSet::new();
    let (stop, stopped) = watch::channel(false);
    for number in 1..=arguments.clients {
        clients.spawn(client::receive(servers.clone(), number, stopped.clone()));
    }

    let (progress, stored) = watch::channel(0);
    let (published, restarted) = tokio::join!(
        publisher::publish_through_both(&servers, arguments.events, progress),
        kill_and_restart(second, arguments.events, stored, url, key),
    );
    let _second = restarted?;
    publisher::finish(&servers[0]).await?;
    tokio::spawn(async move {
        sleep(TIME_LIMIT).await;
        stop.send_replace(true);
    });

    let mut received: Vec<Received> = Vec::new();
    while let Some(client) = clients.join_next().await {
        received.push(client?);
    }
    received.sort_unstable_by_key(|client| client.number);
    Ok(Report::new(published, received))
}

/// Kills a server when a third of the events is stored, and starts it again when two thirds are.
async fn kill_and_restart(
    mut server: ServerProcess,
    events: u64,
    mut stored: watch::Receiver<u64>,
    url: &str,
    key: &str,
) -> Result<ServerProcess, Box<dyn Error>> {
    let at = *stored.wait_for(|stored| *stored >= events / 3).await?;
    println!("{at} events are stored: kill -9 of process {}", server.process_id());
    let port = server.kill().await?;
    let at = *stored.wait_for(|stored| *stored >= events * 2 / 3).await?;
    let server = ServerProcess::start(url, key, port).await?;
    println!("{at} events are stored: server 2 is started again, as process {}\n", server.process_id());
    Ok(server)
}
