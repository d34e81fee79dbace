//! What all machines of a simulation share: its plan, its randomness, its trace, and what the oracle knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use sse_typed::hub::End;

use crate::{inject::Injection, message::Snapshot, plan::Plan, store::StoreClient};

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) injection: Option<Injection>,
    pub(crate) store: StoreClient,
    rng: Mutex<Rng>,
    trace: Mutex<Trace>,
    truth: Mutex<Truth>,
    numbers: AtomicU64,
    is_calm: AtomicBool,
}

/// The hash of everything that has happened.
struct Trace {
    hash: u64,
    lines: u64,
    print: bool,
}

/// What the oracle knows without the library.
#[derive(Default)]
pub(crate) struct Truth {
    /// The whole history of each key of the store, trimmed or not.
    pub(crate) logs: BTreeMap<String, TrueLog>,
    /// Numbers of acknowledged events with their ids, by publisher.
    pub(crate) acknowledged: BTreeMap<u64, Vec<(String, u64, String)>>,
    /// Numbers of events whose publisher received an error that says that they are not stored.
    pub(crate) refused: Vec<u64>,
    /// Each execution of a producer: its run.
    pub(crate) executions: BTreeMap<u64, String>,
    /// The logs of runs that were claimed. Their producers may not have begun.
    pub(crate) claims: BTreeSet<String>,
    /// What producers returned, by execution. A producer that is dropped returns nothing.
    pub(crate) outcomes: BTreeMap<u64, Outcome>,
    /// The keys of runs that somebody asked to stop.
    pub(crate) stops: BTreeSet<String>,
    /// Runs that nobody reads are stopped.
    pub(crate) may_stop: bool,
    /// How many changes were made to the state of each topic, and which of them each number is.
    pub(crate) changes: BTreeMap<usize, usize>,
    pub(crate) change_of: BTreeMap<u64, usize>,
    /// Acknowledged events of executions.
    pub(crate) tokens: Vec<(u64, u64)>,
    pub(crate) violations: Vec<String>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// What a producer returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// It returned an error or panicked, and clients read this reason.
    Failed(String),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TrueLog {
    pub(crate) events: Vec<TrueEvent>,
    pub(crate) end: Option<End>,
}

#[derive(Clone, Debug)]
pub(crate) struct TrueEvent {
    pub(crate) id: String,
    pub(crate) block: Bytes,
}

impl TrueLog {
    /// The index of the event with this id on the wire.
    pub(crate) fn index_of(&self, id: &str) -> Option<usize> {
        let id = id.strip_suffix('!').unwrap_or(id);
        self.events.iter().rposition(|event| event.id == id)
    }

    /// The number of events up to the position with this id.
    pub(crate) fn position_of(&self, id: &str) -> Option<usize> {
        // The position before the first event is `<log>-0`.
        self.index_of(id).map(|index| index + 1).or_else(|| id.ends_with("-0").then_some(0))
    }
}

impl TrueEvent {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.block).unwrap_or_default()
    }

    pub(crate) fn has_text(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The value of a numeric field of the event's JSON.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        let (_, rest) = self.text().split_once(&format!("\"{field}\":"))?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    }

    pub(crate) fn event_type(&self) -> &str {
        let text = self.text();
        text.lines().find_map(|line| line.strip_prefix("event: ").or(line.strip_prefix("event:"))).unwrap_or_default()
    }
}

impl World {
    pub(crate) fn new(
        plan: Plan,
        rng: Rng,
        injection: Option<Injection>,
        store: StoreClient,
        print: bool,
    ) -> Arc<Self> {
        let truth = Truth { may_stop: plan.cancel_on_disconnect.is_some(), ..Truth::default() };
        let world = Arc::new(Self {
            plan,
            injection,
            store,
            rng: Mutex::new(rng),
            trace: Mutex::new(Trace { hash: 0xcbf2_9ce4_8422_2325, lines: 0, print }),
            truth: Mutex::new(truth),
            numbers: AtomicU64::new(0),
            is_calm: AtomicBool::new(false),
        });
        world.note(format_args!("plan {:?}", world.plan));
        world
    }

    /// Draws from the randomness of the seed.
    pub(crate) fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A time up to this one, in whole milliseconds.
    pub(crate) fn time_up_to(&self, longest: Duration) -> Duration {
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.draw(|rng| rng.u64(..=longest)))
    }

    pub(crate) fn one_in(&self, n: u32) -> bool {
        self.draw(|rng| rng.u32(..n) == 0)
    }

    /// Whether a client reloads or rests: one time in `n` before the faults are over, and never afterwards.
    pub(crate) fn is_disturbed(&self, n: u32) -> bool {
        self.one_in(n) && !self.is_calm()
    }

    /// A number that is drawn once.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, line: fmt::Arguments<'_>) {
        let at = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        let line = format!("{at:>6} {line}");
        let mut trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in line.bytes() {
            trace.hash = (trace.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        trace.lines += 1;
        if trace.print {
            println!("{line}");
        }
    }

    /// Something that must not happen has happened.
    pub(crate) fn violation(&self, text: String) {
        self.note(format_args!("VIOLATION {text}"));
        self.truth().violations.push(text);
    }

    pub(crate) fn count(&self, name: &'static str) {
        *self.truth().counts.entry(name).or_default() += 1;
    }

    pub(crate) fn count_by(&self, name: &'static str, n: u64) {
        *self.truth().counts.entry(name).or_default() += n;
    }

    /// Changes the state of a topic. The event with this number reports it.
    pub(crate) fn change(&self, topic: usize, n: u64) {
        let mut truth = self.truth();
        let changes = truth.changes.entry(topic).or_default();
        *changes += 1;
        let change = *changes;
        truth.change_of.insert(n, change);
    }

    /// The state of a topic.
    pub(crate) fn snapshot(&self, topic: usize) -> Snapshot {
        let changes = self.truth().changes.get(&topic).copied().unwrap_or_default();
        let is_stale = self.injection == Some(Injection::StaleSnapshot);
        Snapshot { topic, changes: if is_stale { changes.saturating_sub(5) } else { changes } }
    }

    /// The hash of the trace, and its number of lines.
    pub(crate) fn trace(&self) -> (u64, u64) {
        let trace = self.trace.lock().unwrap_or_else(PoisonError::into_inner);
        (trace.hash, trace.lines)
    }

    /// Whether there are no more faults.
    pub(crate) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    pub(crate) fn set_calm(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
        self.note(format_args!("calm"));
    }

    /// Whether all topics are closed.
    pub(crate) fn is_over(&self) -> bool {
        let truth = self.truth();
        let is_closed = |topic| truth.logs.get(&self.plan.topic_key(topic)).is_some_and(|log| log.end.is_some());
        (0..self.plan.topics.len()).all(is_closed)
    }

    /// The number of events of a key, trimmed or not.
    pub(crate) fn log_len(&self, key: &str) -> usize {
        self.truth().logs.get(key).map_or(0, |log| log.events.len())
    }
}
