//! Each subscriber receives consecutive events in the order of the log from its start on, or a gap event.

use proptest::prelude::*;
use sse_typed::hub::{Retention, Start};

use crate::common::{ContiguityCheck, Feed, Reader, hub, last_event_id, ticks};

#[derive(Clone, Debug)]
enum Step {
    Publish(u64),
    /// A subscriber reads one item.
    ReadOne(usize),
    ReadAll(usize),
    /// Loses its connection and reconnects.
    Resume(usize),
    /// Reconnects with another id of the hub.
    Visit(usize, u64),
    /// Reconnects with an unknown id.
    Stranger(usize),
    Start(usize, Start),
}

const READERS: usize = 3;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let start = prop_oneof![Just(Start::Live), Just(Start::Earliest), (0..50_u64).prop_map(Start::Last)];
    let reader = 0..READERS;
    let step = prop_oneof![
        4 => (1..20_u64).prop_map(Step::Publish),
        4 => reader.clone().prop_map(Step::ReadOne),
        2 => reader.clone().prop_map(Step::ReadAll),
        2 => reader.clone().prop_map(Step::Resume),
        1 => (reader.clone(), 0..200_u64).prop_map(|(reader, n)| Step::Visit(reader, n)),
        1 => reader.clone().prop_map(Step::Stranger),
        1 => (reader, start).prop_map(|(reader, start)| Step::Start(reader, start)),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    #[test]
    fn a_subscriber_that_reconnects_in_any_way_misses_and_duplicates_nothing(retention in 1..40_usize, steps in steps()) {
        let hub = hub(Retention::events(retention));
        let epoch = ContiguityCheck::epoch_of(&hub.publish_now(&Feed::Tick(1)).unwrap());
        let mut published = 1;
        let mut readers: Vec<_> =
            (0..READERS).map(|_| (Reader::at(&hub, Start::Live), ContiguityCheck::new(&epoch, Some(published)))).collect();
        for step in steps {
            match step {
                Step::Publish(n) => {
                    ticks(&hub, published + 1..=published + n);
                    published += n;
                }
                Step::ReadOne(index) => {
                    let (reader, check) = &mut readers[index];
                    if let std::task::Poll::Ready(Some(seen)) = reader.read_one() {
                        seen.iter().for_each(|seen| check.check(seen));
                    }
                }
                Step::ReadAll(index) => {
                    let (reader, check) = &mut readers[index];
                    reader.read().0.iter().for_each(|seen| check.check(seen));
                }
                Step::Resume(index) => {
                    let (reader, check) = &mut readers[index];
                    if reader.last_event_id().is_none() {
                        // It has received nothing, so it is a new client.
                        check.set_last(Some(published));
                    }
                    reader.resume(&hub);
                }
                Step::Visit(index, n) => {
                    let (reader, check) = &mut readers[index];
                    *reader = Reader::at(&hub, last_event_id(&check.id(n)));
                    check.set_last((n <= published).then_some(n));
                }
                Step::Stranger(index) => {
                    let (reader, check) = &mut readers[index];
                    *reader = Reader::at(&hub, last_event_id("stranger"));
                    check.set_last(None);
                }
                Step::Start(index, start) => {
                    let (reader, check) = &mut readers[index];
                    let kept = published.min(retention as u64);
                    check.set_last(Some(match &start {
                        Start::Last(n) => published - kept.min(*n),
                        Start::Earliest => published - kept,
                        _ => published,
                    }));
                    *reader = Reader::at(&hub, start);
                }
            }
        }
        // In the end every subscriber has every event.
        for (reader, check) in &mut readers {
            reader.read().0.iter().for_each(|seen| check.check(seen));
            ticks(&hub, [published + 1]);
            published += 1;
            let (last, _) = reader.read();
            prop_assert_eq!(&last.last().unwrap().0, &Feed::Tick(published));
            check.check(last.last().unwrap());
        }
    }
}
