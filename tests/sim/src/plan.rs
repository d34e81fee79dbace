//! What happens in the simulation of a seed: the number of machines, the settings of the library, and the faults.

use std::time::Duration;

use fastrand::Rng;

/// The settings of one simulation. The seed is all that they depend on.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) servers: usize,
    pub(crate) topics: Vec<TopicPlan>,
    /// The topic of each reader.
    pub(crate) readers: Vec<usize>,
    /// The keys of the runs.
    pub(crate) runs: usize,
    pub(crate) run_readers: usize,
    pub(crate) store: StorePlan,
    /// The length of a step of the simulation.
    pub(crate) tick: Duration,
    pub(crate) max_latency: Duration,
    pub(crate) lease: Duration,
    /// A request to stop gives the producer this much time.
    pub(crate) grace: Duration,
    pub(crate) cancel_on_disconnect: Option<Duration>,
    /// The server takes event streams over from hyper.
    pub(crate) hand_off: bool,
    /// In the order of their times.
    pub(crate) faults: Vec<(Duration, Fault)>,
    /// When the last fault is over. The topics are closed then, and every reader must receive the end.
    pub(crate) calm_at: Duration,
}

#[derive(Debug)]
pub(crate) struct TopicPlan {
    /// How many events the store retains.
    pub(crate) retained: usize,
    /// How many events a hub retains in memory.
    pub(crate) in_memory: usize,
    /// A gap is an event; otherwise the client starts again.
    pub(crate) emits_gaps: bool,
    pub(crate) max_pause: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct StorePlan {
    pub(crate) max_delay: Duration,
    /// Of this many calls one fails before it has happened, and one after.
    pub(crate) calls_per_failure: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process ends. Its sockets are closed by the kernel.
    Crash(usize),
    Start(usize),
    /// Messages between a reader and a server are lost.
    Partition(usize, usize),
    Repair(usize, usize),
    /// Messages between a reader and a server are kept back.
    Hold(usize, usize),
    Release(usize, usize),
    /// A server does not reach the store.
    CutStore(usize),
    HealStore(usize),
    Latency(Duration),
}

/// When faults begin.
const QUIET: Duration = Duration::from_secs(1);

impl Plan {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let servers = rng.usize(1..=3);
        let topics: Vec<_> = (0..rng.usize(1..=2)).map(|_| TopicPlan::new(rng)).collect();
        let readers: Vec<_> = (0..rng.usize(1..=5)).map(|_| rng.usize(..topics.len())).collect();
        let runs = rng.usize(0..=2);
        let run_readers = if runs == 0 { 0 } else { rng.usize(1..=4) };
        let seconds = |rng: &mut Rng, from: u64, to: u64| Duration::from_millis(rng.u64(from * 1000..to * 1000));
        let calm_at = seconds(rng, 6, 20);
        let faults = faults(rng, servers, readers.len() + run_readers, calm_at);
        Self {
            servers,
            topics,
            readers,
            runs,
            run_readers,
            store: StorePlan {
                max_delay: Duration::from_millis(*choose(rng, &[0, 5, 40, 300])),
                calls_per_failure: *choose(rng, &[None, None, Some(100), Some(12)]),
            },
            tick: Duration::from_millis(*choose(rng, &[2, 5, 10])),
            max_latency: Duration::from_millis(*choose(rng, &[2, 20, 200])),
            lease: seconds(rng, 1, 5),
            grace: Duration::from_millis(*choose(rng, &[0, 0, 300])),
            cancel_on_disconnect: (rng.u8(..4) == 0).then(|| seconds(rng, 1, 6)),
            hand_off: rng.bool(),
            faults,
            calm_at,
        }
    }
}

impl TopicPlan {
    fn new(rng: &mut Rng) -> Self {
        Self {
            retained: *choose(rng, &[1, 5, 30, 10_000]),
            in_memory: *choose(rng, &[1, 10, 1000]),
            emits_gaps: rng.u8(..4) > 0,
            max_pause: Duration::from_millis(*choose(rng, &[10, 100, 1000])),
        }
    }
}

/// Faults, each with its end. They may overlap.
fn faults(rng: &mut Rng, servers: usize, readers: usize, calm_at: Duration) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    let between = |rng: &mut Rng, from: Duration, to: Duration| {
        from + Duration::from_micros(rng.u64(0..=to.saturating_sub(from).as_micros() as u64))
    };
    for _ in 0..rng.usize(0..=10) {
        let (server, reader) = (rng.usize(..servers), rng.usize(..readers));
        let begin = between(rng, QUIET, calm_at);
        let longest = *choose(rng, &[Duration::from_millis(300), Duration::from_secs(3), Duration::from_secs(8)]);
        let end = between(rng, begin, (begin + longest).min(calm_at));
        let (fault, over) = match rng.u8(..10) {
            0..=2 => (Fault::Crash(server), Fault::Start(server)),
            3..=4 => (Fault::Partition(reader, server), Fault::Repair(reader, server)),
            5..=6 => (Fault::Hold(reader, server), Fault::Release(reader, server)),
            7..=8 => (Fault::CutStore(server), Fault::HealStore(server)),
            _ => (Fault::Latency(Duration::from_millis(rng.u64(1..1500))), Fault::Latency(Duration::from_millis(5))),
        };
        faults.extend([(begin, fault), (end, over)]);
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

pub(crate) fn choose<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}
