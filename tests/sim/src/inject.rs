//! Faults of the store from which the library cannot recover. The oracle must report each of them.

use sse_typed::hub::Page;

use crate::world::World;

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
}

impl Injection {
    pub(crate) const ALL: [(&'static str, Self); 8] = [
        ("drop-event", Self::DropEvent),
        ("repeat-event", Self::RepeatEvent),
        ("swap-events", Self::SwapEvents),
        ("hide-gap", Self::HideGap),
        ("lose-append", Self::LoseAppend),
        ("deny-append", Self::DenyAppend),
        ("second-run", Self::SecondRun),
        ("no-end", Self::NoEnd),
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
