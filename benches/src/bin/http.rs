//! Servers of events over HTTP under load. Server and load generator are two processes, over loopback.
//!
//! `cargo run --release --bin http [-- PART ..]`, with the parts and what they print:
//!
//! - `speed`: `http`, the version of HTTP, the burst, the server, deliveries per second, and the server's processor time per
//!   delivery in nanoseconds;
//! - `latency`: `latency`, the receivers, the server, the events, and p50, p99 and p99.9 in microseconds;
//! - `resume`: `resume`, the server, events per second, nanoseconds of processor per event, the seconds, and the growth of the
//!   server's memory in bytes;
//! - `memory`: `memory`, the server, the settings of hyper, connections, and bytes per connection;
//! - `slope`: `slope`, the server, connections, and bytes per connection: of the process, of the kernel's objects, of TCP buffers,
//!   and by which the available memory shrinks;
//! - `connects`: `connects`, the server, connections per second, the growth of its memory in bytes from the second round to the
//!   last, and the milliseconds until 1,000 connections that are opened at once have their responses.

use std::{
    env,
    io::{self, BufRead, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use benches::{
    http::{
        durable::{self, Durable},
        kernel::KernelMemory,
        load::{LoadGenerator, Streams},
        process::Process,
        protocol::{HyperSettings, PATH, Server},
        resume::{self, Resume},
        serve, storm,
    },
    timing::median,
};

const CONNECTIONS: usize = 1_000;
const CONNECTING_THREADS: usize = 8;
const STORM: Duration = Duration::from_secs(1);
const STORM_ROUNDS: usize = 5;

/// Each server has this many turns of this many milliseconds.
const TURNS: usize = 15;
const TURN: u64 = 200;

/// Each server has this many turns of this many events, so that p99.9 is of at least 1,000 events.
const LATENCY_TURNS: usize = 50;
const LATENCY_TURN: usize = 20;

const HISTORY: u64 = 100_000;
const RESUMES: usize = 3;

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["storm", data] => {
            println!("{}", storm::connects_per_second(number(data)?, CONNECTING_THREADS, STORM)?);
            Ok(())
        }
        ["at-once", data, connections] => {
            println!("{}", storm::connect_at_once(number(data)?, number(connections)?)?.as_millis());
            Ok(())
        }
        ["serve", server, settings, burst] => {
            serve::run(Server::from_name(server)?, HyperSettings::from_name(settings)?, number(burst)?)
        }
        ["serve-history", server] => resume::run(Resume::from_name(server)?, HISTORY),
        ["load", data, control, connections, http2_streams, burst] => {
            let streams = Streams { connections: number(connections)?, http2_streams: number(http2_streams)? };
            load(number(data)?, number(control)?, streams, number(burst)?)
        }
        ["load-durable", data, connections] => load_durable(number(data)?, number(connections)?),
        ["load-resume", data, id] => {
            println!("{}", LoadGenerator::resume(number(data)?, CONNECTIONS, HISTORY, id)?.as_secs_f64());
            Ok(())
        }
        [] => ["speed", "latency", "resume", "memory", "slope", "connects"].into_iter().try_for_each(part),
        ref parts => parts.iter().try_for_each(|name| part(name)),
    }
}

fn part(name: &str) -> io::Result<()> {
    match name {
        "speed" => speed(),
        "latency" => latency(),
        "resume" => resume_all(),
        "memory" => memory(),
        "slope" => slope(),
        "connects" => connects(),
        _ => Err(io::Error::other(format!("there is no part `{name}`"))),
    }
}

fn number<N: std::str::FromStr>(word: &str) -> io::Result<N> {
    word.parse().map_err(|_| io::Error::other(format!("`{word}` is not a number in range")))
}

/// How many turns each server has. The variable `TURNS` lowers the number, for a first look.
fn turns(most: usize) -> usize {
    env::var("TURNS").ok().and_then(|turns| turns.parse().ok()).map_or(most, |turns: usize| turns.clamp(1, most))
}

/// Opens the streams, prints a line, and then answers the commands on its standard input until it is closed.
fn load(data: u16, control: u16, streams: Streams, burst: u64) -> io::Result<()> {
    let mut control = TcpStream::connect((Ipv4Addr::LOCALHOST, control))?;
    control.set_nodelay(true)?;
    let mut load = LoadGenerator::connect(data, streams, PATH, b'}')?;
    load.publish(&mut control, burst)?;
    println!("open");
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("run", milliseconds)) => {
                let time = Duration::from_millis(number(milliseconds)?);
                let (events, time) = load.run(&mut control, burst, time)?;
                println!("{events} {}", time.as_secs_f64());
            }
            Some(("latency", events)) => {
                let times = (0..number(events)?).map(|_| load.publish(&mut control, burst));
                let times: Vec<String> =
                    times.map(|time| Ok(time?.as_nanos().to_string())).collect::<io::Result<_>>()?;
                println!("{}", times.join(" "));
            }
            _ => return Err(io::Error::other(format!("`{line}` is no command"))),
        }
    }
    Ok(())
}

fn load_durable(data: u16, connections: usize) -> io::Result<()> {
    let streams = Streams { connections, http2_streams: 0 };
    let mut load = LoadGenerator::connect(data, streams, durable::TARGET, durable::MARKER)?;
    Durable::publish(data)?;
    load.wait_for(streams.count())?;
    println!("open");
    io::stdin().lock().lines().next().transpose().map(drop)
}

/// A server, and its load generator with all streams open.
struct Pair {
    server: Server,
    process: Process,
    load: Process,
}

impl Pair {
    fn open(server: Server, settings: HyperSettings, streams: Streams, burst: u64) -> io::Result<Self> {
        let (process, [data, control]) = Process::server(server, settings, burst)?;
        let Streams { connections, http2_streams } = streams;
        let numbers = [connections.to_string(), http2_streams.to_string(), burst.to_string()];
        let mut args = vec!["load".to_owned(), data, control];
        args.extend(numbers);
        let mut load = Process::spawn(&args)?;
        load.read_line()?;
        Ok(Self { server, process, load })
    }

    fn open_all(servers: &[Server], settings: HyperSettings, streams: Streams, burst: u64) -> io::Result<Vec<Self>> {
        servers.iter().map(|server| Self::open(*server, settings, streams, burst)).collect()
    }
}

fn speed() -> io::Result<()> {
    let http1 = Streams { connections: CONNECTIONS, http2_streams: 0 };
    let http2 = Streams { connections: 10, http2_streams: 100 };
    let without_raw: Vec<Server> = Server::ALL.into_iter().filter(|server| *server != Server::RawTcp).collect();
    for burst in [1, 32] {
        speed_of("1.1", &Server::ALL, HyperSettings::Http1, http1, burst)?;
    }
    for burst in [1, 32] {
        speed_of("2", &without_raw, HyperSettings::Auto, http2, burst)?;
    }
    Ok(())
}

/// All servers are open, and take turns. The processor time is that of the turns, without that of opening connections.
fn speed_of(
    version: &str,
    servers: &[Server],
    settings: HyperSettings,
    streams: Streams,
    burst: u64,
) -> io::Result<()> {
    let mut pairs = Pair::open_all(servers, settings, streams, burst)?;
    let mut results = vec![(Vec::new(), 0.0, 0.0); pairs.len()];
    for turn in 0..turns(TURNS) {
        for number_of in 0..pairs.len() {
            let which = (number_of + turn) % pairs.len();
            let Pair { process, load, .. } = &mut pairs[which];
            let before = process.processor_time();
            let answer = load.ask(&format!("run {TURN}"))?;
            let (events, time) = answer.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
            let (events, time): (f64, f64) = (number(events)?, number(time)?);
            let (rates, processor, all) = &mut results[which];
            rates.push(events / time);
            *processor += (process.processor_time() - before) as f64;
            *all += events;
        }
    }
    for (pair, (rates, processor, events)) in pairs.iter().zip(results) {
        let name = pair.server.name();
        println!("http\t{version}\t{burst}\t{name}\t{:.0}\t{:.0}", median(rates), processor / events);
    }
    Ok(())
}

/// The time from the command to publish until the last receiver has the event.
fn latency() -> io::Result<()> {
    let servers = [Server::RawTcp, Server::HubServer, Server::HubHyper, Server::BroadcastBytes, Server::AxumBroadcast];
    for connections in [CONNECTIONS, 10 * CONNECTIONS] {
        let streams = Streams { connections, http2_streams: 0 };
        let mut pairs = Pair::open_all(&servers, HyperSettings::Http1, streams, 1)?;
        let mut times: Vec<Vec<f64>> = vec![Vec::new(); pairs.len()];
        for turn in 0..turns(LATENCY_TURNS) {
            for number_of in 0..pairs.len() {
                let which = (number_of + turn) % pairs.len();
                let answer = pairs[which].load.ask(&format!("latency {LATENCY_TURN}"))?;
                for time in answer.split(' ') {
                    times[which].push(number::<f64>(time)? / 1e3);
                }
            }
        }
        for (pair, mut times) in pairs.iter().zip(times) {
            times.sort_by(f64::total_cmp);
            let of = |quantile: f64| times[((times.len() as f64 * quantile) as usize).min(times.len() - 1)];
            let (p50, p99, p999) = (of(0.5), of(0.99), of(0.999));
            println!("latency\t{connections}\t{}\t{}\t{p50:.0}\t{p99:.0}\t{p999:.0}", pair.server.name(), times.len());
        }
    }
    Ok(())
}

/// Clients that resume at once after the first event of a long history. Each server has a new process for each turn.
fn resume_all() -> io::Result<()> {
    let mut results = vec![(Vec::new(), Vec::new(), Vec::new()); Resume::ALL.len()];
    for turn in 0..turns(RESUMES) {
        for number_of in 0..Resume::ALL.len() {
            let which = (number_of + turn) % Resume::ALL.len();
            let mut process = Process::spawn(&["serve-history".to_owned(), Resume::ALL[which].name().to_owned()])?;
            let line = process.read_line()?;
            let (port, id) = line.split_once(' ').ok_or(io::ErrorKind::InvalidData)?;
            let (before, memory) = (process.processor_time(), process.memory());
            let mut load = Process::spawn(&["load-resume".to_owned(), port.to_owned(), id.to_owned()])?;
            let (seconds, processor, growth) = &mut results[which];
            seconds.push(number::<f64>(&load.read_line()?)?);
            processor.push((process.processor_time() - before) as f64);
            growth.push(process.peak_memory().saturating_sub(memory) as f64);
        }
    }
    for (server, (seconds, processor, growth)) in Resume::ALL.into_iter().zip(results) {
        let events = HISTORY as f64 * CONNECTIONS as f64;
        let (seconds, processor, growth) = (median(seconds), median(processor), median(growth));
        let (rate, each) = (events / seconds, processor / events);
        println!("resume\t{}\t{rate:.0}\t{each:.1}\t{seconds:.2}\t{growth:.0}", server.name());
    }
    Ok(())
}

fn memory() -> io::Result<()> {
    for server in [
        Server::RawTcp,
        Server::HubServer,
        Server::HubAxumServer,
        Server::AxumBroadcast,
        Server::HubAxum,
        Server::BroadcastBytes,
    ] {
        measure_memory(server, HyperSettings::Http1, CONNECTIONS)?;
    }
    durable_memory(CONNECTIONS)?;
    for settings in HyperSettings::ALL {
        measure_memory(Server::HubHyper, settings, CONNECTIONS)?;
    }
    // Some machines have a lower limit of open files.
    for (server, connections) in [
        (Server::HubHyper, 10 * CONNECTIONS),
        (Server::RawTcp, 19 * CONNECTIONS),
        (Server::HubServer, 19 * CONNECTIONS),
        (Server::HubAxumServer, 19 * CONNECTIONS),
        (Server::AxumBroadcast, 19 * CONNECTIONS),
    ] {
        measure_memory(server, HyperSettings::Http1, connections).or_else(|error| too_many(connections, &error))?;
    }
    durable_memory(19 * CONNECTIONS).or_else(|error| too_many(19 * CONNECTIONS, &error))
}

fn too_many(connections: usize, error: &io::Error) -> io::Result<()> {
    writeln!(io::stderr(), "{connections} connections failed: {error}")
}

/// The server's memory for open connections, each of which has received one event.
fn measure_memory(server: Server, settings: HyperSettings, connections: usize) -> io::Result<()> {
    let (process, [data, control]) = Process::server(server, settings, 1)?;
    let before = process.memory();
    let args = ["load".to_owned(), data, control, connections.to_string(), "0".to_owned(), "1".to_owned()];
    let mut load = Process::spawn(&args)?;
    load.read_line()?;
    let each = process.memory().saturating_sub(before) / connections as u64;
    println!("memory\t{}\t{}\t{connections}\t{each}", server.name(), settings.name());
    Ok(())
}

fn durable_memory(connections: usize) -> io::Result<()> {
    let Some(durable) = Durable::start()? else {
        return writeln!(io::stderr(), "durable-streams-server is not installed: {} may name it", durable::VARIABLE);
    };
    let before = durable.process.memory();
    let mut load = Process::spawn(&["load-durable".to_owned(), durable.port.to_string(), connections.to_string()])?;
    load.read_line()?;
    let each = durable.process.memory().saturating_sub(before) / connections as u64;
    println!("memory\tdurable-streams 0.1.5, its own server\t\t{connections}\t{each}");
    Ok(())
}

/// How the memory of the process and of the kernel grows with idle streams. Both ends of each connection are on this machine.
fn slope() -> io::Result<()> {
    for server in [Server::RawTcp, Server::HubServer] {
        for connections in [CONNECTIONS, 10 * CONNECTIONS, 19 * CONNECTIONS] {
            let (process, [data, control]) = Process::server(server, HyperSettings::Http1, 1)?;
            let (before, kernel) = (process.memory(), KernelMemory::now());
            let args = ["load".to_owned(), data, control, connections.to_string(), "0".to_owned(), "1".to_owned()];
            let mut load = Process::spawn(&args)?;
            if let Err(error) = load.read_line() {
                too_many(connections, &error)?;
                continue;
            }
            let now = KernelMemory::now();
            let each = |after: u64, before: u64| (after as f64 - before as f64) / connections as f64;
            println!(
                "slope\t{}\t{connections}\t{:.0}\t{:.0}\t{:.0}\t{:.0}",
                server.name(),
                each(process.memory(), before),
                each(now.slab, kernel.slab),
                each(now.tcp_buffers, kernel.tcp_buffers),
                each(kernel.available, now.available),
            );
        }
    }
    Ok(())
}

/// Connections that are opened and closed without a pause, and many that are opened at once.
fn connects() -> io::Result<()> {
    for server in [Server::HubServer, Server::HubAxumServer, Server::HubHyper, Server::HubAxum] {
        let (process, [data, control]) = Process::server(server, HyperSettings::Http1, 1)?;
        let control = TcpStream::connect((Ipv4Addr::LOCALHOST, number(&control)?))?;
        let mut rates = Vec::new();
        let mut memory = 0;
        for round in 0..STORM_ROUNDS {
            let rate: f64 = number(&Process::spawn(&["storm".to_owned(), data.clone()])?.read_line()?)?;
            rates.push(rate);
            if round == 1 {
                memory = process.memory();
            }
        }
        let growth = process.memory().saturating_sub(memory);
        let args = ["at-once".to_owned(), data, CONNECTIONS.to_string()];
        let at_once = Process::spawn(&args)?.read_line()?;
        println!("connects\t{}\t{:.0}\t{growth}\t{at_once}", server.name(), median(rates));
        drop(control);
    }
    Ok(())
}
