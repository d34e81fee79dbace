use proptest::prelude::*;

use super::*;

const BLOCK: &[u8] = b"data: 1\n\n";

fn ring(retention: Retention) -> Ring {
    Ring::new(retention, RingIds::numbered())
}

#[derive(Clone, Debug)]
enum Step {
    Push { size: usize, terminal: bool },
    Read { position: u64 },
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let size = prop_oneof![9 => 0..200_usize, 1 => SEGMENT_SIZE - 40..SEGMENT_SIZE * 2];
    let step = prop_oneof![
        4 => (size, prop::bool::weighted(0.1)).prop_map(|(size, terminal)| Step::Push { size, terminal }),
        3 => (0..80_u64).prop_map(|position| Step::Read { position }),
        1 => (0..5_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

fn retention() -> impl Strategy<Value = Retention> {
    (1..40_usize, 0..SEGMENT_SIZE * 3, prop::option::of(0..20_u64)).prop_map(|(events, bytes, age)| {
        let retention = Retention::events(events).bytes(bytes);
        age.map_or(retention, |age| retention.age(Duration::from_secs(age)))
    })
}

proptest! {
    /// A ring behaves like a list of all published events of which the newest are retained.
    #[test]
    fn a_ring_behaves_like_the_end_of_a_list(retention in retention(), steps in steps()) {
        let mut ring = ring(retention);
        let mut list: Vec<(Vec<u8>, bool, Duration)> = Vec::new();
        let mut retained = 0;
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Wait(seconds) => now += Duration::from_secs(seconds),
                Step::Push { size, terminal } => {
                    let block = [b"data: ".to_vec(), vec![b'x'; size], b"\n\n".to_vec()].concat();
                    let PushedEvent { number: n, id } = ring.push(None, &block, EndFlags::terminal(terminal), now);
                    prop_assert_eq!(id.to_string(), format!("{}{}", ring.id(n), if terminal { "!" } else { "" }));
                    list.push(([format!("id: {id}\n").into_bytes(), block].concat(), terminal, now));
                    prop_assert_eq!(n, list.len() as u64);
                }
                Step::Read { position } => {
                    ring.trim(now);
                    let position = position.min(list.len() as u64);
                    let index = usize::try_from(position).unwrap();
                    match ring.read(position) {
                        RingRead::Empty => prop_assert_eq!(index, list.len()),
                        RingRead::Trimmed(oldest) => {
                            prop_assert_eq!(oldest, ring.oldest());
                            prop_assert!(position < oldest);
                        }
                        RingRead::Slice(slice) => {
                            prop_assert_eq!(slice.first, position + 1);
                            let last = usize::try_from(slice.last).unwrap();
                            let expected: Vec<u8> =
                                list[index..last].iter().flat_map(|(bytes, ..)| bytes.clone()).collect();
                            prop_assert!(slice.bytes() == expected);
                            prop_assert_eq!(slice.ends_stream(), list[last - 1].1);
                            prop_assert!(!list[index..last - 1].iter().any(|(_, terminal, _)| *terminal));
                            let id = format!("id: {}\n", slice.last_id());
                            prop_assert!(list[last - 1].0.starts_with(id.as_bytes()));
                        }
                    }
                }
            }
            // The retained events are those of the list within the limits now.
            ring.trim(now);
            while retained < list.len() {
                let bytes: usize = list[retained..].iter().map(|(bytes, ..)| bytes.len()).sum();
                let over = list.len() - retained > retention.events || bytes > retention.bytes && list.len() - retained > 1;
                let old = retention.age.is_some_and(|age| now - list[retained].2 > age);
                if !over && !old {
                    break;
                }
                retained += 1;
            }
            let bytes: usize = list[retained..].iter().map(|(bytes, ..)| bytes.len()).sum();
            prop_assert_eq!((ring.len(), ring.bytes()), (list.len() - retained, bytes));
            prop_assert_eq!((ring.oldest(), ring.head()), (retained as u64, list.len() as u64));
            // The first and the last segment may hold more bytes than the retained events.
            let held = ring.open.len() + ring.segments.iter().map(|segment| segment.bytes.len()).sum::<usize>();
            prop_assert!(held <= bytes + SEGMENT_SIZE * 4, "{held} of {bytes}");
        }
    }
}

#[test]
fn a_burst_that_nobody_has_read_is_one_slice_for_all_readers() {
    let mut ring = ring(Retention::default());
    for _ in 0..16 {
        ring.push(None, BLOCK, EndFlags::default(), Duration::ZERO);
    }
    let (RingRead::Slice(one), RingRead::Slice(other), RingRead::Slice(late)) =
        (ring.read(0), ring.read(0), ring.read(10))
    else {
        panic!("there is something to read");
    };
    assert_eq!((one.first, one.last), (1, 16));
    assert_eq!(one.segment.bytes.as_ptr(), other.segment.bytes.as_ptr());
    assert_eq!((late.first, late.last, late.segment.bytes.as_ptr()), (11, 16, one.segment.bytes.as_ptr()));
}

#[test]
fn a_segment_is_closed_as_soon_as_it_reaches_its_size() {
    for missing in [1, 0] {
        let mut ring = Ring::new(Retention::default(), RingIds::from_log(EventId::new("base").unwrap()));
        let block = vec![b'x'; SEGMENT_SIZE - "id: a\n".len() - missing];
        ring.push(Some(EventId::new("a").unwrap()), &block, EndFlags::default(), Duration::ZERO);
        assert_eq!(ring.segments.len(), 1 - missing);
    }
}

#[test]
fn ids_of_a_log_elsewhere_lead_back_to_their_positions() {
    let base = EventId::new("base").unwrap();
    let mut ring = Ring::new(Retention::events(2), RingIds::from_log(base));
    assert_eq!((ring.find("base"), ring.id(0).as_str().to_owned()), (Some(0), "base".to_owned()));
    for name in ["a", "b", "c"] {
        ring.push(Some(EventId::new(name).unwrap()), BLOCK, EndFlags::terminal(name == "c"), Duration::ZERO);
    }
    assert_eq!(ring.find("base"), None);
    assert_eq!([ring.find("a"), ring.find("b"), ring.find("c")], [Some(1), Some(2), Some(3)]);
    assert_eq!((ring.id(1).as_str(), ring.id(3).as_str()), ("a", "c"));
    let RingRead::Slice(slice) = ring.read(1) else { panic!("there is something to read") };
    assert_eq!(slice.bytes(), b"id: b\ndata: 1\n\nid: c!\ndata: 1\n\n");
    assert_eq!(slice.last_id().as_str(), "c!");
}

#[test]
fn an_id_that_a_log_gives_twice_leads_to_its_newest_event_as_long_as_that_is_retained() {
    let id = |name: &str| EventId::new(name).unwrap();
    let mut ring = Ring::new(Retention::events(3), RingIds::from_log(id("base")));
    for name in ["a", "b", "a", "c"] {
        ring.push(Some(id(name)), BLOCK, EndFlags::default(), Duration::ZERO);
    }
    assert_eq!((ring.oldest(), ring.find("a")), (1, Some(3)), "the first of them is trimmed");
    for name in ["d", "e", "f"] {
        ring.push(Some(id(name)), BLOCK, EndFlags::default(), Duration::ZERO);
    }
    assert_eq!((ring.oldest(), ring.find("a"), ring.find("c")), (4, None, Some(4)));
}

#[test]
fn behind_a_gap_of_the_log_no_earlier_position_is_in_the_ring() {
    let id = |name: &str| EventId::new(name).unwrap();
    let mut ring = Ring::new(Retention::default(), RingIds::from_log(id("?")));
    ring.rebase(id("base"));
    assert_eq!((ring.find("base"), ring.head()), (Some(0), 0), "a ring begins at position 0");
    ring.push(Some(id("a")), BLOCK, EndFlags::default(), Duration::ZERO);
    ring.rebase(id("far"));
    let far = ring.find("far").unwrap();
    assert_eq!((ring.find("a"), ring.len(), ring.bytes()), (None, 0, 0));
    // The position that was the head is before the gap now.
    assert!(matches!(ring.read(1), RingRead::Trimmed(oldest) if oldest == far && far > 1));
    ring.push(Some(id("b")), BLOCK, EndFlags::default(), Duration::ZERO);
    let RingRead::Slice(slice) = ring.read(far) else { panic!("there is something to read") };
    assert_eq!((slice.bytes(), slice.last), (&b"id: b\ndata: 1\n\n"[..], far + 1));
    assert!(matches!(ring.read(1), RingRead::Trimmed(_)));
}

/// Rings that retain events for a second, with their own ids and with ids of a log elsewhere.
fn rings_of_a_second() -> [Ring; 2] {
    let retention = Retention::events(usize::MAX).bytes(usize::MAX).age(Duration::from_secs(1));
    [ring(retention), Ring::new(retention, RingIds::from_log(EventId::new("base").unwrap()))]
}

/// Appends an event, with a unique id if the ids are those of a log elsewhere.
fn push(ring: &mut Ring, block: &[u8], now: Duration) {
    let id = EventId::from(ring.head() + 1);
    let id = matches!(ring.ids, RingIds::FromLog { .. }).then_some(id);
    ring.push(id, block, EndFlags::default(), now);
}

/// The bytes that a ring has allocated besides its segments.
fn capacity(ring: &Ring) -> usize {
    let ids = match &ring.ids {
        RingIds::Numbered(_) => 0,
        RingIds::FromLog(ids) => {
            let (ids, numbers) = ids.capacities();
            ids * size_of::<EventId>() + numbers * size_of::<(EventId, u64)>()
        }
    };
    let pointers = ring.segments.capacity() + ring.trimmed_segments.capacity();
    ring.entries.capacity() * size_of::<Entry>() + pointers * size_of::<usize>() + ring.open.capacity() + ids
}

#[test]
fn the_memory_of_trimmed_events_is_freed() {
    for mut ring in rings_of_a_second() {
        for _ in 0..50_000 {
            push(&mut ring, BLOCK, Duration::ZERO);
            // Each event is read at once, so it is a segment.
            let _ = ring.read(ring.head() - 1);
        }
        assert!(capacity(&ring) > 1 << 20);
        push(&mut ring, BLOCK, Duration::from_secs(2));
        assert_eq!(ring.len(), 1);
        let capacity = capacity(&ring);
        assert!(capacity < 16 << 10, "{capacity} bytes for one event");
    }
}

#[test]
fn the_memory_of_events_before_a_gap_of_the_log_is_freed() {
    let [_, mut ring] = rings_of_a_second();
    for _ in 0..50_000 {
        push(&mut ring, BLOCK, Duration::ZERO);
        let _ = ring.read(ring.head() - 1);
    }
    ring.rebase(EventId::new("far").unwrap());
    ring.trimmed_segments = Vec::new();
    let capacity = capacity(&ring);
    assert!(capacity < 16 << 10, "{capacity} bytes for no event");
}

#[test]
fn an_empty_ring_keeps_no_buffer_of_a_burst() {
    for is_read in [false, true] {
        let [mut ring, _] = rings_of_a_second();
        push(&mut ring, &[b'x'; SEGMENT_SIZE - 100], Duration::ZERO);
        if is_read {
            let _ = ring.read(0);
        }
        ring.trim(Duration::from_secs(2));
        let capacity = capacity(&ring);
        assert!(ring.len() == 0 && capacity < 4 << 10, "{capacity} bytes, read: {is_read}");
    }
}

#[test]
fn the_buffer_of_a_burst_shrinks_when_only_small_events_come() {
    let mut ring = ring(Retention::events(16));
    push(&mut ring, &[b'x'; SEGMENT_SIZE - 100], Duration::ZERO);
    for _ in 0..16 {
        let _ = ring.read(ring.head() - 1);
        push(&mut ring, BLOCK, Duration::ZERO);
    }
    assert!(ring.open.capacity() <= 4 << 10, "{} bytes", ring.open.capacity());
}

#[test]
fn a_number_of_events_that_swings_does_not_reallocate() {
    for mut ring in rings_of_a_second() {
        let mut now = Duration::ZERO;
        let mut capacities = Vec::new();
        for round in 0..100 {
            now += Duration::from_millis(600);
            // Rounds of 1,000 and of 400 events, two of which are retained at a time.
            for _ in 0..if round % 2 == 0 { 1_000 } else { 400 } {
                push(&mut ring, BLOCK, now);
            }
            if round >= 10 {
                let ids = if let RingIds::FromLog(ids) = &ring.ids { ids.capacities().0 } else { 0 };
                capacities.push((ring.entries.capacity(), ids));
            }
        }
        capacities.dedup();
        assert_eq!(capacities.len(), 1, "{capacities:?}");
    }
}

#[test]
fn a_rebase_leaves_all_positions_behind_unless_none_was_used() {
    let new = || Ring::new(Retention::default(), RingIds::from_log(EventId::from(0_u32)));
    let at = |ring: &mut Ring| {
        ring.rebase(EventId::from(7_u32));
        (ring.head(), ring.restarts(), ring.total_events())
    };
    let mut unused = new();
    assert_eq!(at(&mut unused), (0, 0, 0));
    assert_eq!(at(&mut unused), (1, 1, 0), "the first rebase has used the position");
    let mut used = new();
    used.set_used();
    assert_eq!(at(&mut used), (1, 1, 0));
    let mut filled = new();
    filled.push(None, BLOCK, EndFlags::default(), Duration::ZERO);
    assert_eq!(at(&mut filled), (2, 1, 1));
    assert!(matches!(filled.read(1), RingRead::Trimmed(2)));
}

#[test]
fn each_position_in_a_segment_has_the_id_that_the_log_gave_it() {
    let mut ring = Ring::new(Retention::default(), RingIds::from_log(EventId::from(0_u32)));
    let push = |ring: &mut Ring, ids: std::ops::RangeInclusive<u32>| {
        for id in ids {
            ring.push(Some(EventId::from(id)), BLOCK, EndFlags::default(), Duration::ZERO);
        }
    };
    push(&mut ring, 1..=2);
    assert!(matches!(ring.read(0), RingRead::Slice(slice) if slice.last == 2));
    push(&mut ring, 3..=10);
    for position in 3..10_u32 {
        let RingRead::Slice(slice) = ring.read(position.into()) else { panic!("there are events") };
        assert_eq!((slice.start_position(), slice.end_position()), (EventId::from(position), EventId::from(10_u32)));
    }
}

#[test]
fn the_retention_that_was_set_last_holds_from_the_next_event_on() {
    let mut ring = ring(Retention::events(5));
    for _ in 0..5 {
        ring.push(None, BLOCK, EndFlags::default(), Duration::ZERO);
    }
    assert!(!ring.has_max_age());
    ring.set_retention(Retention::events(2).age(Duration::from_secs(1)));
    assert!(ring.has_max_age());
    assert_eq!((ring.len(), ring.max_events()), (5, 2));
    ring.push(None, BLOCK, EndFlags::default(), Duration::ZERO);
    assert_eq!(ring.len(), 2);
}
