use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    task::Waker,
};

/// The place of one waiting task in a [`WakeQueue`](super::WakeQueue), or no place yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ticket {
    /// Never given twice. Zero is no place.
    pub(super) number: u64,
    /// Identifies the registered waker.
    pub(super) waker: WakerId,
}

impl Ticket {
    /// Whether there has ever been a place.
    pub(crate) const fn was_given(&self) -> bool {
        self.number > 0
    }
}

/// How far a queue has been woken, readable without its lock.
#[derive(Debug, Default)]
pub(crate) struct WakeEpoch {
    /// The number of the first place that was not woken.
    first: AtomicU64,
}

impl WakeEpoch {
    pub(super) fn set_first(&self, first: u64) {
        self.first.store(first, Ordering::Release);
    }

    /// Whether this waker is registered under the ticket and was not woken yet. False if unknown: then ask the queue.
    ///
    /// The place may be about to be woken by another thread. The task is then woken after this call and polls again, so what
    /// it does not see now it sees then.
    #[inline]
    pub(crate) fn is_registered(&self, ticket: Ticket, waker: &Waker) -> bool {
        ticket.waker.is_known()
            && ticket.number >= self.first.load(Ordering::Acquire)
            && ticket.waker == WakerId::of(waker)
    }
}

/// Which waker it is, in one word. As long as the waker lives, no other waker has the same identity.
///
/// A waker is an address and a table of functions. A process has few tables, one for each kind of task, so the word is the
/// address with the number of its table in the three lowest bits, which are zero in addresses of aligned data. Zero is "not
/// known": the address is not aligned, or the process has more than seven tables. Such a waker is registered under the lock
/// at each poll instead, which is slower and no less correct.
///
/// A subscription is 40 bytes; the table beside the address would make it 48.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WakerId(usize);

/// The lowest bits of an address, which hold the number of the table.
const TABLE_BITS: usize = 0b111;

/// The tables of functions seen first in this process. A slot is set once.
static TABLES: [AtomicUsize; TABLE_BITS] = [const { AtomicUsize::new(0) }; TABLE_BITS];

impl WakerId {
    #[inline]
    pub(super) fn of(waker: &Waker) -> Self {
        Self::in_tables(&TABLES, waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
    }

    #[inline]
    fn in_tables(tables: &[AtomicUsize; TABLE_BITS], address: usize, table: usize) -> Self {
        if address & TABLE_BITS != 0 {
            return Self::default();
        }
        for (number, known) in (1..).zip(tables) {
            // A slot never changes once it is set, and holds nothing but its own value: no ordering is needed.
            let known = match known.load(Ordering::Relaxed) {
                0 => match known.compare_exchange(0, table, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => table,
                    Err(other) => other,
                },
                known => known,
            };
            if known == table {
                return Self(address | number);
            }
        }
        Self::default()
    }

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

    type Tables = [AtomicUsize; TABLE_BITS];

    fn tables() -> Tables {
        [const { AtomicUsize::new(0) }; TABLE_BITS]
    }

    #[test]
    fn a_waker_is_identified_whichever_kind_of_task_came_first() {
        let tables = tables();
        let id = |address, table| WakerId::in_tables(&tables, address, table);
        let mut seen = Vec::new();
        for table in [0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700] {
            for address in [0, 0x1000, 0x1008] {
                let it = id(address, table);
                assert!(it.is_known(), "{address:x} {table:x}");
                assert!(!seen.contains(&it), "{address:x} {table:x}");
                seen.push(it);
            }
        }
        // They stay what they are.
        assert_eq!(id(0x1000, 0x100), seen[1]);
        assert_eq!(id(0x1008, 0x700), seen[20]);
    }

    #[test]
    fn a_waker_without_an_identity_is_taken_for_no_other() {
        let tables = tables();
        for table in 1..=TABLE_BITS {
            assert!(WakerId::in_tables(&tables, 0x1000, table).is_known());
        }
        assert!(!WakerId::in_tables(&tables, 0x1000, 0x800).is_known(), "one table too many");
        for odd in 1..=TABLE_BITS {
            assert!(!WakerId::in_tables(&tables, 0x1000 + odd, 1).is_known(), "an address that is not aligned");
        }
        let epoch = WakeEpoch::default();
        assert!(!epoch.is_registered(Ticket { number: 1, waker: WakerId::default() }, Waker::noop()));
    }

    #[test]
    fn threads_that_bring_new_kinds_at_once_agree() {
        for _ in 0..200 {
            let (tables, barrier) = (tables(), Barrier::new(4));
            let ids = |table| {
                barrier.wait();
                let first = WakerId::in_tables(&tables, 0x1000, table);
                assert_eq!(first, WakerId::in_tables(&tables, 0x1000, table));
                first
            };
            let seen: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = [1, 1, 2, 3].map(|table| scope.spawn(move || ids(table))).into();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(seen[0], seen[1]);
            assert!(seen[1] != seen[2] && seen[2] != seen[3] && seen[1] != seen[3], "{seen:?}");
        }
    }

    #[test]
    fn tasks_of_this_process_have_identities() {
        struct Task;
        impl Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        let (one, two) = (Waker::from(Arc::new(Task)), Waker::from(Arc::new(Task)));
        assert!(WakerId::of(&one).is_known());
        assert_eq!(WakerId::of(&one), WakerId::of(&one.clone()));
        assert_ne!(WakerId::of(&one), WakerId::of(&two));
    }
}
