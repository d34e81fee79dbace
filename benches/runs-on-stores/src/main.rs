//! Runs on each store: tokens per second beside a plain hub on the same store, the latency of a start, and the cost of kept and
//! of waiting runs.
//!
//! Every line of a table is measured in a process of its own, in which producers and readers are. The Redis store has a
//! `redis-server` of its own, without persistence. The file store syncs every commit, in a folder below the current one.
//!
//! `-- NAME URL` measures one line for each table on another store, for example on a Redis that is running.

use std::{env, fs, process::Command};

use redis_store::{Result, Server};
use runs_on_stores::{Store, cost, latency, tokens};
use tokio::runtime::{Builder, Runtime};

/// The measurements, and the header of the table of each.
const MEASUREMENTS: [(&str, &str); 3] = [
    (
        "tokens",
        "|  | readers | run, tokens/s | hub on the same store, tokens/s | *broadcast channel, tokens/s* |\n|---|--:|--:|--:|--:|",
    ),
    ("latency", "|  | start, p50, us | p99, us | bare append, p50, us | p99, us |\n|---|--:|--:|--:|--:|"),
    (
        "cost",
        "|  | ended: heap per run, B | in the store, B | CPU over 15 s, ms | tasks | waiting: heap per run, B | CPU over 15 s, ms | tasks |\n|---|--:|--:|--:|--:|--:|--:|--:|",
    ),
];

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [measurement, name, url] => runtime.block_on(measure(measurement, name, url)),
        [name, url] => measure_all(&[(name, url)]),
        [] => measure_own(&runtime),
        _ => Err("usage: runs-on-stores [NAME URL]".into()),
    }
}

/// Measures all stores.
fn measure_own(runtime: &Runtime) -> Result<()> {
    let mut stores = vec![("MemoryStore", "memory:"), ("FileStore", "file:")];
    let redis = runtime.block_on(Server::start());
    let url = redis.as_ref().map(Server::url);
    match &url {
        Ok(url) => stores.push(("RedisStore", url)),
        Err(error) => println!("The lines of Redis are missing, because it cannot be started: {error}\n"),
    }
    measure_all(&stores)
}

fn measure_all(stores: &[(&str, &str)]) -> Result<()> {
    for (measurement, header) in MEASUREMENTS {
        println!("{header}");
        for (name, url) in stores {
            let status = Command::new(env::current_exe()?).args([measurement, name, url]).status()?;
            if !status.success() {
                return Err(format!("{measurement} of {name} has failed").into());
            }
        }
        println!();
    }
    println!("load average at the end: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default());
    Ok(())
}

async fn measure(measurement: &str, name: &str, url: &str) -> Result<()> {
    let store = match Store::open(url).await {
        Ok(store) => store,
        Err(error) => {
            eprintln!("{name} is left out: {error}");
            return Ok(());
        }
    };
    let print = |cells: Vec<String>| println!("| {name} | {} |", cells.join(" | "));
    match measurement {
        "tokens" => {
            for readers in [1, 100] {
                print(tokens(&store, readers).await?);
            }
        }
        "latency" => print(latency(&store).await?),
        _ => print(cost(&store).await?),
    }
    Ok(())
}
