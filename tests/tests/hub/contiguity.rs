//! Each subscriber sees a contiguous run of the log's order from its start, or a gap event at the place of the hole.

use proptest::prelude::*;
use sse_typed::hub::{Retention, Start};

use crate::common::{Feed, Law, Reader, hub, last_event_id, ticks};

#[derive(Clone, Debug)]
enum Step {
    Publish(u64),
    /// A subscriber reads one item.
    ReadOne(usize),
    ReadAll(usize),
    /// Loses its connection and comes back.
    Resume(usize),
    /// Comes with another id of the hub's.
    Visit(usize, u64),
    /// Comes with an id that is nobody's.
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
    fn no_hole_and_no_duplicate_however_one_comes_and_goes(retention in 1..40_usize, steps in steps()) {
        let hub = hub(Retention::events(retention));
        let epoch = Law::epoch_of(&hub.publish_now(&Feed::Tick(1)).unwrap());
        let mut published = 1;
        let mut readers: Vec<_> =
            (0..READERS).map(|_| (Reader::at(&hub, Start::Live), Law::new(&epoch, Some(published)))).collect();
        for step in steps {
            match step {
                Step::Publish(n) => {
                    ticks(&hub, published + 1..=published + n);
                    published += n;
                }
                Step::ReadOne(index) => {
                    let (reader, law) = &mut readers[index];
                    if let std::task::Poll::Ready(Some(seen)) = reader.read_one() {
                        seen.iter().for_each(|seen| law.check(seen));
                    }
                }
                Step::ReadAll(index) => {
                    let (reader, law) = &mut readers[index];
                    reader.read().0.iter().for_each(|seen| law.check(seen));
                }
                Step::Resume(index) => {
                    let (reader, law) = &mut readers[index];
                    if reader.last_event_id().is_none() {
                        // It was sent nothing, so it is new.
                        law.moved(Some(published));
                    }
                    reader.resume(&hub);
                }
                Step::Visit(index, n) => {
                    let (reader, law) = &mut readers[index];
                    *reader = Reader::at(&hub, last_event_id(&law.id(n)));
                    law.moved((n <= published).then_some(n));
                }
                Step::Stranger(index) => {
                    let (reader, law) = &mut readers[index];
                    *reader = Reader::at(&hub, last_event_id("stranger"));
                    law.moved(None);
                }
                Step::Start(index, start) => {
                    let (reader, law) = &mut readers[index];
                    let kept = published.min(retention as u64);
                    law.moved(Some(match &start {
                        Start::Last(n) => published - kept.min(*n),
                        Start::Earliest => published - kept,
                        _ => published,
                    }));
                    *reader = Reader::at(&hub, start);
                }
            }
        }
        // At the end all have all.
        for (reader, law) in &mut readers {
            reader.read().0.iter().for_each(|seen| law.check(seen));
            ticks(&hub, [published + 1]);
            published += 1;
            let (last, _) = reader.read();
            prop_assert_eq!(&last.last().unwrap().0, &Feed::Tick(published));
            law.check(last.last().unwrap());
        }
    }
}
