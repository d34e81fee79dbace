//! What happens in the simulation of a seed: the number of machines, the settings of the library, and the faults.

use std::time::Duration;

use fastrand::Rng;
use sse_typed::{codec::Encoded, hub::OnGap, server::Drain};

use crate::message::Message;

/// The settings of one simulation. The seed is all that they depend on.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) servers: usize,
    pub(crate) groups: Vec<GroupPlan>,
    pub(crate) topics: Vec<TopicPlan>,
    pub(crate) readers: Vec<ReaderPlan>,
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
    pub(crate) drain: DrainPlan,
    /// How long a drained server has.
    pub(crate) deadline: Duration,
    /// In the order of their times.
    pub(crate) faults: Vec<(Duration, Fault)>,
    /// When the last fault is over. The topics are closed then, and every reader must receive the end.
    pub(crate) calm_at: Duration,
}

/// Topics with the same settings: one `Topics` in each process.
#[derive(Debug)]
pub(crate) struct GroupPlan {
    /// How many events the store retains of each topic.
    pub(crate) retained: usize,
    /// How many events a hub retains in memory.
    pub(crate) in_memory: usize,
    pub(crate) on_gap: GapPlan,
    /// How long a topic is kept that nobody uses.
    pub(crate) idle: Duration,
}

/// An [`OnGap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GapPlan {
    Emit,
    Snapshot,
    Restart,
    Ignore,
}

#[derive(Debug)]
pub(crate) struct TopicPlan {
    pub(crate) group: usize,
    pub(crate) max_pause: Duration,
    pub(crate) close: ClosePlan,
}

/// The last event of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClosePlan {
    Terminal,
    NotTerminal,
    WithoutEvent,
}

#[derive(Debug)]
pub(crate) struct ReaderPlan {
    /// Different topics, in any order.
    pub(crate) topics: Vec<usize>,
    /// The stream is a `Merge`, also if it has one part.
    pub(crate) is_merged: bool,
}

/// A [`Drain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DrainPlan {
    Now,
    Finish(Duration),
    Farewell,
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
    /// The server is shut down, and its process ends once that is done.
    Drain(usize),
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
        let groups: Vec<_> = (0..rng.usize(1..=2)).map(|_| GroupPlan::new(rng)).collect();
        let topics: Vec<_> = (0..rng.usize(1..=3)).map(|_| TopicPlan::new(rng, groups.len())).collect();
        let readers: Vec<_> = (0..rng.usize(1..=5)).map(|_| ReaderPlan::new(rng, topics.len())).collect();
        let runs = rng.usize(0..=2);
        let run_readers = if runs == 0 { 0 } else { rng.usize(1..=4) };
        let seconds = |rng: &mut Rng, from: u64, to: u64| Duration::from_millis(rng.u64(from * 1000..to * 1000));
        let calm_at = seconds(rng, 6, 20);
        let faults = faults(rng, servers, readers.len() + run_readers, calm_at);
        Self {
            servers,
            groups,
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
            drain: DrainPlan::new(rng),
            deadline: Duration::from_millis(rng.u64(500..5000)),
            faults,
            calm_at,
        }
    }

    /// The key of a topic in the store.
    pub(crate) fn topic_key(&self, topic: usize) -> String {
        format!("{}/{topic}", group_name(self.topics[topic].group))
    }

    pub(crate) fn group(&self, topic: usize) -> &GroupPlan {
        &self.groups[self.topics[topic].group]
    }
}

/// The name of a group's topics.
pub(crate) fn group_name(group: usize) -> String {
    format!("topics-{group}")
}

impl GroupPlan {
    fn new(rng: &mut Rng) -> Self {
        use GapPlan::{Emit, Ignore, Restart, Snapshot};
        Self {
            retained: *choose(rng, &[1, 5, 30, 10_000]),
            in_memory: *choose(rng, &[1, 10, 1000]),
            on_gap: *choose(rng, &[Emit, Emit, Emit, Snapshot, Snapshot, Restart, Restart, Ignore]),
            idle: Duration::from_millis(*choose(rng, &[0, 500, 300_000])),
        }
    }
}

impl TopicPlan {
    fn new(rng: &mut Rng, groups: usize) -> Self {
        use ClosePlan::{NotTerminal, Terminal, WithoutEvent};
        Self {
            group: rng.usize(..groups),
            max_pause: Duration::from_millis(*choose(rng, &[10, 100, 1000])),
            close: *choose(rng, &[Terminal, Terminal, NotTerminal, WithoutEvent]),
        }
    }
}

impl ReaderPlan {
    fn new(rng: &mut Rng, topics: usize) -> Self {
        let mut order: Vec<_> = (0..topics).collect();
        rng.shuffle(&mut order);
        let is_merged = rng.bool();
        order.truncate(if is_merged { rng.usize(1..=topics) } else { 1 });
        Self { topics: order, is_merged }
    }
}

impl DrainPlan {
    fn new(rng: &mut Rng) -> Self {
        match rng.u8(..3) {
            0 => Self::Now,
            1 => Self::Finish(Duration::from_millis(rng.u64(100..3000))),
            _ => Self::Farewell,
        }
    }

    pub(crate) fn drain(self) -> Drain {
        match self {
            Self::Now => Drain::Now,
            Self::Finish(grace) => Drain::Finish { grace },
            Self::Farewell => {
                Drain::Farewell(Encoded::new(&Message::Restarting).expect("an event without data can be encoded"))
            }
        }
    }
}

impl GapPlan {
    pub(crate) fn on_gap(self) -> OnGap<Message> {
        match self {
            Self::Emit => OnGap::emit(),
            Self::Snapshot => OnGap::Snapshot,
            Self::Restart => OnGap::Restart,
            Self::Ignore => OnGap::Ignore,
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
        let (fault, over) = match rng.u8(..12) {
            0..=2 => (Fault::Crash(server), Fault::Start(server)),
            10..=11 => (Fault::Drain(server), Fault::Start(server)),
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
