use std::{
    sync::atomic::{AtomicUsize, Ordering},
    task::Waker,
};

use super::sync::AtomicU64;

/// The slot of one waiting task in a [`WakeQueue`](super::WakeQueue), or none yet.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    /// The number of the slot. It is not used again once the slot was woken. Zero is no slot.
    pub(super) number: u64,
    /// Identifies the registered waker.
    pub(super) waker: WakerId,
}

impl Ticket {
    /// Whether the task was ever registered.
    pub(crate) const fn was_given(&self) -> bool {
        self.number > 0
    }
}

/// How far a queue has been woken. It can be read without the lock of the queue.
#[derive(Debug, Default)]
pub(crate) struct WakeEpoch {
    /// The number of the first slot that was not woken.
    first: AtomicU64,
}

impl WakeEpoch {
    pub(super) fn set_first(&self, first: u64) {
        self.first.store(first, Ordering::Release);
    }

    /// Whether this waker is registered with this ticket and was not woken yet. False if unknown; then the task must
    /// register.
    ///
    /// Another thread may be about to wake the slot. It then wakes the task after this call, and the task polls again.
    /// So the task sees in that poll what it does not see now.
    #[inline]
    pub(crate) fn is_registered(&self, ticket: &Ticket, waker: &Waker) -> bool {
        ticket.number >= self.first.load(Ordering::Acquire) && ticket.waker.identifies(waker)
    }
}

/// The identity of a waker in one word. No other waker has the same identity while the waker exists.
///
/// It is the identity of the waker that the queue stores: a clone may have other data than the waker from which it was
/// made.
///
/// A waker is an address and a table of functions. A process has few tables, one for each kind of task, so the word is
/// the address (48 bits) and the number of its table. Zero means unknown: the address is larger, or there are too many
/// tables. A task with a waker of this kind registers under the lock at each poll, which is slower and still correct.
///
/// With it a subscription is 40 bytes; storing the table beside the address would make it 48.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WakerId(u64);

/// The number of bits of an address.
const ADDRESS: u32 = 48;

/// The tables of functions that were seen in this process, by a hash of their addresses. An entry is set once.
static TABLES: Tables = [const { AtomicUsize::new(0) }; TABLES_LEN];

type Tables = [AtomicUsize; TABLES_LEN];

const TABLES_LEN: usize = 256;

/// How many entries are searched for a table.
const PROBES: usize = 8;

impl WakerId {
    pub(super) fn of(waker: &Waker) -> Self {
        Self::in_tables(&TABLES, waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
    }

    fn in_tables(tables: &Tables, address: usize, table: usize) -> Self {
        let address = address as u64;
        if address >> ADDRESS != 0 {
            return Self::default();
        }
        // Tables are aligned to eight bytes at least.
        let hash = (table >> 3).wrapping_mul(0x9E37_79B9) >> 7;
        for probe in 0..PROBES {
            let number = hash.wrapping_add(probe) % TABLES_LEN;
            let entry = &tables[number];
            // An entry never changes once it is set, and no other memory depends on it: no ordering is needed.
            let known = match entry.load(Ordering::Relaxed) {
                0 => match entry.compare_exchange(0, table, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => table,
                    Err(other) => other,
                },
                known => known,
            };
            if known == table {
                return Self(address | (number as u64 + 1) << ADDRESS);
            }
        }
        Self::default()
    }

    /// Whether it is known to be the identity of this waker. It reads one entry, where [`of`](Self::of) may read
    /// several.
    #[inline]
    fn identifies(self, waker: &Waker) -> bool {
        let address = waker.data().addr() as u64;
        // An unknown identity has no entry.
        let number = (self.0 >> ADDRESS).wrapping_sub(1) as usize;
        self.0 & ((1 << ADDRESS) - 1) == address
            && TABLES
                .get(number)
                .is_some_and(|table| table.load(Ordering::Relaxed) == std::ptr::from_ref(waker.vtable()).addr())
    }

    /// This identity if it is that of the waker, as when the same task registers again. Otherwise the identity of the
    /// waker.
    #[inline]
    pub(super) fn same_or_of(self, waker: &Waker) -> Self {
        if self.identifies(waker) { self } else { Self::of(waker) }
    }

    #[cfg(test)]
    const fn is_known(self) -> bool {
        self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Barrier},
        task::Wake,
        thread,
    };

    use super::*;

    fn tables() -> Tables {
        [const { AtomicUsize::new(0) }; TABLES_LEN]
    }

    #[test]
    fn a_waker_is_identified_whatever_kinds_of_tasks_came_before() {
        let tables = tables();
        let id = |address, table| WakerId::in_tables(&tables, address, table);
        let mut seen = Vec::new();
        for table in (1..=100).map(|n| 0x5555_0000_0000 + n * 0x28) {
            for address in [0, 1, 0x1000, 0x7FFF_FFFF_FFFF] {
                let it = id(address, table);
                assert!(it.is_known(), "{address:x} {table:x}");
                assert!(!seen.contains(&it), "{address:x} {table:x}");
                seen.push(it);
            }
        }
        // Identities do not change.
        assert_eq!(id(0, 0x5555_0000_0028), seen[0]);
        assert_eq!(id(0x7FFF_FFFF_FFFF, 0x5555_0000_0000 + 100 * 0x28), seen[399]);
    }

    #[test]
    fn a_waker_with_an_unknown_identity_is_taken_for_no_other() {
        let tables = tables();
        let known = (1..=10_000).filter(|table| WakerId::in_tables(&tables, 0x1000, table * 8).is_known()).count();
        assert!((TABLES_LEN / 2..=TABLES_LEN).contains(&known), "{known} of too many tables");
        assert!(!WakerId::in_tables(&tables, 1 << 48, 8).is_known(), "an address of more than 48 bits");
        let epoch = WakeEpoch::default();
        assert!(!epoch.is_registered(&Ticket { number: 1, waker: WakerId::default() }, Waker::noop()));
    }

    #[test]
    fn threads_that_add_new_kinds_of_tasks_at_once_agree() {
        for _ in 0..200 {
            let (tables, barrier) = (tables(), Barrier::new(4));
            let ids = |table| {
                barrier.wait();
                let first = WakerId::in_tables(&tables, 0x1000, table);
                assert_eq!(first, WakerId::in_tables(&tables, 0x1000, table));
                first
            };
            let seen: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = [8, 8, 16, 24].map(|table| scope.spawn(move || ids(table))).into();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(seen[0], seen[1]);
            assert!(seen[1] != seen[2] && seen[2] != seen[3] && seen[1] != seen[3], "{seen:?}");
        }
    }

    #[test]
    fn wakers_of_this_process_have_identities() {
        struct Task;
        impl Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        let (one, two) = (Waker::from(Arc::new(Task)), Waker::from(Arc::new(Task)));
        assert!(WakerId::of(&one).is_known());
        assert!(
            WakerId::of(&one).identifies(&one)
                && !WakerId::of(&one).identifies(&two)
                && !WakerId::default().identifies(&one)
        );
        assert_eq!(WakerId::of(&one), WakerId::of(&one.clone()));
        assert_ne!(WakerId::of(&one), WakerId::of(&two));
    }
}
