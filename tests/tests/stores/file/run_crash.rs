//! Power losses and failing syncs while runs are claimed, written to and ended, on the disk of the other crash test.

use std::{env, time::Duration};

use fastrand::Rng;
use futures_util::future::{join_all, join3};
use sse_typed::{
    hub::{AppendError, Block, End, EventLog, LogEntry},
    runs::{Claimed, NewRun, RunEnded, RunRecord, RunRef, RunStore},
    stores::{FileLog, FileStore},
};

use super::{
    crash::{block, open, random_fault, read, survivors},
    memory::Disk,
    retain,
};

const LIVES: usize = 4;
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn an_acknowledged_claim_and_an_acknowledged_end_survive_and_a_run_has_ended_if_and_only_if_its_log_is_closed() {
    let number = |name| env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    let seeds = match number("SSE_TYPED_CRASH_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SSE_TYPED_CRASH_SEEDS").unwrap_or(200),
    };
    let mut totals = Totals::default();
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let seen = std::panic::catch_unwind(|| runtime.block_on(run(seed)));
        let seen = seen.unwrap_or_else(|_| panic!("seed {seed}: SSE_TYPED_CRASH_SEED={seed} runs it alone"));
        totals.add(&seen);
    }
    println!("{totals:?}");
    let Totals { crashes, claims, ends, found, lost } = totals;
    assert!([crashes, claims, ends, found, lost].iter().all(|count| *count > 0), "{totals:?}");
}

#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    /// Lives that ended in a crash within a call.
    crashes: usize,
    /// Claims and ends that were acknowledged.
    claims: usize,
    ends: usize,
    /// Claims and ends with an unknown outcome that were found after the crash, and that were not.
    found: usize,
    lost: usize,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.claims += other.claims;
        self.ends += other.ends;
        self.found += other.found;
        self.lost += other.lost;
    }

    fn count(&mut self, was_found: bool) {
        *(if was_found { &mut self.found } else { &mut self.lost }) += 1;
    }
}

async fn run(seed: u64) -> Totals {
    let mut rng = Rng::with_seed(seed);
    let mut disk = Disk::default();
    let mut models = ["a", "b", "b/c"].map(Model::new);
    let mut totals = Totals::default();
    let mut next = 0;
    for life in 0..=LIVES {
        if let Some(store) = open(&disk, &mut rng).await {
            let mut running = Vec::new();
            for model in &mut models {
                model.check(&store, &mut totals).await;
                running.extend(store.find(model.key).await.unwrap());
            }
            let listed = store.list("", None, 9).await.unwrap();
            assert_eq!(listed, running, "each key is listed once, with the run that is found");
            disk.set_fault(random_fault(&mut rng).filter(|_| life < LIVES));
            for _ in 0..rng.usize(1..12) {
                let model = &mut models[rng.usize(..3)];
                if !model.change(&store, &mut rng, &mut next, &mut totals).await {
                    totals.crashes += 1;
                    break;
                }
            }
            if rng.u8(..4) == 0 {
                store.close().await;
            }
        }
        disk = disk.after_power_loss(|changes| survivors(changes, &mut rng));
    }
    totals
}

/// What is known of the runs of a key.
struct Model {
    key: &'static str,
    known: Option<Known>,
    /// Claims whose outcome is not known.
    claims: Vec<NewRun>,
}

/// What is known of the run of a key.
struct Known {
    run: RunRef,
    /// Events that must be there, in this order.
    entries: Vec<LogEntry>,
    end: Option<End>,
    /// Events and ends whose outcome is not known.
    unknown: Vec<Block>,
    ends: Vec<(Block, End)>,
}

impl Known {
    fn new(record: &RunRecord) -> Self {
        let run = record.run.clone();
        Self { run, entries: Vec::new(), end: None, unknown: Vec::new(), ends: Vec::new() }
    }
}

fn log(store: &FileStore, run: &RunRef) -> FileLog {
    store.run_log(run, &retain(100_000))
}

impl Model {
    const fn new(key: &'static str) -> Self {
        Self { key, known: None, claims: Vec::new() }
    }

    /// Changes the run. Returns whether the store works.
    async fn change(&mut self, store: &FileStore, rng: &mut Rng, next: &mut usize, totals: &mut Totals) -> bool {
        match &mut self.known {
            Some(known) if known.end.is_none() => known.change(store, rng, next, totals).await,
            _ => self.claim(store, rng, totals).await,
        }
    }

    async fn claim(&mut self, store: &FileStore, rng: &mut Rng, totals: &mut Totals) -> bool {
        let mut claims: Vec<_> = (0..rng.usize(1..4)).map(|_| NewRun::new("owner", HOUR, HOUR)).collect();
        for claim in &mut claims {
            claim.replaces = self.known.as_ref().map(|known| known.run.run);
        }
        let outcomes = join_all(claims.iter().map(|new| store.claim(self.key, new))).await;
        let (mut started, mut works) = (Vec::new(), true);
        for (new, outcome) in claims.into_iter().zip(outcomes) {
            match outcome {
                Ok(Claimed::Started(record)) => started.push(record),
                Ok(_) => {}
                Err(_) => {
                    self.claims.push(new);
                    works = false;
                }
            }
        }
        assert!(started.len() <= 1, "{}: two runs of one key: {started:?}", self.key);
        totals.claims += started.len();
        if let Some(record) = started.first() {
            self.known = Some(Known::new(record));
        }
        works
    }

    /// Holds the run against what is known, and knows it from then on.
    async fn check(&mut self, store: &FileStore, totals: &mut Totals) {
        let found = store.find(self.key).await.unwrap_or_else(|error| panic!("{}: {error:?}", self.key));
        for new in self.claims.drain(..) {
            let is_found = found.as_ref().is_some_and(|record| record.run.run == new.run);
            totals.count(is_found);
            if let Some(record) = found.as_ref().filter(|_| is_found)
                && let Some(replaced) = self.known.replace(Known::new(record))
            {
                assert!(replaced.end.is_some(), "{}: a run was replaced before it ended", self.key);
                let left = log(store, &replaced.run).read_after("", 9).await.unwrap();
                assert!(left.entries.is_empty() && left.closed.is_none(), "the log of a replaced run: {left:?}");
            }
        }
        let run = found.as_ref().map(|record| &record.run);
        assert_eq!(run, self.known.as_ref().map(|known| &known.run), "{}: an acknowledged claim is there", self.key);
        if let Some((record, known)) = found.zip(self.known.as_mut()) {
            known.check(store, &record, totals).await;
        }
    }
}

impl Known {
    /// Appends, and sometimes ends the run in the middle of it, twice at the same time.
    async fn change(&mut self, store: &FileStore, rng: &mut Rng, next: &mut usize, totals: &mut Totals) -> bool {
        let log = log(store, &self.run);
        let before: Vec<_> = (0..rng.usize(..5)).map(|_| block(next, rng)).collect();
        let after: Vec<_> = (0..rng.usize(..5)).map(|_| block(next, rng)).collect();
        let kinds = [End::Complete, End::Failed, End::Stopped, End::Lost];
        let count = if rng.u8(..3) == 0 { 2 } else { 0 };
        let ends: Vec<_> = (0..count).map(|_| (block(next, rng), kinds[rng.usize(..4)])).collect();
        let append = |blocks: &[Block]| {
            let log = log.clone();
            let blocks = blocks.to_vec();
            async move { join_all(blocks.iter().map(|block| log.append(block))).await }
        };
        let run = self.run.clone();
        let ending = join_all(ends.iter().map(|(last, end)| store.end(&run, last, *end)));
        let (first, ended, second) = join3(append(&before), ending, append(&after)).await;
        let mut works = self.appended(before, first);
        for ((last, end), outcome) in ends.into_iter().zip(ended) {
            match outcome {
                Ok(RunEnded::Now(id)) => {
                    assert_eq!(self.end, None, "the first end wins");
                    totals.ends += 1;
                    self.entries.push(LogEntry::last(id, last));
                    self.end = Some(end);
                }
                Ok(RunEnded::Before(end)) => assert_eq!(self.end, Some(end), "the first end wins"),
                Ok(RunEnded::Leased(left)) => assert!(end == End::Lost && !left.is_zero()),
                Ok(outcome) => panic!("{outcome:?}"),
                Err(_) => {
                    self.ends.push((last, end));
                    works = false;
                }
            }
        }
        works & self.appended(after, second)
    }

    fn appended<E: std::fmt::Debug>(
        &mut self,
        blocks: Vec<Block>,
        outcomes: Vec<Result<sse_typed::EventId, AppendError<E>>>,
    ) -> bool {
        let mut works = true;
        for (block, outcome) in blocks.into_iter().zip(outcomes) {
            match outcome {
                Ok(id) => {
                    assert_eq!(self.end, None, "nothing is appended after the end");
                    self.entries.push(LogEntry::new(id, block));
                }
                Err(AppendError::Closed(end)) => assert_eq!(Some(end), self.end),
                Err(_) => {
                    self.unknown.push(block);
                    works = false;
                }
            }
        }
        works
    }

    async fn check(&mut self, store: &FileStore, record: &RunRecord, totals: &mut Totals) {
        let log = log(store, &self.run);
        let oldest = log.before_last(u64::MAX).await.unwrap_or_else(|error| panic!("{error:?}"));
        let (found, closed) = read(&log, &oldest).await;
        let run = &self.run;
        assert_eq!(closed, record.end, "{run:?}: a run has ended if and only if its log is closed");
        assert_eq!(found.last().is_some_and(|entry| entry.last), closed.is_some(), "{run:?}: with its last event");
        assert_eq!(found.last().map(|entry| &entry.id), record.last.as_ref(), "{run:?}: the record has the last id");
        assert_eq!(record.lease_left, closed.is_none().then_some(Duration::ZERO), "{run:?}: nobody runs it");
        let mut must = found.clone();
        must.retain(|entry| {
            !self.unknown.contains(&entry.block) && self.ends.iter().all(|(last, _)| *last != entry.block)
        });
        assert_eq!(must, self.entries, "{run:?}: acknowledged events and ends are there, and no others");
        for (last, end) in self.ends.drain(..) {
            let is_found = found.last().is_some_and(|entry| entry.block == last);
            totals.count(is_found);
            if is_found {
                assert_eq!((self.end, closed), (None, Some(end)), "{run:?}: it ended once");
                self.end = Some(end);
            }
        }
        assert_eq!(closed, self.end, "{run:?}: an acknowledged end is there");
        self.entries = found;
        self.unknown.clear();
    }
}
