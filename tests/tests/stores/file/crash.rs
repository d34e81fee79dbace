//! Power losses and failing syncs, on a disk that loses, tears and reorders what was not synced.
//!
//! `SSE_TYPED_CRASH_SEEDS` sets how many seeds are run, `SSE_TYPED_CRASH_SEED` one of them. Threads race, so a seed does not
//! repeat a run exactly; a failure is nearly always met again by some runs of its seed.

use std::env;

use fastrand::Rng;
use futures_util::future::join_all;
use sse_typed::{
    EventId,
    hub::{AppendError, Block, End, EventLog, EventStore, LogEntry, StoreState},
    stores::{FileLog, FileStore, FileStoreError},
};

use super::{
    faults::{is_up, until},
    memory::{Change, Disk, Fault},
    retain,
};

/// How much the histories that are trimmed retain.
const RETAINED: usize = 5;
const LIVES: usize = 4;

#[test]
fn nothing_acknowledged_is_lost_and_nothing_torn_is_delivered_after_a_crash() {
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
    assert!(totals.crashes > 0 && totals.acknowledged > 0 && totals.lost > 0, "{totals:?}");
}

#[derive(Debug, Default)]
struct Totals {
    /// Lives that ended in a crash within a call.
    crashes: usize,
    acknowledged: usize,
    /// Changes with an unknown outcome that were found after the crash, and that were not.
    found: usize,
    lost: usize,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.acknowledged += other.acknowledged;
        self.found += other.found;
        self.lost += other.lost;
    }
}

async fn run(seed: u64) -> Totals {
    let mut rng = Rng::with_seed(seed);
    let mut disk = Disk::default();
    let mut models = ["kept", "trimmed", "closed", "removed"].map(Model::new);
    let mut totals = Totals::default();
    let mut next = 0;
    for _ in 0..LIVES {
        if let Some(store) = open(&disk, &mut rng).await {
            for model in &mut models {
                model.check(&store, &mut totals).await;
            }
            disk.set_fault(random_fault(&mut rng));
            // A disk that is full only later.
            if rng.bool() && disk.fault() == Some(Fault::Full) {
                disk.set_fault(None);
            }
            for _ in 0..rng.usize(1..12) {
                let model = &mut models[rng.usize(..4)];
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
    let store = FileStore::builder().hooks(disk.hooks()).open("").unwrap_or_else(|error| panic!("{error:?}"));
    for model in &mut models {
        model.check(&store, &mut totals).await;
    }
    totals
}

/// Mostly one that comes soon.
pub(super) fn random_fault(rng: &mut Rng) -> Option<Fault> {
    Some(match rng.u8(..5) {
        0 => Fault::Sync,
        1 => Fault::Full,
        2 => Fault::FullOnce(rng.u32(..60)),
        _ => Fault::PowerLossAfter(rng.u32(..60)),
    })
    .filter(|_| rng.u8(..8) > 0)
}

/// Opens the store; sometimes the power is lost meanwhile.
pub(super) async fn open(disk: &Disk, rng: &mut Rng) -> Option<FileStore> {
    let fault = (rng.u8(..4) == 0).then(|| Fault::PowerLossAfter(rng.u32(..40)));
    disk.set_fault(fault);
    let store = FileStore::builder().hooks(disk.hooks()).open("");
    if store.is_err() && fault.is_some() {
        return None;
    }
    disk.set_fault(None);
    let store = store.unwrap_or_else(|error| panic!("the store opens after each crash: {error:?}"));
    // It may have met the fault since, by what it does by itself.
    if fault.is_some() {
        until(&store, |state| is_up(state) || matches!(state, StoreState::Failed { .. })).await;
    }
    store.health().is_up().then_some(store)
}

/// Of the changes that were not synced, some, in any order, some of them torn.
pub(super) fn survivors(mut changes: Vec<Change>, rng: &mut Rng) -> Vec<Change> {
    let share = rng.f64();
    changes.retain(|_| rng.f64() < share);
    if rng.bool() {
        rng.shuffle(&mut changes);
    }
    for change in &mut changes {
        if let Change::Write(_, bytes) = change
            && rng.u8(..8) == 0
        {
            bytes.truncate(rng.usize(..=bytes.len()));
        }
    }
    changes
}

/// What is known of a log.
struct Model {
    key: &'static str,
    /// The place before all events.
    start: Option<EventId>,
    /// What must be there, in this order.
    entries: Vec<LogEntry>,
    end: Option<End>,
    /// What may be there: changes whose outcome is not known.
    unknown: Vec<Block>,
    may_be_closed: Option<Block>,
    may_be_removed: bool,
}

impl Model {
    fn new(key: &'static str) -> Self {
        Self {
            key,
            start: None,
            entries: Vec::new(),
            end: None,
            unknown: Vec::new(),
            may_be_closed: None,
            may_be_removed: false,
        }
    }

    fn log(&self, store: &FileStore) -> FileLog {
        store.open(self.key, &retain(if self.key == "trimmed" { RETAINED } else { 10_000 }))
    }

    /// Changes the log. Returns whether the store works.
    async fn change(&mut self, store: &FileStore, rng: &mut Rng, next: &mut usize, totals: &mut Totals) -> bool {
        let log = self.log(store);
        if self.key == "removed" && rng.u8(..3) == 0 {
            let outcome = store.remove(self.key).await;
            match outcome {
                Ok(()) => {
                    self.entries.clear();
                    self.end = None;
                }
                // The outcome of a removal is always unknown.
                Err(_) => self.may_be_removed = true,
            }
            return !self.may_be_removed;
        }
        if self.key == "closed" && self.end.is_none() && rng.u8(..3) == 0 {
            let block = block(next, rng);
            return match log.close(Some(&block), End::Stopped).await {
                Ok(id) => {
                    self.entries.push(LogEntry::last(id, block));
                    self.end = Some(End::Stopped);
                    true
                }
                Err(AppendError::Unknown(_)) => {
                    self.may_be_closed = Some(block);
                    false
                }
                Err(error) => refused(&error),
            };
        }
        let blocks: Vec<_> = (0..rng.usize(1..9)).map(|_| block(next, rng)).collect();
        let outcomes = join_all(blocks.iter().map(|block| log.append(block))).await;
        let mut works = true;
        for (block, outcome) in blocks.into_iter().zip(outcomes) {
            match outcome {
                Ok(id) => {
                    totals.acknowledged += 1;
                    self.entries.push(LogEntry::new(id, block));
                }
                Err(AppendError::Unknown(_)) => {
                    works = false;
                    self.unknown.push(block);
                }
                Err(AppendError::Closed(end)) => assert_eq!(Some(end), self.end, "{}", self.key),
                Err(error) => works = refused(&error),
            }
        }
        works
    }

    /// Holds the log against what is known, and knows it from then on.
    async fn check(&mut self, store: &FileStore, totals: &mut Totals) {
        let log = self.log(store);
        let oldest = log.before_last(u64::MAX).await.unwrap_or_else(|error| panic!("{}: {error:?}", self.key));
        let (mut found, end) = read(&log, &oldest).await;
        let name = self.key;
        if self.may_be_removed && (found.is_empty() && !self.entries.is_empty()) {
            (self.entries, self.end) = (Vec::new(), None);
        }
        let mut must = found.clone();
        must.retain(|entry| !self.unknown.contains(&entry.block) && self.may_be_closed.as_ref() != Some(&entry.block));
        let lost = self.entries.len() - must.len().min(self.entries.len());
        assert_eq!(must, self.entries[lost..], "{name}: what was acknowledged is there, and nothing else");
        assert!(lost == 0 || (name == "trimmed" && found.len() >= RETAINED), "{name}: {lost} events are lost");
        let is_closed =
            self.may_be_closed.as_ref().is_some_and(|block| found.iter().any(|entry| entry.block == *block));
        let expected = if is_closed { Some(End::Stopped) } else { self.end };
        assert_eq!(end, expected, "{name}: the last event and the end are one");
        assert!(found.iter().rev().skip(1).all(|entry| !entry.last), "{name}: only one is the last");
        if let Some(start) = self.start.take().filter(|_| name == "kept") {
            assert_eq!(read(&log, &start).await.0, found, "{name}: its beginning is known");
        }
        totals.found += found.len() - must.len();
        totals.lost += self.unknown.len() + usize::from(self.may_be_closed.is_some()) - (found.len() - must.len());
        (self.start, self.end) = (Some(oldest), end);
        self.entries.clear();
        self.entries.append(&mut found);
        self.unknown.clear();
        (self.may_be_closed, self.may_be_removed) = (None, false);
    }
}

fn refused(error: &AppendError<FileStoreError>) -> bool {
    assert!(matches!(error, AppendError::Failed(_)), "{error:?}");
    false
}

/// All events behind a place that is known, and the end.
pub(super) async fn read(log: &FileLog, after: &EventId) -> (Vec<LogEntry>, Option<End>) {
    let (mut entries, mut place) = (Vec::new(), after.clone());
    loop {
        let page = log.read_after(place.as_str(), 3).await.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(page.gap, None, "behind {place}");
        let next = page.next_position(&place);
        entries.extend(page.entries);
        if page.closed.is_some() || next == place {
            return (entries, page.closed);
        }
        place = next;
    }
}

/// No two are the same.
pub(super) fn block(next: &mut usize, rng: &mut Rng) -> Block {
    *next += 1;
    let size = if rng.u8(..8) == 0 { rng.usize(..20_000) } else { rng.usize(..300) };
    Block::new(format!("event: e{next}\ndata: {}\n\n", "x".repeat(size)), rng.bool()).unwrap()
}
