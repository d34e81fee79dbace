//! A hub agrees with a list of its events: each subscription receives a contiguous run of the list, or a gap that says so, and
//! has received everything when it waits or ends. There is no gap before the history is full.
#![no_main]

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use futures_util::Stream;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use sse_typed::{
    DecodeEvent, Decoded, EventId, Gap, Hub, LastEventId, SseEvent, Subscription,
    codec::{Decoder, Item},
    hub::{Retention, Start},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Counted {
    Event {
        n: usize,
        padding: String,
    },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    End {
        n: usize,
    },
}

#[derive(Debug, Arbitrary)]
enum Step {
    Publish {
        padding: u8,
    },
    PublishLarge,
    End,
    Subscribe(Begin),
    /// Polls a subscription until it waits, or as often as this.
    Poll {
        which: u8,
        times: u8,
    },
    Drop {
        which: u8,
    },
    /// Drops a subscription, and resumes it with its last event ID.
    Resume {
        which: u8,
    },
    Close {
        with_last: bool,
    },
}

#[derive(Debug, Arbitrary)]
enum Begin {
    Live,
    Earliest,
    Last(u8),
    /// After a published event.
    After(u8),
    Unknown(String),
}

#[derive(Debug, Arbitrary)]
struct Input {
    events: u8,
    bytes: u16,
    steps: Vec<Step>,
}

struct Model {
    hub: Hub<Counted>,
    /// The events and bytes that are retained at least.
    retained: (usize, usize),
    /// At least as many as the bytes of all events.
    bytes: usize,
    /// The ids of all events, and whether each is terminal.
    published: Vec<(EventId, bool)>,
    subscribers: Vec<Subscriber>,
}

struct Subscriber {
    subscription: Pin<Box<Subscription<Counted>>>,
    /// The number of the event that must arrive next. `None` after a gap whose size is not known, and where the beginning is not.
    next: Option<usize>,
    last_id: LastEventId,
    /// It began after an id that is not one of the hub.
    is_unknown: bool,
    has_ended: bool,
}

/// The hub, when a subscription is polled.
#[derive(Clone, Copy)]
struct State<'a> {
    published: &'a [(EventId, bool)],
    is_closed: bool,
    may_be_trimmed: bool,
}

fuzz_target!(|input: Input| {
    let retention = Retention::events(usize::from(input.events)).bytes(usize::from(input.bytes));
    let hub = Hub::builder().retain(retention).build();
    let retained = (input.events.into(), input.bytes.into());
    let mut model = Model { hub, retained, bytes: 0, published: Vec::new(), subscribers: Vec::new() };
    for step in input.steps {
        model.run(step);
    }
    for index in 0..model.subscribers.len() {
        model.poll(index, usize::MAX);
    }
});

/// More than the bytes of an event besides its padding.
const BYTES_BESIDES: usize = 128;

impl Model {
    fn run(&mut self, step: Step) {
        match step {
            Step::Publish { padding } => self.publish("x".repeat(padding.into())),
            Step::PublishLarge => self.publish("x".repeat(40_000)),
            Step::End => {
                let result = self.hub.publish_now(&Counted::End { n: self.published.len() });
                self.add(result.ok(), true);
            }
            Step::Close { with_last } => {
                // The history holds the last event too, but its id is not returned.
                let last = with_last.then(|| Counted::End { n: self.published.len() });
                let was_closed = self.hub.is_closed();
                if self.hub.close_now(last).is_ok() && with_last && !was_closed {
                    self.bytes += BYTES_BESIDES;
                    self.published.push((EventId::from(0), true));
                }
                assert!(self.hub.is_closed());
            }
            Step::Subscribe(begin) => self.subscribe(&begin),
            Step::Poll { which, times } => {
                if let Some(index) = self.index(which) {
                    self.poll(index, times.into());
                }
            }
            Step::Drop { which } => {
                if let Some(index) = self.index(which) {
                    self.subscribers.swap_remove(index);
                }
            }
            Step::Resume { which } => {
                if let Some(index) = self.index(which) {
                    let old = self.subscribers.swap_remove(index);
                    if !old.has_ended && !old.last_id.is_none() {
                        let subscription = Box::pin(self.hub.subscribe(old.last_id.clone()));
                        self.subscribers.push(Subscriber { subscription, ..old });
                    }
                }
            }
        }
    }

    fn poll(&mut self, index: usize, times: usize) {
        let (events, bytes) = self.retained;
        let state = State {
            published: &self.published,
            is_closed: self.hub.is_closed(),
            may_be_trimmed: self.published.len() > events || self.bytes > bytes,
        };
        self.subscribers[index].poll(state, times);
    }

    fn publish(&mut self, padding: String) {
        self.bytes += padding.len();
        let result = self.hub.publish_now(&Counted::Event { n: self.published.len(), padding });
        self.add(result.ok(), false);
    }

    fn add(&mut self, id: Option<EventId>, is_terminal: bool) {
        assert_eq!(id.is_none(), self.hub.is_closed(), "only a closed hub refuses an event");
        self.bytes += BYTES_BESIDES;
        self.published.extend(id.map(|id| (id, is_terminal)));
    }

    fn index(&self, which: u8) -> Option<usize> {
        usize::from(which).checked_rem(self.subscribers.len())
    }

    fn subscribe(&mut self, begin: &Begin) {
        let (start, next) = match begin {
            // A closed hub has no live subscribers.
            Begin::Live => (Start::Live, Some(self.published.len()).filter(|_| !self.hub.is_closed())),
            Begin::Earliest => (Start::Earliest, None),
            Begin::Last(n) => (Start::Last((*n).into()), None),
            Begin::After(which) => match usize::from(*which).checked_rem(self.published.len()) {
                // A client that has received a terminal event gets no more.
                Some(index) if !self.published[index].1 => {
                    (Start::after(self.published[index].0.clone()), Some(index + 1))
                }
                _ => return,
            },
            Begin::Unknown(text) => match EventId::new(text.clone()) {
                Ok(id) => (Start::after(id), None),
                Err(_) => return,
            },
        };
        let subscription = Box::pin(self.hub.subscribe(start));
        let is_unknown = matches!(begin, Begin::Unknown(_));
        let last_id = LastEventId::none();
        self.subscribers.push(Subscriber { subscription, next, last_id, is_unknown, has_ended: false });
    }
}

impl Subscriber {
    fn poll(&mut self, state: State<'_>, times: usize) {
        let State { published, is_closed, .. } = state;
        let mut decoder = Decoder::new();
        for _ in 0..times {
            match self.subscription.as_mut().poll_next(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => {
                    assert!(!is_closed && !self.has_ended, "it waits for a hub that is closed");
                    if let Some(next) = self.next.replace(published.len()) {
                        assert_eq!(next, published.len(), "it waits, and has not received everything");
                    }
                    return;
                }
                Poll::Ready(None) => {
                    if !self.has_ended {
                        // An unknown id may have the mark of a terminal event.
                        assert!(is_closed || self.is_unknown, "it ended, and the hub is open");
                        let next = self.next.unwrap_or(published.len());
                        assert_eq!(next, published.len(), "it ended, and has not received everything");
                    }
                    self.has_ended = true;
                    return;
                }
                Poll::Ready(Some(entries)) => {
                    assert!(!self.has_ended, "entries after a terminal event");
                    decoder.feed(entries.to_bytes().expect("the events can be encoded"));
                    while let Some(item) = decoder.next_item() {
                        match item.expect("an event below the limit") {
                            Item::Event(event) => match Counted::decode(event) {
                                Ok(Decoded::Event(event)) => self.receive(event, state),
                                other => panic!("{other:?}"),
                            },
                            other => panic!("{other:?}"),
                        }
                    }
                    self.last_id = match EventId::new(decoder.last_event_id().to_owned()) {
                        Ok(id) if !id.as_str().is_empty() => id.into(),
                        _ => self.last_id.clone(),
                    };
                }
            }
        }
    }

    fn receive(&mut self, event: Counted, state: State<'_>) {
        assert!(!self.has_ended, "an event after a terminal one");
        let n = match event {
            Counted::Missed(gap) => {
                assert!(state.may_be_trimmed || self.is_unknown, "a gap, and nothing is trimmed");
                let missed = gap.missed.and_then(|missed| usize::try_from(missed).ok());
                self.next = self.next.zip(missed).map(|(next, missed)| next + missed);
                return;
            }
            Counted::Event { n, .. } => n,
            Counted::End { n } => {
                self.has_ended = true;
                n
            }
        };
        assert_eq!(n, self.next.unwrap_or(n), "an event is lost, repeated or out of order");
        self.next = Some(n + 1);
    }
}
