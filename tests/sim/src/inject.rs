//! Faults of the store and of the servers from which the library cannot recover. The oracle must report each of them.

use sse_typed::{
    codec::Encoded,
    hub::{Block, End, Page},
};

use crate::{message::Message, world::World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injection {
    /// A page lacks an event.
    DropEvent,
    /// A page has an event twice.
    RepeatEvent,
    /// Two events of a page are in the wrong order.
    SwapEvents,
    /// A page does not report a gap.
    HideGap,
    /// An append that stored nothing is acknowledged.
    LoseAppend,
    /// An append whose reply is lost is said to have failed.
    DenyAppend,
    /// A key that has a run can be claimed again.
    SecondRun,
    /// A run whose lease has expired cannot be ended as lost.
    NoEnd,
    /// A run whose producer failed ends as stopped.
    StoppedEnd,
    /// The state of a snapshot lacks changes whose events are before it.
    StaleSnapshot,
    /// A new client gets no snapshot.
    NoSnapshot,
    /// A client that can be resumed gets a snapshot.
    NeedlessSnapshot,
    /// A server does not end streams when it is drained.
    EndlessDrain,
    /// A server keeps a subscription when its stream has ended.
    LeakStream,
    /// Streams begin with the last event of a server that is drained.
    EarlyFarewell,
    /// A part of a merged stream begins without the client's position in it.
    ForgetPart,
}

impl Injection {
    pub(crate) const ALL: [(&'static str, Self); 16] = [
        ("drop-event", Self::DropEvent),
        ("repeat-event", Self::RepeatEvent),
        ("swap-events", Self::SwapEvents),
        ("hide-gap", Self::HideGap),
        ("lose-append", Self::LoseAppend),
        ("deny-append", Self::DenyAppend),
        ("second-run", Self::SecondRun),
        ("no-end", Self::NoEnd),
        ("stopped-end", Self::StoppedEnd),
        ("stale-snapshot", Self::StaleSnapshot),
        ("no-snapshot", Self::NoSnapshot),
        ("needless-snapshot", Self::NeedlessSnapshot),
        ("endless-drain", Self::EndlessDrain),
        ("leak-stream", Self::LeakStream),
        ("early-farewell", Self::EarlyFarewell),
        ("forget-part", Self::ForgetPart),
    ];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, injection)| injection)
    }
}

/// Changes some pages of a log.
pub(crate) fn change_page(world: &World, page: &mut Page) {
    let (Some(injection), len) = (world.injection, page.entries.len()) else { return };
    match injection {
        Injection::HideGap => page.gap = None,
        Injection::DropEvent if len > 1 && world.one_in(4) => {
            page.entries.remove(world.draw(|rng| rng.usize(..len - 1)));
        }
        Injection::RepeatEvent if len > 0 && world.one_in(4) => {
            let at = world.draw(|rng| rng.usize(..len));
            page.entries.insert(at, page.entries[at].clone());
        }
        Injection::SwapEvents if len > 1 && world.one_in(4) => {
            let at = world.draw(|rng| rng.usize(..len - 1));
            page.entries.swap(at, at + 1);
        }
        _ => {}
    }
}

/// Changes the end of some runs.
pub(crate) fn change_end(world: &World, last: &Block, end: End) -> (Block, End) {
    if world.injection != Some(Injection::StoppedEnd) || end != End::Failed {
        return (last.clone(), end);
    }
    let stopped = Encoded::new(&Message::Stopped).expect("an event without data can be encoded");
    (Block::new(stopped.as_bytes().clone(), true).expect("it is one event"), End::Stopped)
}
