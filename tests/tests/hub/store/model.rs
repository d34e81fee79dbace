//! Two hubs on one key of a store are compared with the list of all events: subscriptions that begin anywhere and at any moment receive
//! consecutive events of the list, or one gap where there must be one.

use std::time::Duration;

use sse_typed::{
    EventId, LastEventId,
    event::GapReason,
    hub::{Block, EventLog, EventStore, Hub, LogOptions, MemoryStore, Retention, Start},
};
use tokio::{task::yield_now, time::sleep};

use super::test_store::{TestStore, TestStoreLog};
use crate::common::{Feed, Reader};

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn size(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }
}

/// The events of the key, by their numbers. `Tick(n)` is the `n`th of them.
#[derive(Default)]
struct List {
    ids: Vec<EventId>,
    /// The number of the first event since the key was last removed.
    begin: u64,
}

struct Visitor {
    reader: Reader,
    hub: usize,
    /// The number that comes next. Not known for a subscription that has received nothing yet.
    next: Option<u64>,
    /// The next number is at least this.
    least: u64,
    /// The next number is at most this, if there is no gap.
    most: u64,
    /// The key was removed, or events may have been trimmed, since it has received something.
    may_have_gap: bool,
    seen: usize,
    /// What its hub publishes is not before its begin.
    is_live: bool,
    /// How often the key was removed, without a gap since.
    removals: u32,
}

struct Model {
    store: TestStore,
    hubs: [Option<Hub<Feed, TestStoreLog>>; 2],
    memory: usize,
    list: List,
    /// All events before this number were published some time ago: no live start begins with them.
    quiet: u64,
    /// The key was removed since. A hub may not have read that yet.
    is_removed: bool,
    visitors: Vec<Visitor>,
    retained: u64,
    case: u64,
}

impl Model {
    fn new(case: u64, random: &mut Random) -> Self {
        let retained = [8, 40, 100_000][random.size(3)];
        let store = MemoryStore::new(LogOptions::new().retain(Retention::events(retained)));
        let store = if random.below(3) == 0 { TestStore::new(store) } else { TestStore::slow_and_failing(store) };
        let memory = [1, 4, 64, 1024][random.size(4)];
        Self {
            store,
            hubs: [None, None],
            memory,
            list: List::default(),
            quiet: 0,
            is_removed: false,
            visitors: Vec::new(),
            retained: retained as u64,
            case,
        }
    }

    fn hub(&mut self, n: usize) -> &Hub<Feed, TestStoreLog> {
        let (store, memory) = (&self.store, self.memory);
        self.hubs[n]
            .get_or_insert_with(|| Hub::builder().retain(Retention::events(memory)).build_on(store.log("hubs/a")))
    }

    fn head(&self) -> u64 {
        self.list.ids.len() as u64
    }

    /// The number of the oldest retained event.
    fn oldest(&self) -> u64 {
        self.head().saturating_sub(self.retained).max(self.list.begin)
    }

    async fn publish(&mut self, by: usize) {
        let n = self.head();
        let id = if by < 2 {
            self.hub(by);
            // The call that begins the ring may fail.
            loop {
                match self.hub(by).publish(&Feed::Tick(n)).await {
                    Ok(id) => break id,
                    Err(error) => assert!(error.is_log(), "{error}"),
                }
            }
        } else {
            let block = Block::new(format!("event: tick\ndata: {n}\n\n"), false).unwrap();
            self.store.log("hubs/a").append(&block).await.unwrap()
        };
        self.list.ids.push(id);
        let oldest = self.oldest();
        for visitor in &mut self.visitors {
            visitor.may_have_gap |= visitor.next.unwrap_or(visitor.least) < oldest;
            if visitor.is_live && visitor.hub == by {
                visitor.most = visitor.most.min(n);
            }
        }
    }

    fn subscribe(&mut self, random: &mut Random) {
        let (head, oldest, hub) = (self.head(), self.oldest(), random.size(2));
        let (start, next, least, most) = match random.below(5) {
            0 | 1 => (Start::Live, None, self.quiet, u64::MAX),
            2 => (Start::Earliest, None, oldest, head),
            3 => {
                let n = random.below(20);
                // It may begin with what a live start begins with.
                (Start::Last(n), None, head.saturating_sub(n).max(oldest).min(self.quiet), u64::MAX)
            }
            _ if head == 0 => return,
            _ => {
                let n = random.below(head);
                (LastEventId::from(self.list.ids[n as usize].clone()).into(), Some(n + 1), n + 1, n + 1)
            }
        };
        let begin = self.list.begin;
        let is_live = matches!(start, Start::Live | Start::Last(_));
        let reader = Reader::at(self.hub(hub), start);
        // An old id of a key that was removed is a gap.
        let may_have_gap = self.is_removed || least < oldest || next.is_some_and(|next| next <= begin);
        self.visitors.push(Visitor { reader, hub, next, least, most, may_have_gap, seen: 0, is_live, removals: 0 });
    }

    fn read(&mut self, of: usize) {
        let (head, oldest, begin, case) = (self.head(), self.oldest(), self.list.begin, self.case);
        let visitor = &mut self.visitors[of];
        let (events, is_open) = visitor.reader.read();
        assert!(is_open, "case {case}: it goes on");
        for (event, id) in events {
            visitor.seen += 1;
            match event {
                Feed::Tick(n) => {
                    assert_eq!(id, self.list.ids[n as usize].as_str(), "case {case}");
                    match visitor.next {
                        Some(next) => assert_eq!(n, next, "case {case}: the next event, visitor {of}"),
                        None => assert!(
                            (visitor.least..=visitor.most).contains(&n) || visitor.may_have_gap && n > visitor.most,
                            "case {case}: {n} in {}..={}, visitor {of}",
                            visitor.least,
                            visitor.most
                        ),
                    }
                    visitor.next = Some(n + 1);
                    visitor.least = n + 1;
                }
                Feed::Missed(gap) => {
                    assert!(visitor.may_have_gap, "case {case}: {gap:?} before {:?}, visitor {of}", visitor.next);
                    assert!(gap.reason != GapReason::UnknownId || begin > 0, "case {case}");
                    // The id of the gap is the position after it.
                    let known = self.list.ids.iter().position(|known| known.as_str() == id);
                    visitor.next = known.map(|known| known as u64 + 1);
                    let least = visitor.next.unwrap_or(begin);
                    assert!(least >= visitor.least.min(begin), "case {case}: backwards");
                    (visitor.least, visitor.most, visitor.is_live) = (least, u64::MAX, false);
                    // More may be trimmed since.
                    visitor.removals = visitor.removals.saturating_sub(1);
                    visitor.may_have_gap = least < oldest || visitor.removals > 0;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(visitor.least <= head, "case {case}");
    }

    async fn settle(&mut self) {
        for _ in 0..4 {
            for _ in 0..60 {
                for of in 0..self.visitors.len() {
                    self.read(of);
                }
                for _ in 0..4 {
                    yield_now().await;
                }
            }
            // Failed reads are repeated.
            sleep(Duration::from_secs(6)).await;
        }
    }

    async fn remove(&mut self) {
        self.store.remove("hubs/a").await.unwrap();
        self.list.begin = self.head();
        self.is_removed = true;
        for visitor in &mut self.visitors {
            visitor.may_have_gap = true;
            visitor.removals += 1;
        }
    }

    async fn step(&mut self, random: &mut Random) {
        match random.below(40) {
            0..16 => {
                let by = random.size(3);
                for _ in 0..=random.below(4) {
                    self.publish(by).await;
                }
            }
            16..22 => self.subscribe(random),
            22..27 if !self.visitors.is_empty() => {
                let of = random.size(self.visitors.len());
                self.read(of);
            }
            27..30 if !self.visitors.is_empty() => {
                let of = random.size(self.visitors.len());
                self.visitors.swap_remove(of);
            }
            30..35 => {
                for _ in 0..random.below(30) {
                    yield_now().await;
                }
            }
            // Around the moment at which a hub becomes dormant.
            35 => {
                self.visitors.clear();
                sleep(Duration::from_millis(4_990 + random.below(20))).await;
                (self.quiet, self.is_removed) = (self.head(), false);
            }
            36 => {
                // In the middle of a read, or not.
                self.store.controls.holds_reads.send_replace(random.below(2) == 0);
                self.publish(2).await;
                for _ in 0..20 {
                    yield_now().await;
                }
                self.visitors.clear();
                sleep(Duration::from_secs(5)).await;
                self.store.controls.holds_reads.send_replace(false);
                (self.quiet, self.is_removed) = (self.head(), false);
                self.subscribe(random);
            }
            37 => sleep(Duration::from_millis(random.below(300))).await,
            38 if random.below(4) == 0 => self.remove().await,
            39 if random.below(4) == 0 => {
                let hub = random.size(2);
                self.visitors.retain(|visitor| visitor.hub != hub);
                self.hubs[hub] = None;
            }
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_two_hubs_receive_consecutive_events_or_one_gap() {
    let mut seen = 0;
    for case in 1..=200_u64 {
        let mut random = Random(case.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut model = Model::new(case, &mut random);
        for _ in 0..120 {
            model.step(&mut random).await;
        }
        model.settle().await;
        // Everybody receives everything: none is left waiting.
        model.publish(2).await;
        model.settle().await;
        for (of, visitor) in model.visitors.iter().enumerate() {
            assert_eq!(visitor.next, Some(model.head()), "case {case}: visitor {of} has the newest event");
            seen += visitor.seen;
        }
    }
    assert!(seen > 5_000, "{seen}");
}
