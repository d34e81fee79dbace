//! Servers of events over HTTP/1.1 under load. Server and load generator are two processes, over loopback.
//!
//! `cargo run --release --bin http [-- speed | memory | connects]`
//!
//! Prints `http`, the burst, the server, deliveries per second, and the server's processor time per delivery in nanoseconds;
//! `memory`, the server, the settings of hyper, connections, and bytes per connection; and `connects`, the server, connections per
//! second, the growth of its memory in bytes from the second round to the last, and the milliseconds until 1,000 connections that
//! are opened at once have their responses.

use std::{
    env,
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use benches::{
    http::{
        load::{self, LoadGenerator},
        process::Process,
        protocol::{HyperSettings, Server},
        serve,
    },
    timing::median,
};

const CONNECTIONS: usize = 1_000;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(600);
const CONNECTING_THREADS: usize = 8;
const STORM: Duration = Duration::from_secs(1);

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => speed().and_then(|()| memory()).and_then(|()| connects()),
        ["speed"] => speed(),
        ["memory"] => memory(),
        ["connects"] => connects(),
        ["storm", data] => {
            println!("{}", load::connects_per_second(number(data)?, CONNECTING_THREADS, STORM)?);
            Ok(())
        }
        ["at-once", data, connections] => {
            println!("{}", load::connect_at_once(number(data)?, number(connections)?)?.as_millis());
            Ok(())
        }
        ["serve", server, settings, burst] => {
            serve::run(Server::from_name(server)?, HyperSettings::from_name(settings)?, number(burst)?)
        }
        ["load", data, control, connections, burst] => {
            let mut load = LoadGenerator::connect(number(data)?, number(control)?, number(connections)?)?;
            println!("{}", load.run(number(burst)?, TIME)?);
            Ok(())
        }
        ["hold", data, control, connections] => {
            let mut load = LoadGenerator::connect(number(data)?, number(control)?, number(connections)?)?;
            load.publish(1)?;
            println!("held");
            io::stdout().flush()?;
            // Waits until the parent process closes the pipe.
            io::stdin().read(&mut [0]).map(drop)
        }
        _ => Err(io::Error::other("usage: http [speed | memory | connects]")),
    }
}

fn number<N: std::str::FromStr>(word: &str) -> io::Result<N> {
    word.parse().map_err(|_| io::Error::other(format!("`{word}` is not a number in range")))
}

fn speed() -> io::Result<()> {
    for burst in [1, 32] {
        let mut results = vec![(Vec::new(), Vec::new()); Server::ALL.len()];
        for _ in 0..ROUNDS {
            for (server, (rates, times)) in Server::ALL.into_iter().zip(&mut results) {
                let (process, [data, control]) = Process::server(server, HyperSettings::Http1, burst)?;
                let args = ["load".to_owned(), data, control, CONNECTIONS.to_string(), burst.to_string()];
                let mut load = Process::spawn(&args)?;
                let rate: f64 = number(&load.read_line()?)?;
                rates.push(rate);
                times.push(process.processor_time() as f64 / (rate * TIME.as_secs_f64()));
            }
        }
        for (server, (rates, times)) in Server::ALL.into_iter().zip(results) {
            println!("http\t{burst}\t{}\t{:.0}\t{:.0}", server.name(), median(rates), median(times));
        }
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
    for settings in HyperSettings::ALL {
        measure_memory(Server::HubHyper, settings, CONNECTIONS)?;
    }
    // Some machines have a lower limit of open files.
    for (server, connections) in [
        (Server::HubHyper, 10 * CONNECTIONS),
        (Server::RawTcp, 19 * CONNECTIONS),
        (Server::HubServer, 19 * CONNECTIONS),
        (Server::HubAxumServer, 19 * CONNECTIONS),
    ] {
        measure_memory(server, HyperSettings::Http1, connections)
            .or_else(|error| writeln!(io::stderr(), "{connections} connections failed: {error}"))?;
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
        for round in 0..ROUNDS {
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

/// The server's memory for open connections, each of which has received one event.
fn measure_memory(server: Server, settings: HyperSettings, connections: usize) -> io::Result<()> {
    let (process, [data, control]) = Process::server(server, settings, 1)?;
    let before = process.memory();
    let mut load = Process::spawn(&["hold".to_owned(), data, control, connections.to_string()])?;
    load.read_line()?;
    let each = process.memory().saturating_sub(before) / connections as u64;
    println!("memory\t{}\t{}\t{connections}\t{each}", server.name(), settings.name());
    Ok(())
}
