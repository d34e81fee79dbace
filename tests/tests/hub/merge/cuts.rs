//! A client whose connection is cut at any byte, and whose parts are added and removed, receives the events of each
//! part once and in order, or a gap.

use std::{collections::BTreeMap, task::Poll};

use futures_util::Stream;
use proptest::{collection::vec, prelude::*};
use sse_typed::{
    Merge,
    hub::{Hub, Retention},
};

use super::{Client, wire};
use crate::common::{Feed, hub, poll};

const PARTS: usize = 4;
/// The number of events that a hub retains.
const KEPT: usize = 5;

#[derive(Clone, Debug)]
enum Step {
    Publish(usize, u8),
    Close(usize, bool),
    Read(u8),
    /// The connection is cut within the next item, at this fraction of it in 256ths. The client reconnects with these
    /// parts.
    Cut(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..PARTS, 1..4_u8).prop_map(|(part, count)| Step::Publish(part, count)),
        // A burst of more events than are retained.
        1 => (0..PARTS, 6..9_u8).prop_map(|(part, count)| Step::Publish(part, count)),
        1 => (0..PARTS, any::<bool>()).prop_map(|(part, last)| Step::Close(part, last)),
        4 => (1..4_u8).prop_map(Step::Read),
        3 => (any::<u8>(), 1..16_u8).prop_map(|(at, parts)| Step::Cut(at, parts)),
    ]
}

/// What a client knows of each part: the number of the last event that it has received, or that a gap has counted.
type Known = BTreeMap<usize, u64>;

struct Room {
    hub: Hub<Feed>,
    head: u64,
    closed: bool,
}

struct World {
    rooms: Vec<Room>,
    merge: Merge<Feed>,
    client: Client,
    /// From this connection.
    known: Known,
    /// From the last event ID.
    kept: Known,
    /// Parts that were over when the client came without an id: they have no position, and are over again.
    over: Vec<usize>,
}

/// The number of an event, and its part.
fn value(part: usize, n: u64) -> u64 {
    part as u64 * 1_000_000 + n
}

impl World {
    fn new() -> Self {
        let room = |_| Room { hub: hub(Retention::events(KEPT)), head: 0, closed: false };
        let rooms = (0..PARTS).map(room).collect();
        let mut world = Self {
            rooms,
            merge: Merge::new(sse_typed::LastEventId::none()),
            client: Client::new(),
            known: Known::new(),
            kept: Known::new(),
            over: Vec::new(),
        };
        world.connect(0b0111);
        world
    }

    /// With the parts whose bits are set.
    fn connect(&mut self, parts: u8) {
        self.client.cut();
        self.merge = Merge::new(self.client.id());
        self.known.clear();
        self.over.clear();
        for (part, room) in self.rooms.iter().enumerate().filter(|(part, _)| parts & 1 << part != 0) {
            let merge = std::mem::replace(&mut self.merge, Merge::new(sse_typed::LastEventId::none()));
            let mut is_new = false;
            self.merge = merge.add(&format!("p{part}"), |id| {
                is_new = id.is_none();
                room.hub.subscribe(id)
            });
            let known = self.kept.get(&part).copied();
            assert_eq!(is_new, known.is_none(), "there is a position for each part of the connection");
            self.known.insert(part, known.unwrap_or(room.head));
            if is_new && room.closed {
                self.over.push(part);
            }
        }
        if self.merge.size_hint() == (0, Some(0)) {
            self.check_all();
        }
    }

    fn publish(&mut self, part: usize, count: u8) {
        let room = &mut self.rooms[part];
        for _ in 0..if room.closed { 0 } else { count } {
            room.head += 1;
            room.hub.publish_now(&Feed::Tick(value(part, room.head))).unwrap();
        }
    }

    fn close(&mut self, part: usize, last: bool) {
        let room = &mut self.rooms[part];
        if !std::mem::replace(&mut room.closed, true) {
            room.head += u64::from(last);
            room.hub.close_now(last.then_some(Feed::Tick(value(part, room.head)))).unwrap();
        }
    }

    /// Reads one item, or its bytes before a cut. False if there is none.
    fn read(&mut self, cut: Option<u8>) -> bool {
        let item = match poll(&mut self.merge) {
            Poll::Pending => return false,
            Poll::Ready(None) => {
                self.check_all();
                return false;
            }
            Poll::Ready(Some(item)) => item,
        };
        let mut bytes = wire(&item);
        if let Some(cut) = cut {
            bytes.truncate(bytes.len() * usize::from(cut) / 256);
        }
        for (event, id) in self.client.feed_with_ids::<Feed>(bytes) {
            self.check(&event);
            assert!(id.starts_with('*'));
            self.keep();
        }
        true
    }

    /// Checks the id that the client has after an event.
    fn keep(&mut self) {
        self.kept.clone_from(&self.known);
        self.kept.retain(|part, _| !self.over.contains(part));
    }

    fn check(&mut self, event: &Feed) {
        match event {
            Feed::Tick(value) => {
                let part = usize::try_from(value / 1_000_000).unwrap();
                let known = self.known.get_mut(&part).unwrap();
                assert_eq!(value % 1_000_000, *known + 1, "a hole or a duplicate in part {part}");
                *known += 1;
            }
            Feed::Missed(gap) => {
                let part: usize = gap.part.unwrap().as_str()[1..].parse().unwrap();
                let missed = gap.missed.unwrap();
                assert!(missed > 0, "a gap misses at least one event");
                *self.known.get_mut(&part).unwrap() += missed;
            }
            other => panic!("{other:?}"),
        }
    }

    /// Checks that the client has all events of the parts of its connection.
    fn check_all(&self) {
        for (part, known) in &self.known {
            assert_eq!(*known, self.rooms[*part].head, "part {part}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_event_of_each_part_is_received_once_or_counted_by_a_gap(steps in vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Publish(part, count) => world.publish(part, count),
                Step::Close(part, last) => world.close(part, last),
                Step::Read(items) => for _ in 0..items { world.read(None); },
                Step::Cut(at, parts) => {
                    world.read(Some(at));
                    world.connect(parts);
                }
            }
        }
        while world.read(None) {}
        world.check_all();
        // And again after reconnecting.
        world.connect(0b1111);
        while world.read(None) {}
        world.check_all();
    }
}

/// At each byte of slices of several events.
#[test]
fn a_cut_at_any_byte_of_a_block_neither_loses_nor_duplicates_events() {
    let total = {
        let mut world = world_of_two_slices();
        [(); 2].map(|()| match poll(&mut world.merge) {
            Poll::Ready(Some(item)) => wire(&item).len(),
            other => panic!("{other:?}"),
        })
    };
    for at in 0..=total[0] + total[1] {
        let mut world = world_of_two_slices();
        let mut left = at;
        for _ in 0..2 {
            let Poll::Ready(Some(item)) = poll(&mut world.merge) else { panic!("there is no item") };
            let mut bytes = wire(&item);
            bytes.truncate(left);
            left -= bytes.len();
            for (event, _) in world.client.feed_with_ids::<Feed>(bytes) {
                world.check(&event);
                world.keep();
            }
        }
        world.connect(0b0111);
        while world.read(None) {}
        world.check_all();
    }
}

/// A client that has an id already.
fn world_of_two_slices() -> World {
    let mut world = World::new();
    world.publish(2, 1);
    assert!(world.read(None));
    world.publish(0, 3);
    world.publish(1, 3);
    world
}
