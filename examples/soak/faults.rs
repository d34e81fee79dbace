//! The faults, each at random times.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Duration,
};

use tokio::{
    process::Command,
    sync::{Mutex, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    arguments::Fault,
    proxy::{Cut, Proxy},
    random::Random,
    server::{Failure, SoakServer},
};

/// What the faults act on.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Between the clients and the server.
    pub(crate) clients: Proxy,
    pub(crate) server: Mutex<SoakServer>,
    /// Between the server and Redis, and its upstream.
    pub(crate) redis: Option<(Proxy, watch::Sender<Option<SocketAddr>>)>,
    pub(crate) redis_pid: Option<u32>,
    pub(crate) connections: u64,
    pub(crate) done: SyncMutex<BTreeMap<&'static str, u64>>,
}

/// How long a store is away, at most. Longer than the timeouts of the store.
const OUTAGE: Duration = Duration::from_secs(5);
/// How long a connection carries nothing, at most.
const STALL: Duration = Duration::from_secs(3);

impl Faults {
    /// Runs the faults until `stop` is true. The last of each is over when this returns.
    pub(crate) async fn run(
        self: &Arc<Self>,
        faults: &BTreeSet<Fault>,
        duration: Duration,
        seed: u64,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let mut tasks = JoinSet::new();
        for (&fault, purpose) in faults.iter().zip(1..) {
            let Some(every) = self.every(fault) else { continue };
            // A few of each also in a short soak.
            let every = every.min(duration / 5);
            let (this, mut stop, mut random) = (Arc::clone(self), stop.clone(), Random::new(seed, purpose));
            tasks.spawn(async move {
                while timeout(random.around(every), stop.wait_for(|stop| *stop)).await.is_err() {
                    if let Some(name) = this.act(fault, &mut random).await? {
                        *this.done.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
                    }
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(task) = tasks.join_next().await {
            task??;
        }
        Ok(())
    }

    /// The time between two of a kind. `None` for the habits of clients.
    fn every(&self, fault: Fault) -> Option<Duration> {
        match fault {
            Fault::Slow | Fault::Leave => None,
            // Each connection is cut about every ten seconds.
            Fault::Cut => Some(Duration::from_secs(10).div_f64(self.connections as f64)),
            Fault::Restart => Some(Duration::from_secs(15)),
            Fault::Kill => Some(Duration::from_secs(20)),
            Fault::Store => Some(Duration::from_secs(10)),
            Fault::Pause => Some(Duration::from_secs(30)),
        }
    }

    /// Returns the name of what was done.
    async fn act(&self, fault: Fault, random: &mut Random) -> Result<Option<&'static str>, Failure> {
        Ok(match fault {
            Fault::Slow | Fault::Leave => None,
            Fault::Cut => {
                let (cut, name) = match random.below(8) {
                    0 | 1 => (Cut::Reset, "reset"),
                    2 | 3 => (Cut::Close, "closed"),
                    4 | 5 => (Cut::InNextBytes, "cut in an event"),
                    _ => (Cut::Stall(random.up_to(STALL)), "stalled"),
                };
                self.clients.cut_one(cut, random).then_some(name)
            }
            Fault::Restart => {
                self.server.lock().await.drain().await?;
                Some("drains")
            }
            Fault::Kill => {
                self.server.lock().await.kill_and_start().await?;
                Some("kill -9")
            }
            Fault::Store => {
                let Some((proxy, upstream)) = &self.redis else { return Ok(None) };
                if random.below(2) == 0 {
                    proxy.cut_all(Cut::Reset);
                    return Ok(Some("Redis cut"));
                }
                let address = upstream.send_replace(None);
                proxy.cut_all(Cut::Close);
                sleep(random.up_to(OUTAGE)).await;
                upstream.send_replace(address);
                Some("Redis away")
            }
            Fault::Pause => {
                let Some(process) = self.redis_pid else { return Ok(None) };
                signal("-STOP", process).await?;
                sleep(random.up_to(OUTAGE)).await;
                signal("-CONT", process).await?;
                Some("Redis paused")
            }
        })
    }
}

async fn signal(signal: &str, process: u32) -> Result<(), Failure> {
    let status = Command::new("kill").args([signal, &process.to_string()]).status().await?;
    if status.success() { Ok(()) } else { Err(format!("`kill {signal} {process}` failed").into()) }
}
