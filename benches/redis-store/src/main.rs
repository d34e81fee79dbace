//! Publishes a second through `RedisStore`, beside the same client's `MULTI { XADD, PUBLISH }` on the same server.
//!
//! It starts a `redis-server` of its own, on a free port and without persistence, and ends it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use redis::aio::MultiplexedConnection;
use redis_store::{Result, Server};
use sse_typed::{
    hub::{Block, EventLog, EventStore},
    stores::{RedisLog, RedisStore},
};

/// How long a rate is measured, and how often. The best counts: other programs only ever slow it down.
const TIME: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;

/// The retention of both.
const RETAINED: usize = 1024;

fn main() -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<()> {
    let server = Server::start().await?;
    let url = server.url();
    let client = redis::Client::open(url.as_str())?.get_multiplexed_async_connection().await?;
    let store = RedisStore::connect(&url).await?;
    // 200 bytes, as a position with some fields has.
    let block = Block::new(format!("event: position\ndata: {}\n\n", "x".repeat(176)), false)?;
    println!(
        "| publishers | keys | MULTI {{ XADD, PUBLISH }}, events/s | RedisStore, events/s | ratio | server's CPU, us for each event | RedisStore | ratio |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (publishers, keys) in [(1, 1), (64, 1), (64, 64)] {
        let (mut bare, mut ours) = (Rate::default(), Rate::default());
        for _ in 0..ROUNDS {
            let transactions = (0..publishers).map(|n| Transactions {
                connection: client.clone(),
                key: format!("bare:{}", n % keys),
                block: block.clone(),
            });
            bare.take_better(rate(&client, transactions.collect()).await?);
            let logs = (0..publishers).map(|n| (store.log(&(n % keys).to_string()), block.clone()));
            ours.take_better(rate(&client, logs.collect()).await?);
        }
        println!(
            "| {publishers} | {keys} | {:.0} | {:.0} | {:.2} | {:.1} | {:.1} | {:.2} |",
            bare.events,
            ours.events,
            ours.events / bare.events,
            bare.cpu,
            ours.cpu,
            bare.cpu / ours.cpu
        );
    }
    Ok(())
}

trait Publisher: Send + 'static {
    fn publish(&mut self) -> impl Future<Output = Result<()>> + Send;
}

struct Transactions {
    connection: MultiplexedConnection,
    key: String,
    block: Block,
}

impl Publisher for Transactions {
    async fn publish(&mut self) -> Result<()> {
        let mut transaction = redis::pipe();
        transaction.atomic();
        transaction.cmd("XADD").arg(&self.key).arg("MAXLEN").arg("~").arg(RETAINED).arg("*");
        transaction.arg("b").arg(&self.block.as_bytes()[..]);
        transaction.cmd("PUBLISH").arg(&self.key).arg("").ignore();
        let _: (String,) = transaction.query_async(&mut self.connection).await?;
        Ok(())
    }
}

impl Publisher for (RedisLog, Block) {
    async fn publish(&mut self) -> Result<()> {
        self.0.append(&self.1).await?;
        Ok(())
    }
}

/// What one second brings.
#[derive(Default)]
struct Rate {
    events: f64,
    /// The microseconds of the server's processor for each event. Other programs on the machine change this less.
    cpu: f64,
}

impl Rate {
    fn take_better(&mut self, other: Self) {
        self.events = self.events.max(other.events);
        self.cpu = if self.cpu == 0.0 { other.cpu } else { self.cpu.min(other.cpu) };
    }
}

/// The seconds of processor that the server has used.
async fn cpu(client: &MultiplexedConnection) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("cpu").query_async(&mut client.clone()).await?;
    let used = ["used_cpu_sys:", "used_cpu_user:"].map(|name| info.lines().find_map(|line| line.strip_prefix(name)));
    used.into_iter().flatten().map(|seconds| Ok(seconds.trim().parse::<f64>()?)).sum()
}

/// Publishes a second, by all of them at once, each of which waits for its reply.
async fn rate<P: Publisher>(client: &MultiplexedConnection, publishers: Vec<P>) -> Result<Rate> {
    let before = cpu(client).await?;
    let start = Arc::new(Instant::now());
    let running: Vec<_> = publishers
        .into_iter()
        .map(|mut publisher| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                let mut count = 0_u64;
                while start.elapsed() < TIME {
                    publisher.publish().await?;
                    count += 1;
                }
                Result::Ok(count)
            })
        })
        .collect();
    let mut count = 0;
    for publisher in running {
        count += publisher.await??;
    }
    let events = count as f64;
    Ok(Rate { events: events / start.elapsed().as_secs_f64(), cpu: (cpu(client).await? - before) * 1e6 / events })
}
