//! A hub on each store, and one without a store beside them: the latency from a publisher to a socket, the catch-up of clients that
//! reconnect at once, and the cost of idle keys.
//!
//! Every line of a table is measured in a process of its own, in which server, publisher and clients are. The Redis store has a
//! `redis-server` of its own, without persistence. The file store syncs every commit, in a folder below the current one.

use std::{
    alloc::System,
    env, fs,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    process::Command,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use futures_util::{Stream, StreamExt};
use http::Request;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use redis_store::{Result, Server};
use sse_typed::{
    EncodeEvent, Encoded, Hub, LastEventId, Sse, SseLayer,
    hub::{AnyStore, EventLog, EventStore, OnGap, Start, Topics},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use stores::Folder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Handle},
    sync::oneshot,
    task::JoinHandle,
    time::{interval, sleep, timeout},
};
use tower::{ServiceBuilder, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The latency of these events is measured, after as many as in a second to warm up.
const EVENTS: usize = 1000;
const EVENTS_PER_SECOND: usize = 200;

/// The clients that reconnect, how many events each has missed, and how often it is measured.
const CLIENTS: usize = 1000;
const MISSED: usize = 1000;
const ROUNDS: usize = 5;

const KEYS: usize = 10_000;
const IDLE: Duration = Duration::from_secs(5);

/// Nothing that is waited for takes so long.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The measurements, and the header of the table of each.
const MEASUREMENTS: [(&str, &str); 3] = [
    ("latency", "|  | p50, us | p99, us | longest, us |\n|---|--:|--:|--:|"),
    ("catch-up", "|  | until the last client has all, ms | shortest, ms | longest, ms |\n|---|--:|--:|--:|"),
    (
        "idle",
        "|  | heap per key, B | the same after one event, B | CPU over 5 s, ms | tasks | threads |\n|---|--:|--:|--:|--:|--:|",
    ),
];

/// What is measured instead of a store.
const NO_STORE: &str = "hub without a store";
const BARE_REDIS: &str = "*bare PUBLISH, to the task of a subscriber*";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [measurement, name, url] => runtime.block_on(measure(measurement, name, url)),
        _ => measure_all(&runtime),
    }
}

fn measure_all(runtime: &tokio::runtime::Runtime) -> Result<()> {
    let folder = Folder::new("hub-on-stores")?;
    let redis = runtime.block_on(Server::start());
    if let Err(error) = &redis {
        println!("The lines of Redis are missing, because it cannot be started: {error}\n");
    }
    for (measurement, header) in MEASUREMENTS {
        println!("{header}");
        let file = format!("file:{}", folder.path().join(measurement).display());
        run(measurement, NO_STORE, "")?;
        run(measurement, "MemoryStore", "memory:")?;
        run(measurement, "FileStore", &file)?;
        if let Ok(redis) = &redis {
            run(measurement, "RedisStore", &redis.url())?;
            if measurement == "latency" {
                run(measurement, BARE_REDIS, &redis.url())?;
            }
        }
        println!();
    }
    println!("load average at the end: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default());
    Ok(())
}

/// Runs this program for one line of a table, with the highest limit of open files.
fn run(measurement: &str, name: &str, url: &str) -> Result<()> {
    const RAISE: &str = r#"ulimit -n "$(ulimit -H -n)" 2>/dev/null; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", RAISE]).arg(env::current_exe()?).args([measurement, name, url]);
    if command.status()?.success() { Ok(()) } else { Err(format!("{measurement} of {name} has failed").into()) }
}

async fn measure(measurement: &str, name: &str, url: &str) -> Result<()> {
    let builder = Hub::<Event>::builder_on_gap(OnGap::Ignore);
    let cells = if name == NO_STORE {
        match measurement {
            "latency" => latency(builder.build()).await?,
            "catch-up" => {
                let hub = builder.build();
                catch_up(move || hub.clone()).await?
            }
            _ => idle(Topics::new(builder)).await?,
        }
    } else if name == BARE_REDIS {
        bare_redis(url).await?
    } else {
        let store = AnyStore::open(url).await?;
        match measurement {
            "latency" => latency(builder.build_on(store.log("latency"))).await?,
            "catch-up" => catch_up(move || builder.clone().build_on(store.log("catch-up"))).await?,
            _ => idle(Topics::on(store, "idle", builder)).await?,
        }
    };
    println!("| {name} | {} |", cells.join(" | "));
    Ok(())
}

#[derive(Clone, EncodeEvent)]
enum Event {
    Position { at: u64, text: String },
}

impl Event {
    /// An event of about 200 bytes, published at this time.
    fn new(at: Duration) -> Self {
        Self::Position { at: at.as_nanos() as u64, text: "x".repeat(150) }
    }

    /// The time in a line of an event, if it is the line with the data.
    fn time(line: &str) -> Option<Duration> {
        let (_, data) = line.split_once("data: ")?;
        let data: serde_json::Value = serde_json::from_str(data.trim_end()).ok()?;
        Some(Duration::from_nanos(data.get("at")?.as_u64()?))
    }
}

/// Serves the hub through the layer, each connection in its own task, until the handle is aborted.
async fn serve<L: EventLog>(hub: Hub<Event, L>) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let respond = move |request: Request<Incoming>| {
        let sse = Sse::new(hub.subscribe(LastEventId::of(&request)));
        std::future::ready(Ok::<_, std::convert::Infallible>(sse))
    };
    let service = ServiceBuilder::new().layer(SseLayer::new()).service(service_fn(respond));
    let accepting = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
        }
    });
    Ok((address, accepting))
}

fn request(last_event_id: &str) -> String {
    let id = if last_event_id.is_empty() { String::new() } else { format!("Last-Event-ID: {last_event_id}\r\n") };
    format!("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{id}\r\n")
}

/// From the call of `publish` to the return of the `read` of a blocking client.
async fn latency<L: EventLog>(hub: Hub<Event, L>) -> Result<Vec<String>> {
    let (address, _) = serve(hub.clone()).await?;
    let began = Instant::now();
    let (connected, connection) = oneshot::channel();
    let client = thread::spawn(move || receive(address, began, connected));
    connection.await?;
    let mut ticks = interval(Duration::from_secs(1) / EVENTS_PER_SECOND as u32);
    for _ in 0..EVENTS_PER_SECOND + EVENTS {
        ticks.tick().await;
        hub.publish(&Event::new(began.elapsed())).await?;
    }
    percentiles(client.join().map_err(|_| "the client has panicked")??)
}

/// Reads all events from a socket, and returns how long each was under way.
fn receive(address: SocketAddr, began: Instant, connected: oneshot::Sender<()>) -> Result<Vec<Duration>> {
    let mut socket = std::net::TcpStream::connect(address)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.write_all(request("").as_bytes())?;
    let (mut lines, mut line) = (BufReader::new(socket), String::new());
    while line != "\r\n" {
        line.clear();
        lines.read_line(&mut line)?;
    }
    let _ = connected.send(());
    let mut latencies = Vec::new();
    while latencies.len() < EVENTS_PER_SECOND + EVENTS {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Err("the server has closed the connection".into());
        }
        let now = began.elapsed();
        latencies.extend(Event::time(&line).map(|at| now - at));
    }
    Ok(latencies)
}

/// The same events through Redis without a store, a hub and a socket of a client: to the subscriber's task.
async fn bare_redis(url: &str) -> Result<Vec<String>> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut subscriber = client.get_async_pubsub().await?;
    subscriber.subscribe("bare").await?;
    let began = Instant::now();
    let receiving = tokio::spawn(async move {
        let (mut messages, mut latencies) = (subscriber.on_message(), Vec::new());
        while latencies.len() < EVENTS_PER_SECOND + EVENTS {
            let message: String = messages.next().await.ok_or("the subscription has ended")?.get_payload()?;
            let now = began.elapsed();
            latencies.extend(message.lines().find_map(Event::time).map(|at| now - at));
        }
        Result::Ok(latencies)
    });
    let mut ticks = interval(Duration::from_secs(1) / EVENTS_PER_SECOND as u32);
    for _ in 0..EVENTS_PER_SECOND + EVENTS {
        ticks.tick().await;
        let event = Encoded::new(&Event::new(began.elapsed()))?;
        let _: i64 = redis::cmd("PUBLISH").arg("bare").arg(&event.as_bytes()[..]).query_async(&mut connection).await?;
    }
    percentiles(timeout(TIMEOUT, receiving).await???)
}

/// Of the latencies, without those of the first second.
fn percentiles(mut latencies: Vec<Duration>) -> Result<Vec<String>> {
    let measured = latencies.get_mut(EVENTS_PER_SECOND..).ok_or("too few events arrived")?;
    measured.sort();
    let at = |index: usize| measured[index].as_micros().to_string();
    Ok(vec![at(EVENTS / 2), at(EVENTS * 99 / 100), at(EVENTS - 1)])
}

/// From the first request to the last event of the last client, on a new hub in each round.
async fn catch_up<L: EventLog>(begin: impl Fn() -> Hub<Event, L>) -> Result<Vec<String>> {
    let hub = begin();
    let first = hub.publish(&Event::new(Duration::ZERO)).await?;
    for _ in 0..MISSED {
        hub.publish(&Event::new(Duration::ZERO)).await?;
    }
    drop(hub);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (address, accepting) = serve(begin()).await?;
        let request = request(first.as_str());
        times.push(tokio::task::spawn_blocking(move || reconnect(address, &request)).await??);
        accepting.abort();
        // The connections end, and with them the hub.
        sleep(Duration::from_millis(500)).await;
    }
    times.sort();
    let at = |index: usize| format!("{:.0}", times[index].as_secs_f64() * 1e3);
    Ok(vec![at(ROUNDS / 2), at(0), at(ROUNDS - 1)])
}

/// Connects all clients, and has them send their requests at once. All are on the calling thread.
fn reconnect(address: SocketAddr, request: &str) -> Result<Duration> {
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let mut sockets = Vec::new();
        for _ in 0..CLIENTS {
            sockets.push(TcpStream::connect(address).await?);
        }
        let start = Instant::now();
        let clients: Vec<_> =
            sockets.into_iter().map(|socket| tokio::spawn(receive_missed(socket, request.to_owned()))).collect();
        for client in clients {
            timeout(TIMEOUT, client).await???;
        }
        Ok(start.elapsed())
    })
}

/// Sends the request, and reads until all missed events have arrived.
async fn receive_missed(mut socket: TcpStream, request: String) -> Result<()> {
    const DATA: &[u8] = b"\ndata: ";
    /// The field may be split over two reads, so this much is kept of the first.
    const KEPT: usize = DATA.len() - 1;
    socket.write_all(request.as_bytes()).await?;
    let (mut buffer, mut events) = (vec![0; 16 << 10], 0);
    while events < MISSED {
        let read = socket.read(&mut buffer[KEPT..]).await?;
        if read == 0 {
            return Err("the server has closed a connection".into());
        }
        events += memchr::memmem::find_iter(&buffer[..KEPT + read], DATA).count();
        buffer.copy_within(read..read + KEPT, 0);
    }
    if events == MISSED { Ok(()) } else { Err("more events arrived than were missed".into()) }
}

/// The heap of a key with its hub, topic and subscription, and the processor time while nothing happens.
async fn idle<L: EventLog>(topics: Topics<String, Event, L>) -> Result<Vec<String>> {
    let before = heap();
    let mut subscriptions: Vec<_> = (0..KEYS).map(|key| topics.subscribe(&key.to_string(), Start::Live)).collect();
    let mut arrived = poll_all(&mut subscriptions);
    sleep(IDLE).await;
    let followed = heap() - before;
    for key in 0..KEYS {
        topics.publish(&key.to_string(), &Event::new(Duration::ZERO)).await?;
    }
    let start = Instant::now();
    while arrived < KEYS {
        if start.elapsed() > TIMEOUT {
            return Err(format!("only {arrived} events arrived").into());
        }
        sleep(Duration::from_millis(50)).await;
        arrived += poll_all(&mut subscriptions);
    }
    sleep(IDLE).await;
    let with_event = heap() - before;
    let cpu = processor_time();
    sleep(IDLE).await;
    let cpu = processor_time() - cpu;
    let tasks = Handle::current().metrics().num_alive_tasks();
    let threads = fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let each = |bytes: isize| (bytes / KEYS as isize).to_string();
    Ok(vec![each(followed), each(with_event), cpu.as_millis().to_string(), tasks.to_string(), threads.to_string()])
}

/// Polls each once, and returns how many had an item.
fn poll_all(subscriptions: &mut [impl Stream + Unpin]) -> usize {
    let mut context = Context::from_waker(Waker::noop());
    let polled = subscriptions.iter_mut().map(|stream| Pin::new(stream).poll_next(&mut context));
    polled.filter(Poll::is_ready).count()
}

/// The bytes that are allocated now.
fn heap() -> isize {
    let stats = INSTRUMENTED_SYSTEM.stats();
    // `bytes_reallocated` is not added: memory that grew in place is already in `bytes_allocated`.
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// Of this process, from the kernel's ticks of 10 ms. Zero where it is not known.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name may contain anything. After it come the state and then numbers, of which the 12th and 13th are these times.
    let Some((_, numbers)) = stat.rsplit_once(") ") else { return Duration::ZERO };
    let ticks = numbers.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(10 * ticks)
}
