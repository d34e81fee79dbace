use proptest::prelude::*;

use super::*;
use crate::hub::id::Ends;

const BLOCK: &[u8] = b"data: 1\n\n";

fn ring(retention: Retention) -> Ring {
    Ring::new(retention, Names::Numbered(Epoch::random()))
}

#[derive(Clone, Debug)]
enum Step {
    Push { size: usize, terminal: bool },
    Read { place: u64 },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![9 => 0..200_usize, 1 => SEGMENT - 40..SEGMENT * 2];
    let step = prop_oneof![
        4 => (size, prop::bool::weighted(0.1)).prop_map(|(size, terminal)| Step::Push { size, terminal }),
        3 => (0..80_u64).prop_map(|place| Step::Read { place }),
        1 => (0..5_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

fn retention() -> impl Strategy<Value = Retention> {
    (1..40_usize, 0..SEGMENT * 3, prop::option::of(0..20_u64)).prop_map(|(events, bytes, age)| {
        let retention = Retention::events(events).bytes(bytes);
        age.map_or(retention, |age| retention.age(Duration::from_secs(age)))
    })
}

proptest! {
    /// The same as a list of all that was ever published, of which the newest are kept.
    #[test]
    fn a_ring_is_the_end_of_a_list(retention in retention(), steps in steps()) {
        let mut ring = ring(retention);
        let mut list: Vec<(Vec<u8>, bool, Duration)> = Vec::new();
        let mut kept = 0;
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Push { size, terminal } => {
                    let block = [b"data: ".to_vec(), vec![b'x'; size], b"\n\n".to_vec()].concat();
                    let Pushed { number: n, id } = ring.push(None, &block, Ends::of(terminal), now);
                    prop_assert_eq!(id.to_string(), format!("{}{}", ring.id(n), if terminal { "!" } else { "" }));
                    list.push(([format!("id: {id}\n").into_bytes(), block].concat(), terminal, now));
                    prop_assert_eq!(n, list.len() as u64);
                }
                Step::Read { place } => {
                    ring.trim(now);
                    let place = place.min(list.len() as u64);
                    let index = usize::try_from(place).unwrap();
                    match ring.read(place) {
                        Read::Nothing => prop_assert_eq!(index, list.len()),
                        Read::Behind(oldest) => {
                            prop_assert_eq!(oldest, ring.oldest());
                            prop_assert!(place < oldest);
                        }
                        Read::Run(run) => {
                            prop_assert_eq!(run.first, place + 1);
                            let last = usize::try_from(run.last).unwrap();
                            let expected: Vec<u8> =
                                list[index..last].iter().flat_map(|(bytes, ..)| bytes.clone()).collect();
                            prop_assert!(run.bytes() == expected);
                            prop_assert_eq!(run.ends_stream(), list[last - 1].1);
                            prop_assert!(!list[index..last - 1].iter().any(|(_, terminal, _)| *terminal));
                            let id = format!("id: {}\n", run.last_id());
                            prop_assert!(list[last - 1].0.starts_with(id.as_bytes()));
                        }
                    }
                }
            }
            // What is kept is what the retention says, of the list as it is now.
            ring.trim(now);
            while kept < list.len() {
                let bytes: usize = list[kept..].iter().map(|(bytes, ..)| bytes.len()).sum();
                let over = list.len() - kept > retention.events || bytes > retention.bytes && list.len() - kept > 1;
                let old = retention.age.is_some_and(|age| now - list[kept].2 > age);
                if !over && !old {
                    break;
                }
                kept += 1;
            }
            let bytes: usize = list[kept..].iter().map(|(bytes, ..)| bytes.len()).sum();
            prop_assert_eq!((ring.len(), ring.bytes()), (list.len() - kept, bytes));
            prop_assert_eq!((ring.oldest(), ring.head()), (kept as u64, list.len() as u64));
            // One piece at each end may hold more than is kept.
            let held = ring.open.len() + ring.segments.iter().map(|segment| segment.bytes.len()).sum::<usize>();
            prop_assert!(held <= bytes + SEGMENT * 4, "{held} of {bytes}");
        }
    }
}

#[test]
fn a_burst_that_nobody_has_read_is_one_slice_and_everybodys() {
    let mut ring = ring(Retention::default());
    for _ in 0..16 {
        ring.push(None, BLOCK, Ends::default(), Duration::ZERO);
    }
    let (Read::Run(one), Read::Run(other), Read::Run(late)) = (ring.read(0), ring.read(0), ring.read(10)) else {
        panic!("there is something to read");
    };
    assert_eq!((one.first, one.last), (1, 16));
    assert_eq!(one.segment.bytes.as_ptr(), other.segment.bytes.as_ptr());
    assert_eq!((late.first, late.last, late.segment.bytes.as_ptr()), (11, 16, one.segment.bytes.as_ptr()));
}

#[test]
fn a_segment_is_closed_as_soon_as_it_has_its_size() {
    for missing in [1, 0] {
        let mut ring = Ring::new(Retention::default(), Names::given(EventId::new("base").unwrap()));
        let block = vec![b'x'; SEGMENT - "id: a\n".len() - missing];
        ring.push(Some(EventId::new("a").unwrap()), &block, Ends::default(), Duration::ZERO);
        assert_eq!(ring.segments.len(), 1 - missing);
    }
}

#[test]
fn names_that_another_log_gives_lead_back_to_their_places() {
    let base = EventId::new("base").unwrap();
    let mut ring = Ring::new(Retention::events(2), Names::given(base));
    assert_eq!((ring.find("base"), ring.id(0).as_str().to_owned()), (Some(0), "base".to_owned()));
    for name in ["a", "b", "c"] {
        ring.push(Some(EventId::new(name).unwrap()), BLOCK, Ends::of(name == "c"), Duration::ZERO);
    }
    assert_eq!(ring.find("base"), None);
    assert_eq!([ring.find("a"), ring.find("b"), ring.find("c")], [Some(1), Some(2), Some(3)]);
    assert_eq!((ring.id(1).as_str(), ring.id(3).as_str()), ("a", "c"));
    let Read::Run(run) = ring.read(1) else { panic!("there is something to read") };
    assert_eq!(run.bytes(), b"id: b\ndata: 1\n\nid: c!\ndata: 1\n\n");
    assert_eq!(run.last_id().as_str(), "c!");
}

#[test]
fn a_name_that_is_given_twice_leads_to_its_newest_event_as_long_as_that_is_kept() {
    let id = |name: &str| EventId::new(name).unwrap();
    let mut ring = Ring::new(Retention::events(3), Names::given(id("base")));
    for name in ["a", "b", "a", "c"] {
        ring.push(Some(id(name)), BLOCK, Ends::default(), Duration::ZERO);
    }
    assert_eq!((ring.oldest(), ring.find("a")), (1, Some(3)), "the first of them is let go");
    for name in ["d", "e", "f"] {
        ring.push(Some(id(name)), BLOCK, Ends::default(), Duration::ZERO);
    }
    assert_eq!((ring.oldest(), ring.find("a"), ring.find("c")), (4, None, Some(4)));
}

#[test]
fn behind_a_hole_in_the_log_no_earlier_place_is_in_the_ring() {
    let id = |name: &str| EventId::new(name).unwrap();
    let mut ring = Ring::new(Retention::default(), Names::given(id("?")));
    ring.rebase(id("base"));
    assert_eq!((ring.find("base"), ring.head()), (Some(0), 0), "where it begins, nothing was before");
    ring.push(Some(id("a")), BLOCK, Ends::default(), Duration::ZERO);
    ring.rebase(id("far"));
    let far = ring.find("far").unwrap();
    assert_eq!((ring.find("a"), ring.len(), ring.bytes()), (None, 0, 0));
    // Who was at the head is behind a hole now.
    assert!(matches!(ring.read(1), Read::Behind(oldest) if oldest == far && far > 1));
    ring.push(Some(id("b")), BLOCK, Ends::default(), Duration::ZERO);
    let Read::Run(run) = ring.read(far) else { panic!("there is something to read") };
    assert_eq!((run.bytes(), run.last), (&b"id: b\ndata: 1\n\n"[..], far + 1));
    assert!(matches!(ring.read(1), Read::Behind(_)));
}

/// A ring that holds events for a second, with names of its own or of another log.
fn rings_of_a_second() -> [Ring; 2] {
    let retention = Retention::events(usize::MAX).bytes(usize::MAX).age(Duration::from_secs(1));
    [ring(retention), Ring::new(retention, Names::given(EventId::new("base").unwrap()))]
}

/// Appends an event, under a name of its own where another log gives them.
fn push(ring: &mut Ring, block: &[u8], now: Duration) {
    let name = EventId::from(ring.head() + 1);
    let name = matches!(ring.names, Names::Given { .. }).then_some(name);
    ring.push(name, block, Ends::default(), now);
}

/// What a ring has allocated besides its segments, in bytes.
fn room(ring: &Ring) -> usize {
    let names = match &ring.names {
        Names::Numbered(_) => 0,
        Names::Given { ids, numbers, .. } => {
            ids.capacity() * size_of::<EventId>() + numbers.capacity() * size_of::<(EventId, u64)>()
        }
    };
    let pointers = ring.segments.capacity() + ring.gone.capacity();
    ring.entries.capacity() * size_of::<Entry>() + pointers * size_of::<usize>() + ring.open.capacity() + names
}

#[test]
fn the_room_of_events_that_are_gone_is_given_back() {
    for mut ring in rings_of_a_second() {
        for _ in 0..50_000 {
            push(&mut ring, BLOCK, Duration::ZERO);
            // It is read at once, so each event is a segment.
            let _ = ring.read(ring.head() - 1);
        }
        assert!(room(&ring) > 1 << 20);
        push(&mut ring, BLOCK, Duration::from_secs(2));
        assert_eq!(ring.len(), 1);
        let room = room(&ring);
        assert!(room < 16 << 10, "{room} bytes for one event");
    }
}

#[test]
fn the_room_of_what_another_log_no_longer_has_is_given_back() {
    let [_, mut ring] = rings_of_a_second();
    for _ in 0..50_000 {
        push(&mut ring, BLOCK, Duration::ZERO);
        let _ = ring.read(ring.head() - 1);
    }
    ring.rebase(EventId::new("far").unwrap());
    ring.gone = Vec::new();
    let room = room(&ring);
    assert!(room < 16 << 10, "{room} bytes for no event");
}

#[test]
fn an_empty_ring_keeps_no_room_of_a_burst() {
    for is_read in [false, true] {
        let [mut ring, _] = rings_of_a_second();
        push(&mut ring, &[b'x'; SEGMENT - 100], Duration::ZERO);
        if is_read {
            let _ = ring.read(0);
        }
        ring.trim(Duration::from_secs(2));
        let room = room(&ring);
        assert!(ring.len() == 0 && room < 4 << 10, "{room} bytes, read: {is_read}");
    }
}

#[test]
fn the_buffer_of_a_burst_shrinks_when_only_small_events_come() {
    let mut ring = ring(Retention::events(16));
    push(&mut ring, &[b'x'; SEGMENT - 100], Duration::ZERO);
    for _ in 0..16 {
        let _ = ring.read(ring.head() - 1);
        push(&mut ring, BLOCK, Duration::ZERO);
    }
    assert!(ring.open.capacity() <= 4 << 10, "{} bytes", ring.open.capacity());
}

#[test]
fn a_count_that_swings_does_not_move_the_room() {
    for mut ring in rings_of_a_second() {
        let mut now = Duration::ZERO;
        let mut rooms = Vec::new();
        for round in 0..100 {
            now += Duration::from_millis(600);
            // Rounds of 1,000 and of 400 events, of which two are kept at a time.
            for _ in 0..if round % 2 == 0 { 1_000 } else { 400 } {
                push(&mut ring, BLOCK, now);
            }
            if round >= 10 {
                let names = if let Names::Given { ids, .. } = &ring.names { ids.capacity() } else { 0 };
                rooms.push((ring.entries.capacity(), names));
            }
        }
        rooms.dedup();
        assert_eq!(rooms.len(), 1, "{rooms:?}");
    }
}
