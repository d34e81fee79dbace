//! Whole clients over sockets. Prints `client`, the kind of contender, the client, events per second, and nanoseconds of processor
//! per event; and `client-memory`, the client, the sources, and bytes per idle source.
//!
//! `cargo run --release --bin clients`

use std::{
    env, fs,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use benches::{
    clients::{CONTENDERS, ClientContender, serve_one_token, serve_tokens},
    contender::{Kind, Tally},
    http::process::Process,
    timing::median,
    typed,
};
use cpu_time::ThreadTime;
use tokio::{
    runtime::Runtime,
    sync::{Notify, Semaphore},
};

const EVENTS: u64 = 100_000;
const TURNS: usize = 9;
const SOURCES: usize = 10_000;

/// How many sources connect at the same time. Fewer than the backlog of the server holds.
const CONNECTING: usize = 64;

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => speed().and_then(|()| memory()),
        ["serve"] => serve_one_token(),
        ["hold", name, url] => hold(name, url),
        _ => Err(io::Error::other("usage: clients")),
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Clients in turns, each with a new connection. A client that decodes other events is an error.
fn speed() -> io::Result<()> {
    let (runtime, url) = (runtime()?, serve_tokens()?);
    let expected = typed::tally_of_tokens(EVENTS);
    let mut results = vec![(Vec::new(), Vec::new()); CONTENDERS.len()];
    for turn in 0..TURNS {
        for number in 0..CONTENDERS.len() {
            let which = (number + turn) % CONTENDERS.len();
            let ClientContender { name, kind, read } = CONTENDERS[which];
            let mut tally = Tally::default();
            let (processor, began) = (ThreadTime::now(), Instant::now());
            runtime.block_on(read(url.clone(), &mut |event| {
                tally.events += event.events;
                tally.bytes += event.bytes;
                tally.events < EVENTS
            }));
            let time = began.elapsed();
            let processor = processor.elapsed().as_nanos();
            let is_right = tally == expected || (kind == Kind::Limit && tally.events == EVENTS);
            if !is_right {
                return Err(io::Error::other(format!("{name} has read {tally:?} and not {expected:?}")));
            }
            results[which].0.push(EVENTS as f64 / time.as_secs_f64());
            results[which].1.push(processor as f64 / EVENTS as f64);
        }
    }
    for (ClientContender { name, kind, .. }, (rates, processor)) in CONTENDERS.into_iter().zip(results) {
        println!("client\t{kind:?}\t{name}\t{:.0}\t{:.0}", median(rates), median(processor));
    }
    Ok(())
}

fn memory() -> io::Result<()> {
    for ClientContender { name, .. } in CONTENDERS.into_iter().filter(|contender| contender.kind != Kind::Limit) {
        let mut server = Process::spawn(&["serve".to_owned()])?;
        let url = server.read_line()?;
        let mut client = Process::spawn(&["hold".to_owned(), name.to_owned(), url])?;
        println!("client-memory\t{name}\t{SOURCES}\t{}", client.read_line()?);
    }
    Ok(())
}

/// Opens sources, each in its own task, and waits until each has received an event. Prints the growth of the memory per source.
fn hold(name: &str, url: &str) -> io::Result<()> {
    let contender = CONTENDERS.into_iter().find(|contender| contender.name == name);
    let ClientContender { read, .. } = contender.ok_or(io::ErrorKind::NotFound)?;
    runtime()?.block_on(async {
        let connecting = Arc::new(Semaphore::new(CONNECTING));
        let (received, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let mut before = 0;
        // The first source makes the client that all of them share.
        for (goal, sources) in [(1, 1), (SOURCES + 1, SOURCES)] {
            before = memory_of_this_process();
            for _ in 0..sources {
                let permit = Arc::clone(&connecting).acquire_owned().await.map_err(io::Error::other)?;
                let (received, all, url, mut permit) =
                    (Arc::clone(&received), Arc::clone(&all), url.to_owned(), Some(permit));
                tokio::spawn(async move {
                    let mut each = |_| {
                        permit.take();
                        if received.fetch_add(1, Ordering::Relaxed) + 1 == goal {
                            all.notify_one();
                        }
                        true
                    };
                    read(url, &mut each).await;
                });
            }
            all.notified().await;
        }
        println!("{}", memory_of_this_process().saturating_sub(before) / SOURCES as u64);
        io::stdout().flush()
    })
}

fn memory_of_this_process() -> u64 {
    const PAGE: u64 = 4096;
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}
