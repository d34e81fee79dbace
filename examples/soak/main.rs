//! Clients read a hub over sockets for a while, and faults happen meanwhile: connections break, clients are slow or leave, the
//! server is restarted or killed, and its store is away. One client in four reads runs, which it starts or joins. At the end a report
//! says whether each client has received each event once and in order, or was told of the gap, whether each run has ended once, and
//! whether memory has grown. The exit code is 1 if a promise was broken.
//!
//! `cargo run --release --example soak -- --store file:events --duration 10m`. The stores are `memory`, `file:FOLDER` and, with
//! `--features redis`, `redis`, which starts a Redis or Valkey for the run, and `redis://HOST`, which is one that runs. The server
//! of all but the first is a process of its own, which is killed now and then. `--redis-pid PID` names the process of a Redis that
//! runs, so that it is paused now and then. `--connections N` (40), `--rate N` (100 events per
//! second) and `--faults cut,slow,leave,restart,kill,store,pause` (all that the store admits) set the load. Ctrl-C ends it early.

mod arguments;
mod faults;
mod proxy;
mod publisher;
mod random;
mod reader;
mod received;
#[path = "../cluster/redis.rs"]
mod redis;
mod report;
mod run_reader;
mod runs;
mod server;
mod usage;

use std::{iter, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use tokio::{
    net::{TcpStream, lookup_host},
    sync::{Mutex, watch},
    task::JoinSet,
    time::{Instant, interval_at, sleep, timeout},
};

use self::{
    arguments::{Arguments, Fault, Role, Store},
    faults::Faults,
    proxy::Proxy,
    publisher::{Ledger, Publisher},
    random::Random,
    reader::{Habit, Reader},
    redis::Redis,
    report::Report,
    run_reader::{RunLedger, RunReader},
    server::{Failure, SoakServer},
};

/// How long the clients may take to receive the last event.
const END_LIMIT: Duration = Duration::from_secs(60);
/// The seconds of events that are retained.
const RETAINED_SECONDS: u64 = 5;
/// For this many clients of the events, one reads runs.
const CLIENTS_PER_RUN_READER: u64 = 3;
/// Memory is compared in a soak of at least this time. In a shorter one the pauses of clients and the time that a run is kept are
/// not over after the warm-up.
const COMPARED_FROM: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let result = match arguments::read(std::env::args().skip(1)) {
        Ok(Role::Server { store, key, retained }) => {
            server::serve_as_process(&store, &key, retained).await.map(|()| true)
        }
        Ok(Role::Soak(arguments)) => run(&arguments).await,
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

/// Returns whether every promise was kept.
async fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let Arguments { store, connections, rate, duration, faults, .. } = arguments;
    let names: Vec<_> = faults.iter().map(|fault| fault.name()).collect();
    println!(
        "store {store}, {connections} clients, {rate} events per second, {duration:?}, faults: {}",
        names.join(", ")
    );

    // Declared first, so that it is dropped last.
    let redis = if *store == Store::OwnRedis { Some(Redis::start().await?) } else { None };
    let faulty = Arc::new(start(arguments, redis.as_ref()).await?);
    let server = faulty.server.lock().await.address();
    let ledger = Ledger::default();
    let runs = RunLedger::default();
    let mut report = Report::new(Arc::clone(&faulty), ledger.clone(), runs.clone());
    report.measure("start").await;

    // Faults and habits stop first, then the publisher, and then the clients have received the last event.
    let (stop_faults, faults_stopped) = watch::channel(false);
    let (stop, stopped) = watch::channel(false);
    let mut clients = JoinSet::new();
    for number in 0..*connections {
        let reader = Reader {
            server: faulty.clients.address(),
            habit: habit(number, arguments),
            random: Random::new(arguments.seed, 1_000 + number),
            ledger: ledger.clone(),
            received: report.add_client(),
            stop: stopped.clone(),
        };
        clients.spawn(reader.read());
    }
    for number in 0..connections.div_ceil(CLIENTS_PER_RUN_READER).max(2) {
        let reader = RunReader {
            server: faulty.clients.address(),
            group: number / 2,
            random: Random::new(arguments.seed, 100_000 + number),
            ledger: runs.clone(),
            stop: stopped.clone(),
        };
        clients.spawn(reader.read());
    }
    let publisher = Publisher::new(server, ledger);
    let (rate, stopped_publishing) = (*rate, stopped.clone());
    let publishing = tokio::spawn(async move {
        publisher.publish(rate, &stopped_publishing).await;
        publisher
    });
    let (acting, chosen, seed, length) = (Arc::clone(&faulty), faults.clone(), arguments.seed, *duration);
    let acting = tokio::spawn(async move { acting.run(&chosen, length, seed, &faults_stopped).await });

    watch_progress(&mut report, *duration).await;
    stop_faults.send_replace(true);
    acting.await?.map_err(|error| format!("a fault failed: {error}"))?;
    report.measure("end").await;
    stop.send_replace(true);
    let publisher = publishing.await?;
    let is_finished = publisher.finish().await;
    let all = async { while clients.join_next().await.is_some() {} };
    let have_ended = timeout(END_LIMIT, all).await.is_ok();
    print!("\n{report}");
    let is_removed = publisher.remove().await;
    if !is_finished || !is_removed {
        println!("THE STORE did not answer at the end");
    }
    Ok(is_finished && have_ended && report.is_kept())
}

/// Starts the server, and the proxies around it.
async fn start(arguments: &Arguments, started: Option<&Redis>) -> Result<Faults, Failure> {
    // A key of this run alone.
    let key = format!("soak/{}", std::process::id());
    let retained = usize::try_from(arguments.rate * RETAINED_SECONDS)?;
    let mut redis = None;
    let server = match &arguments.store {
        Store::Memory => SoakServer::start_here(&key, retained).await?,
        Store::File(folder) => SoakServer::start_process(&format!("file:{folder}"), &key, retained).await?,
        Store::Redis(_) | Store::OwnRedis => {
            let mut url = match &arguments.store {
                Store::Redis(url) => url.clone(),
                _ => started.map_or_else(String::new, |redis| redis.url().to_owned()),
            };
            if started.is_some()
                && let Some(authority) = arguments::redis_authority(&url)
            {
                accepts(authority).await?;
            }
            if arguments.faults.contains(&Fault::Store)
                && let Some(authority) = arguments::redis_authority(&url)
            {
                let upstream = watch::Sender::new(Some(resolve(authority).await?));
                let proxy = Proxy::start(upstream.subscribe()).await?;
                url = url.replacen(authority, &proxy.address().to_string(), 1);
                redis = Some((proxy, upstream));
            }
            SoakServer::start_process(&url, &key, retained).await?
        }
    };
    Ok(Faults {
        clients: Proxy::start(server.address()).await?,
        server: Mutex::new(server),
        redis,
        redis_pid: started.map(Redis::process_id).or(arguments.redis_pid),
        connections: arguments.connections,
        done: std::sync::Mutex::default(),
    })
}

/// Waits until a Redis that was started just now accepts connections.
async fn accepts(address: &str) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        match TcpStream::connect(address).await {
            Ok(_) => return Ok(()),
            Err(_) if started.elapsed() < Duration::from_secs(5) => sleep(Duration::from_millis(50)).await,
            Err(error) => return Err(format!("the Redis that was started does not answer: {error}").into()),
        }
    }
}

async fn resolve(authority: &str) -> Result<SocketAddr, Failure> {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let host = if has_port { authority.to_owned() } else { format!("{authority}:6379") };
    lookup_host(&host).await?.next().ok_or_else(|| format!("`{host}` has no address").into())
}

/// One client in four is slow, and one in four leaves now and then, if these faults are chosen.
fn habit(number: u64, arguments: &Arguments) -> Habit {
    // Some pauses are longer than the retention.
    let longest = Duration::from_secs(RETAINED_SECONDS * 6).min(arguments.duration / 2);
    match number % 4 {
        1 if arguments.faults.contains(&Fault::Slow) => Habit::Slow(longest),
        2 if arguments.faults.contains(&Fault::Leave) => Habit::Leaving(longest),
        _ => Habit::Steady,
    }
}

/// Prints a line every ten seconds, until the time is over or somebody presses Ctrl-C.
async fn watch_progress(report: &mut Report, duration: Duration) {
    const EVERY: Duration = Duration::from_secs(10);
    let started = Instant::now();
    let mut lines = interval_at(started + EVERY, EVERY);
    let warm = sleep((duration / 2).min(Duration::from_secs(90)));
    let end = sleep(duration);
    tokio::pin!(warm, end);
    loop {
        tokio::select! {
            biased;
            () = &mut end => return,
            _ = tokio::signal::ctrl_c() => return,
            () = &mut warm, if !report.is_warm() && duration >= COMPARED_FROM => report.measure("warm").await,
            _ = lines.tick() => println!("{}", report.line(started.elapsed()).await),
        }
    }
}
