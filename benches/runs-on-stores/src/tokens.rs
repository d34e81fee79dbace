//! Tokens per second, from a producer to its readers.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, future::try_join_all};
use redis_store::Result;
use sse_typed::{
    Encoded, Hub, LastEventId, Subscription,
    hub::{EventStore, LogOptions, OnGap, Retention, Start},
};
use tokio::{
    sync::{broadcast, oneshot},
    task::JoinHandle,
    time::timeout,
};

use crate::{Answer, Store, TIMEOUT, TOKEN, median};

const ROUNDS: usize = 5;

/// What a run keeps in memory for its live readers. The hub beside it keeps as much.
const RING: Retention = Retention::events(256).bytes(1 << 20);

/// The contenders of a store, in the order of the columns.
#[derive(Clone, Copy, Debug)]
enum Contender {
    Run,
    Hub,
    /// The limit: without a store, ids and a position to resume from.
    Broadcast,
}

/// Rates of a run, of a hub and, beside a store in memory, of a broadcast channel: medians, in turns.
///
/// # Errors
///
/// If the store fails, or a reader does not get each token once.
pub async fn tokens(store: &Store, readers: usize) -> Result<Vec<String>> {
    let is_in_memory = store.url == "memory:";
    let tokens = match (is_in_memory, readers) {
        (true, 1) => 50_000,
        (true, _) | (false, 1) => 5_000,
        (false, _) => 2_000,
    };
    let contenders: &[_] = if is_in_memory {
        &[Contender::Run, Contender::Hub, Contender::Broadcast]
    } else {
        &[Contender::Run, Contender::Hub]
    };
    let mut times = vec![Vec::new(); contenders.len()];
    for round in 0..ROUNDS {
        for (contender, times) in contenders.iter().zip(&mut times) {
            let key = format!("{readers}/{round}");
            times.push(contender.measure(store, &key, readers, tokens).await?);
        }
    }
    let mut cells = vec![readers.to_string()];
    cells.extend(times.iter_mut().map(|times| {
        let time = median(times).unwrap_or_default();
        format!("{:.0}", tokens as f64 / time.as_secs_f64())
    }));
    cells.resize(4, String::new());
    Ok(cells)
}

impl Contender {
    /// From the first publish to the last event of the last reader.
    async fn measure(self, store: &Store, key: &str, readers: usize, tokens: usize) -> Result<Duration> {
        let (begin, begun) = oneshot::channel();
        let readers = match self {
            Self::Run => {
                let started = store.runs("tokens").public().start(key, move |run| async move {
                    begun.await?;
                    for _ in 0..tokens {
                        run.publish(&TOKEN).await?;
                    }
                    Ok(Answer::Done)
                });
                let run = started.await?.run;
                let mut subscriptions = Vec::new();
                for _ in 0..readers {
                    subscriptions.push(run.subscribe(LastEventId::none()).await);
                }
                spawn_readers(subscriptions)
            }
            Self::Hub => {
                let options = LogOptions::new().retain(Retention::events(tokens + 1).bytes(usize::MAX));
                let log = store.store.open(&format!("hub/{key}"), &options);
                let hub = Hub::builder_on_gap(OnGap::Ignore).retain(RING).build_on(log);
                let mut subscriptions = Vec::new();
                for _ in 0..readers {
                    subscriptions.push(hub.subscribe(Start::Earliest).ready().await);
                }
                tokio::spawn(async move {
                    begun.await?;
                    for _ in 0..tokens {
                        hub.publish(&TOKEN).await?;
                    }
                    hub.publish(&Answer::Done).await?;
                    Result::Ok(())
                });
                spawn_readers(subscriptions)
            }
            Self::Broadcast => {
                let sender = broadcast::Sender::<Bytes>::new(tokens + 1);
                let receivers = (0..readers).map(|_| sender.subscribe()).collect();
                tokio::spawn(async move {
                    begun.await?;
                    for _ in 0..tokens {
                        sender.send(Encoded::new(&TOKEN)?.as_bytes().clone())?;
                    }
                    sender.send(Encoded::new(&Answer::Done)?.as_bytes().clone())?;
                    Result::Ok(())
                });
                spawn_receivers(receivers)
            }
        };
        let start = Instant::now();
        let _ = begin.send(());
        let received = timeout(TIMEOUT, try_join_all(readers)).await??;
        let time = start.elapsed();
        if received.iter().any(|&events| events != tokens + 1) {
            return Err(format!("{self:?}: the readers got other events than were published: {received:?}").into());
        }
        Ok(time)
    }
}

/// A task for each subscription, which returns the number of its events.
fn spawn_readers(subscriptions: Vec<Subscription<Answer>>) -> Vec<JoinHandle<usize>> {
    subscriptions
        .into_iter()
        .map(|subscription| tokio::spawn(count(subscription.map(|entries| entries.len()))))
        .collect()
}

fn spawn_receivers(receivers: Vec<broadcast::Receiver<Bytes>>) -> Vec<JoinHandle<usize>> {
    let events = |receiver| {
        futures_util::stream::unfold(receiver, |mut receiver: broadcast::Receiver<Bytes>| async {
            receiver.recv().await.ok().map(|_| (1, receiver))
        })
    };
    receivers.into_iter().map(|receiver| tokio::spawn(count(events(receiver)))).collect()
}

async fn count(lens: impl Stream<Item = usize>) -> usize {
    lens.fold(0, |sum, len| async move { sum + len }).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_reader_of_every_contender_gets_every_token() {
        let store = Store::open("memory:").await.unwrap();
        for contender in [Contender::Run, Contender::Hub, Contender::Broadcast] {
            contender.measure(&store, "key", 3, 300).await.unwrap();
        }
    }
}
