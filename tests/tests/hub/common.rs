//! An event type, and a client that checks the events that it receives.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::Stream;
use sse_typed::{
    Gap, LastEventId, SseEvent, Subscription,
    codec::{DecodeEvent, Decoded, Decoder, Encoder, Item},
    event::GapReason,
    hub::{Hub, OnGap, Retention, Start},
};
use tokio::task::coop::unconstrained;

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum Feed {
    Tick(u64),
    /// The state after a tick.
    State(u64),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Done,
}

pub(crate) fn hub(retention: Retention) -> Hub<Feed> {
    Hub::builder().retain(retention).build()
}

pub(crate) fn hub_on_gap(retention: Retention, on_gap: OnGap<Feed>) -> Hub<Feed> {
    Hub::builder_on_gap(on_gap).retain(retention).build()
}

/// Publishes ticks with these numbers.
pub(crate) fn ticks(hub: &Hub<Feed>, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        hub.publish_now(&Feed::Tick(n)).unwrap();
    }
}

/// Polls once, regardless of the task's coop budget.
pub(crate) fn poll<St: Stream + Unpin>(stream: &mut St) -> Poll<Option<St::Item>> {
    let polled = unconstrained(poll_fn(|cx| Poll::Ready(Pin::new(&mut *stream).poll_next(cx))));
    match pin!(polled).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(polled) => polled,
        Poll::Pending => Poll::Pending,
    }
}

/// A waker that counts its wake-ups.
#[derive(Default)]
pub(crate) struct WakeCounter(AtomicUsize);

impl WakeCounter {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for WakeCounter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A client without a network: it decodes the bytes that a subscription yields, and keeps its last event ID.
pub(crate) struct Reader {
    pub(crate) subscription: Option<Subscription<Feed>>,
    decoder: Decoder,
}

/// An event, and the client's last event ID after it.
pub(crate) type Seen = (Feed, String);

impl Reader {
    pub(crate) fn new() -> Self {
        Self { subscription: None, decoder: Decoder::new() }
    }

    pub(crate) fn at<L>(hub: &Hub<Feed, L>, start: impl Into<Start>) -> Self {
        Self::of(hub.subscribe(start))
    }

    pub(crate) fn of(subscription: Subscription<Feed>) -> Self {
        Self { subscription: Some(subscription), decoder: Decoder::new() }
    }

    /// The id that the client would send as `Last-Event-ID`.
    pub(crate) fn last_event_id(&self) -> LastEventId {
        last_event_id(self.decoder.last_event_id())
    }

    /// Sets the last event ID, as another connection has left it.
    pub(crate) fn remember(&mut self, id: &LastEventId) {
        if let Some(id) = id.as_str() {
            self.decoder.feed(format!("id: {id}\n\n").into_bytes());
            assert!(self.decoder.next_item().is_none());
        }
    }

    /// Reconnects, as a client does that has lost its connection.
    pub(crate) fn resume<L>(&mut self, hub: &Hub<Feed, L>) {
        self.decoder.restart();
        self.subscription = Some(hub.subscribe(self.last_event_id()));
    }

    /// The events that are ready, and whether the stream is still open.
    pub(crate) fn read(&mut self) -> (Vec<Seen>, bool) {
        let mut seen = Vec::new();
        loop {
            match self.read_one() {
                Poll::Pending => return (seen, true),
                Poll::Ready(None) => return (seen, false),
                Poll::Ready(Some(events)) => seen.extend(events),
            }
        }
    }

    /// Polls for one item.
    pub(crate) fn read_one(&mut self) -> Poll<Option<Vec<Seen>>> {
        let subscription = self.subscription.as_mut().expect("subscribed");
        poll(subscription).map(|entries| entries.map(|entries| self.decode(&entries)))
    }

    pub(crate) fn decode(&mut self, entries: &sse_typed::Entries<Feed>) -> Vec<Seen> {
        let mut encoder = Encoder::new();
        encoder.encode(entries).unwrap();
        assert_eq!(encoder.events(), entries.len() as u64);
        let bytes = encoder.take();
        assert_eq!(entries.to_bytes().unwrap(), bytes);
        assert!(entries.as_bytes().is_none_or(|published| published == bytes));
        self.decoder.feed(bytes);
        let mut seen = Vec::new();
        loop {
            let event = match self.decoder.next_item() {
                None => break,
                Some(Ok(Item::Event(raw))) => Feed::decode(raw).unwrap(),
                other => panic!("{other:?}"),
            };
            let Decoded::Event(event) = event else { panic!("{event:?}") };
            seen.push((event, self.decoder.last_event_id().to_owned()));
        }
        assert_eq!(seen.len(), entries.len());
        if entries.is_empty() {
            let id = entries.last_id();
            assert_eq!(id.as_ref().map_or("", |id| id.as_str()), self.decoder.last_event_id());
        }
        if let (Some((_, id)), Some(last)) = (seen.last(), entries.last_id()) {
            assert_eq!(*id, last.as_str());
        }
        seen
    }

    /// The events that are ready, without ids.
    pub(crate) fn events(&mut self) -> Vec<Feed> {
        self.read().0.into_iter().map(|(event, _)| event).collect()
    }

    pub(crate) fn ticks(&mut self) -> Vec<u64> {
        let tick = |event| match event {
            Feed::Tick(n) => n,
            other => panic!("{other:?}"),
        };
        self.events().into_iter().map(tick).collect()
    }
}

pub(crate) fn last_event_id(id: &str) -> LastEventId {
    if id.is_empty() { LastEventId::none() } else { sse_typed::EventId::new(id).unwrap().into() }
}

pub(crate) fn missed(missed: impl Into<Option<u64>>, reason: GapReason) -> Feed {
    Feed::Missed(Gap::new(missed.into(), reason))
}

/// Checks the events of a subscriber to a hub whose `n`th event is `Tick(n)`: they are contiguous, or a gap event says
/// how many are missing at that position, and every event has its own id.
#[derive(Debug)]
pub(crate) struct ContiguityCheck {
    epoch: String,
    /// The number of the last tick that was received, or counted by a gap.
    last: Option<u64>,
    pub(crate) gaps: u64,
    pub(crate) seen: u64,
}

impl ContiguityCheck {
    pub(crate) fn new(epoch: &str, last: Option<u64>) -> Self {
        Self { epoch: epoch.to_owned(), last, gaps: 0, seen: 0 }
    }

    /// The prefix that the ids of a hub have in common.
    pub(crate) fn epoch_of(id: &sse_typed::EventId) -> String {
        id.as_str().rsplit_once('-').unwrap().0.to_owned()
    }

    pub(crate) fn id(&self, n: u64) -> String {
        format!("{}-{n}", self.epoch)
    }

    /// The client sends another id: that of this event, or an unknown one.
    pub(crate) fn set_last(&mut self, last: Option<u64>) {
        self.last = last;
    }

    pub(crate) fn check(&mut self, (event, id): &Seen) {
        match event {
            Feed::Tick(n) => {
                if let Some(last) = self.last {
                    assert_eq!(*n, last + 1, "the next event, neither missing nor duplicated");
                }
                assert_eq!(*id, self.id(*n));
                self.last = Some(*n);
                self.seen += 1;
            }
            Feed::Missed(gap) => {
                self.gaps += 1;
                match (gap.missed, self.last) {
                    (Some(missed), Some(last)) => {
                        assert!(missed > 0, "a gap misses at least one event");
                        self.last = Some(last + missed);
                    }
                    (None, _) => assert_eq!(gap.reason, GapReason::UnknownId),
                    (Some(_), None) => {}
                }
                let position: u64 = id.rsplit_once('-').unwrap().1.parse().unwrap();
                assert_eq!(*id, self.id(position));
                if let Some(last) = self.last
                    && gap.missed.is_some()
                {
                    assert_eq!(position, last, "the id of the gap is the position behind it");
                }
                self.last = Some(position);
            }
            other => panic!("{other:?}"),
        }
    }
}
