//! What all machines of a simulation share: its plan, its randomness, its trace, and what the oracle knows.

use std::{
    collections::BTreeMap,
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

use crate::{inject::Injection, plan::Plan, store::StoreClient, topic_key};

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
    /// Acknowledged events of executions.
    pub(crate) tokens: Vec<(u64, u64)>,
    pub(crate) violations: Vec<String>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
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
}

impl TrueEvent {
    /// The value of a numeric field of the event's JSON.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        let text = std::str::from_utf8(&self.block).ok()?;
        let (_, rest) = text.split_once(&format!("\"{field}\":"))?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..digits].parse().ok()
    }

    pub(crate) fn event_type(&self) -> &str {
        let text = std::str::from_utf8(&self.block).unwrap_or_default();
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
        let world = Arc::new(Self {
            plan,
            injection,
            store,
            rng: Mutex::new(rng),
            trace: Mutex::new(Trace { hash: 0xcbf2_9ce4_8422_2325, lines: 0, print }),
            truth: Mutex::default(),
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
        let is_closed = |topic| truth.logs.get(&topic_key(topic)).is_some_and(|log| log.end.is_some());
        (0..self.plan.topics.len()).all(is_closed)
    }

    /// The number of events of a key, trimmed or not.
    pub(crate) fn log_len(&self, key: &str) -> usize {
        self.truth().logs.get(key).map_or(0, |log| log.events.len())
    }
}
