//! Clients that start a run or join it, one run after the other, and check what they receive.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sse_typed::{
    Client, EventId,
    client::{EventSource, ReconnectPolicy, Resume, Signal, Signals},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{random::Random, runs::RunEvent};

/// How long the run of a key is joined before its readers take the next key.
const JOINED: Duration = Duration::from_secs(2);
/// Of this many tokens, one is followed by a reload of the page.
const TOKENS_PER_RELOAD: u64 = 50;
/// How long a page takes to reload, at most.
const RELOAD: Duration = Duration::from_secs(2);
/// How many runs are compared. Those before have no readers any more.
const COMPARED: usize = 200;

/// The runs of all readers, and what was received of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunLedger(Arc<Mutex<RunRecords>>);

#[derive(Debug, Default)]
pub(crate) struct RunRecords {
    /// The key that readers of a group take, and since when.
    current: BTreeMap<u64, (u64, Instant)>,
    /// The first end that a reader has received of each run.
    ends: BTreeMap<String, RunEnd>,
    /// The keys of `ends`, the oldest first.
    order: VecDeque<String>,
    pub(crate) counts: RunCounts,
    pub(crate) errors: Vec<String>,
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RunEnd {
    name: &'static str,
    /// `None` if it has no token.
    execution: Option<u64>,
    tokens: u64,
}

/// What the readers of runs have received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunCounts {
    /// Runs with an end, by readers.
    pub(crate) read: u64,
    /// Different runs.
    pub(crate) runs: u64,
    pub(crate) tokens: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) lost: u64,
    pub(crate) missing: u64,
    pub(crate) duplicates: u64,
    /// Tokens of a second execution, and ends that other readers of the run have received otherwise.
    pub(crate) differing: u64,
    pub(crate) reconnects: u64,
}

impl RunCounts {
    pub(crate) const fn are_kept(&self) -> bool {
        self.missing == 0 && self.duplicates == 0 && self.differing == 0
    }
}

impl RunLedger {
    pub(crate) fn lock(&self) -> MutexGuard<'_, RunRecords> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of the run that a reader of a group reads next.
    fn next_key(&self, group: u64) -> String {
        let mut records = self.lock();
        let (round, since) = records.current.entry(group).or_insert_with(|| (0, Instant::now()));
        if since.elapsed() > JOINED {
            (*round, *since) = (*round + 1, Instant::now());
        }
        format!("{group}-{round}")
    }
}

impl RunRecords {
    /// A token of a run, of which this many were received.
    fn token(&mut self, received: &mut RunEnd, execution: u64, index: u64) {
        self.counts.tokens += 1;
        if *received.execution.get_or_insert(execution) != execution {
            self.counts.differing += 1;
        }
        if index < received.tokens {
            self.counts.duplicates += 1;
        } else {
            self.counts.missing += index - received.tokens;
        }
        received.tokens = received.tokens.max(index + 1);
    }

    /// The end of a run, which is the same for all readers.
    fn end(&mut self, key: &str, received: &RunEnd) {
        self.counts.read += 1;
        match received.name {
            "done" => self.counts.done += 1,
            "failed" => self.counts.failed += 1,
            _ => self.counts.lost += 1,
        }
        match self.ends.get(key) {
            Some(end) => self.counts.differing += u64::from(end != received),
            None => {
                self.counts.runs += 1;
                self.ends.insert(key.to_owned(), received.clone());
                self.order.push_back(key.to_owned());
                if self.order.len() > COMPARED
                    && let Some(oldest) = self.order.pop_front()
                {
                    self.ends.remove(&oldest);
                }
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct RunReader {
    pub(crate) server: SocketAddr,
    /// The readers of a group read the same runs.
    pub(crate) group: u64,
    pub(crate) random: Random,
    pub(crate) ledger: RunLedger,
    /// True once no more runs are started.
    pub(crate) stop: watch::Receiver<bool>,
}

impl RunReader {
    /// Reads runs until it is stopped, and the last one to its end.
    pub(crate) async fn read(mut self) {
        while !*self.stop.borrow() {
            let key = self.ledger.next_key(self.group);
            if !self.read_run(&key).await {
                return;
            }
            let pause = self.random.up_to(JOINED);
            sleep(pause).await;
        }
    }

    /// Reads a run to its end. Returns false after an error from which the client does not recover.
    async fn read_run(&mut self, key: &str) -> bool {
        let mut received = RunEnd { name: "", execution: None, tokens: 0 };
        let mut signals = self.connect(key, "");
        loop {
            match signals.next().await {
                Some(Ok(Signal::Event(event))) => match event.data {
                    RunEvent::Token { execution, index } => {
                        self.ledger.lock().token(&mut received, execution, index);
                        if self.random.below(TOKENS_PER_RELOAD) == 0 && !*self.stop.borrow() {
                            let last_event_id = signals.source().last_event_id().to_owned();
                            drop(signals);
                            let pause = self.random.up_to(RELOAD);
                            sleep(pause).await;
                            signals = self.connect(key, &last_event_id);
                        }
                    }
                    RunEvent::Done { execution, tokens } => {
                        let mut records = self.ledger.lock();
                        // Its end counts the tokens.
                        records.counts.missing += tokens.saturating_sub(received.tokens);
                        received.execution.get_or_insert(execution);
                        received.name = "done";
                    }
                    RunEvent::Failed { .. } => received.name = "failed",
                    RunEvent::Stopped => received.name = "stopped",
                    RunEvent::Lost => received.name = "lost",
                },
                Some(Ok(Signal::Reconnecting { .. })) => self.ledger.lock().counts.reconnects += 1,
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    let message = format!("run {key}: {error}: {:?}", std::error::Error::source(&error));
                    self.ledger.lock().errors.push(message);
                    if error.is_fatal() {
                        return false;
                    }
                }
                None => break,
            }
        }
        let mut records = self.ledger.lock();
        if received.name.is_empty() {
            records.errors.push(format!("run {key}: the source has ended before an end of the run"));
            return false;
        }
        records.end(key, &received);
        true
    }

    fn connect(&self, key: &str, last_event_id: &str) -> Signals<RunEvent> {
        let policy = ReconnectPolicy::new().base(Duration::from_millis(100)).max(Duration::from_secs(1));
        let url = format!("http://{}/runs/{key}", self.server);
        let mut request = Client::hyper().post(url).resume_with(Resume::Same).reconnect(policy);
        if let Ok(id) = EventId::new(last_event_id)
            && !last_event_id.is_empty()
        {
            request = request.last_event_id(id);
        }
        let source: EventSource<RunEvent> = request.connect().boxed();
        source.with_signals()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> RunEnd {
        RunEnd { name: "done", execution: None, tokens: 0 }
    }

    #[test]
    fn tokens_that_are_passed_over_come_twice_or_are_of_a_second_execution_are_counted() {
        let (mut records, mut received) = (RunRecords::default(), none());
        for (execution, index) in [(7, 0), (7, 1), (7, 1), (7, 4), (8, 5)] {
            records.token(&mut received, execution, index);
        }
        let expected = RunCounts { tokens: 5, missing: 2, duplicates: 1, differing: 1, ..RunCounts::default() };
        assert_eq!(records.counts, expected);
        assert!(!records.counts.are_kept());
    }

    #[test]
    fn an_end_that_another_reader_has_not_received_is_counted() {
        let mut records = RunRecords::default();
        records.end("0-0", &none());
        records.end("0-0", &none());
        assert!(records.counts.are_kept());
        records.end("0-0", &RunEnd { name: "lost", ..none() });
        let expected = RunCounts { read: 3, runs: 1, done: 2, lost: 1, differing: 1, ..RunCounts::default() };
        assert_eq!(records.counts, expected);
    }
}
