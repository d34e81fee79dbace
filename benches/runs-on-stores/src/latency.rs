//! The latency of a start, beside that of one append.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use redis_store::Result;
use sse_typed::{
    Encoded, LastEventId,
    hub::{Block, EventLog, EventStore},
};

use crate::{Answer, Store, TOKEN};

/// The starts that are measured, after some to warm up.
const STARTS: usize = 1000;
const WARM_UP: usize = 100;

/// From the call of `start` to the first event in the subscription of a reader, and one append to a new log, in turns.
///
/// # Errors
///
/// If the store fails, or a reader gets no event.
pub async fn latency(store: &Store) -> Result<Vec<String>> {
    let answers = store.runs("latency").public();
    let block = Block::new(Encoded::new(&TOKEN)?.as_bytes().clone(), false)?;
    let (mut starts, mut appends) = (Vec::new(), Vec::new());
    for key in 0..WARM_UP + STARTS {
        let key = key.to_string();
        let log = store.store.log(&format!("append/{key}"));
        let start = Instant::now();
        log.append(&block).await?;
        appends.push(start.elapsed());

        let start = Instant::now();
        let started = answers.start(key, |run| async move {
            run.publish(&TOKEN).await?;
            Ok(Answer::Done)
        });
        let mut events = started.await?.run.subscribe(LastEventId::none()).await;
        let first = events.next().await;
        starts.push(start.elapsed());
        first.ok_or("a reader got no event")?;
        // Its end is not a part of the next start.
        while events.next().await.is_some() {}
    }
    Ok([percentiles(starts), percentiles(appends)].concat())
}

/// In microseconds, without the first ones.
fn percentiles(mut times: Vec<Duration>) -> Vec<String> {
    let measured = &mut times[WARM_UP..];
    measured.sort();
    [STARTS / 2, STARTS * 99 / 100].map(|index| measured[index].as_micros().to_string()).into()
}
