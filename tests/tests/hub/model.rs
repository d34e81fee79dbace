//! A hub is compared with a list of all published events: subscribers that come and go, with any filter and any
//! retention, receive the events of the list, or a gap.

use std::{future::Future, sync::Arc, task::Poll, time::Duration};

use sse_typed::{
    Event, EventId, Gap, SseEvent,
    hub::{EventLog, Hub, MemoryLog, Retention, Start, SubscriptionEvents},
};
use tokio::time::{advance, sleep};

use crate::{common::poll, remote::NetworkLog};

#[derive(Debug, SseEvent)]
enum Paper {
    Page {
        n: u64,
        text: String,
    },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Done,
}

struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    fn size(&mut self, n: u64) -> usize {
        usize::try_from(self.below(n)).unwrap()
    }
}

/// For each event of the list, from number 1: whether it is terminal.
type List = Vec<bool>;

struct Visitor {
    events: SubscriptionEvents<Paper>,
    /// Pages whose numbers are multiples of this may be seen, and events without a number.
    sees: u64,
    /// The number up to which it has received all events.
    position: u64,
    /// The id that it would send as its last event ID.
    last: Option<EventId>,
    is_over: bool,
    /// It has received nothing. With a log elsewhere it may begin with events that were published right before it.
    is_early: bool,
}

impl Visitor {
    fn new<L>(hub: &Hub<Paper, L>, sees: u64, list: &List, is_early: bool) -> Self {
        let events = subscribe(hub, sees, Start::Live);
        Self { events, sees, position: list.len() as u64, last: None, is_over: false, is_early }
    }

    /// Reconnects, if it has received anything.
    fn come_back<L>(&mut self, hub: &Hub<Paper, L>) {
        let Some(id) = &self.last else { return };
        self.events = subscribe(hub, self.sees, Start::after(id.clone()));
        self.position = number(id);
        if id.as_str().ends_with('!') {
            use futures_util::Stream;
            assert_eq!(self.events.size_hint(), (0, Some(0)));
            self.is_over = true;
        }
    }

    /// All events behind its position and before this number are withheld from it.
    fn passes(&mut self, list: &List, to: u64) {
        for n in self.position + 1..to {
            assert!(!list[usize::try_from(n).unwrap() - 1] && !n.is_multiple_of(self.sees), "{n} is not given");
        }
        assert!(to > self.position, "{to} is received twice");
        self.position = to;
    }

    fn check(&mut self, list: &List, event: &Event<Arc<Paper>>) {
        assert!(!self.is_over, "nothing follows the end");
        let id = event.id.clone().expect("every event has an id");
        let to = number(&id);
        let missed = match &*event.data {
            Paper::Missed(gap) => gap.missed.expect("the id was one of the log"),
            Paper::Page { .. } | Paper::Done => 0,
        };
        if std::mem::take(&mut self.is_early) {
            let begins = if missed > 0 { to - missed } else { to - 1 };
            self.position = self.position.min(begins);
        }
        match &*event.data {
            Paper::Missed(_) => {
                assert!(missed > 0 && to - missed >= self.position, "a gap counts only events that it does not have");
                if to - missed > self.position {
                    self.passes(list, to - missed + 1);
                }
                self.position = to;
            }
            Paper::Done => {
                assert!(list[usize::try_from(to).unwrap() - 1] && id.as_str().ends_with('!'));
                self.passes(list, to);
                self.is_over = true;
            }
            Paper::Page { n, .. } => {
                assert_eq!((to, id.as_str().ends_with('!')), (*n, false));
                assert!(n.is_multiple_of(self.sees), "{n} may not be seen");
                self.passes(list, to);
            }
        }
        self.last = Some(id);
    }
}

fn subscribe<L>(hub: &Hub<Paper, L>, sees: u64, start: Start) -> SubscriptionEvents<Paper> {
    let subscription = hub.subscribe(start);
    if sees == 1 {
        return subscription.events();
    }
    subscription.only(move |event| !matches!(event, Paper::Page { n, .. } if !n.is_multiple_of(sees))).events()
}

fn number(id: &EventId) -> u64 {
    id.as_str().trim_end_matches('!').rsplit_once('-').unwrap().1.parse().unwrap()
}

/// How often a subscriber polls again before it is sure that nothing follows, because a log elsewhere takes its time.
const TRIES: usize = 60;

/// `settle` lets the tasks of a log run.
async fn story<L: EventLog, F: Future<Output = ()>>(
    random: &mut Random,
    make: impl FnOnce(Retention, u64) -> Hub<Paper, L>,
    settle: Option<impl Fn() -> F>,
) {
    let mut retention = Retention::events(1 + random.size(60)).bytes(random.size(120_000));
    if random.below(2) == 0 {
        retention = retention.age(Duration::from_secs(random.below(20)));
    }
    let hub = make(retention, 1 + random.below(80));
    let mut list = List::new();
    let mut visitors: Vec<Visitor> = Vec::new();
    for _ in 0..100 {
        match random.below(10) {
            0..4 => {
                for _ in 0..random.below(12) {
                    let n = list.len() as u64 + 1;
                    let event = match random.below(12) {
                        0 => Paper::Done,
                        1 => Paper::Page { n, text: "x".repeat(random.size(50_000)) },
                        _ => Paper::Page { n, text: String::new() },
                    };
                    assert_eq!(number(&hub.publish(&event).await.unwrap()), n);
                    list.push(matches!(event, Paper::Done));
                }
            }
            4 => advance(Duration::from_secs(random.below(6))).await,
            5 => {
                let sees = [1, 1, 2, 3, 50][random.size(5)];
                visitors.push(Visitor::new(&hub, sees, &list, settle.is_some()));
            }
            6 if !visitors.is_empty() => {
                let index = random.size(visitors.len() as u64);
                visitors[index].come_back(&hub);
            }
            _ => {
                for visitor in &mut visitors {
                    // Some subscribers read nothing now, some a little.
                    let mut left = [0, 1, 5, u64::MAX, u64::MAX][random.size(5)];
                    let mut tries = 0;
                    while left > 0 {
                        match (poll(&mut visitor.events), &settle) {
                            (Poll::Ready(Some(event)), _) => {
                                visitor.check(&list, &event);
                                tries = 0;
                                left -= 1;
                            }
                            (Poll::Ready(None), _) => {
                                assert!(visitor.is_over, "it ends at the end");
                                break;
                            }
                            (Poll::Pending, Some(settle)) if tries < TRIES => {
                                settle().await;
                                tries += 1;
                            }
                            (Poll::Pending, _) => {
                                let (position, all) = (visitor.position, list.len() as u64 + 1);
                                visitor.passes(&list, all);
                                visitor.position = position;
                                break;
                            }
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subscribers_receive_the_events_of_a_list_of_all_published_events() {
    for seed in 1..60 {
        let mut random = Random::new(seed);
        let make = |retention, _| Hub::builder().retain(retention).build_on(MemoryLog::new(retention));
        story(&mut random, make, None::<fn() -> std::future::Ready<()>>).await;
    }
}

#[tokio::test(start_paused = true)]
async fn subscribers_to_a_log_elsewhere_receive_the_events_of_a_list_of_all_published_events() {
    for seed in 1..20 {
        let mut random = Random::new(seed);
        let make = |retention, retained| {
            Hub::builder().retain(retention).build_on(NetworkLog::new(usize::try_from(retained).unwrap()))
        };
        story(&mut random, make, Some(|| sleep(Duration::from_millis(10)))).await;
    }
}
