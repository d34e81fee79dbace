//! A client that reads a topic, and checks each event against the log.

use std::{sync::Arc, time::Duration};

use sse_typed::{
    Client, Gap,
    client::{Ended, ReconnectPolicy, RequestBuilder, Signal},
    event::{Event, EventId},
};
use tokio::time::sleep;

use crate::{message::Message, net::Balancer, topic_key, world::World};

/// Where a reader without an id begins.
#[derive(Clone, Copy, Debug)]
enum Begin {
    Live,
    Earliest,
    Last(usize),
}

/// A reader, and what it has received.
struct Reader {
    world: Arc<World>,
    number: usize,
    topic: usize,
    key: String,
    begin: Begin,
    /// The index in the log of the next event. Not known before the first one.
    next: Option<usize>,
    /// The id with which it reconnects.
    id: String,
    /// The number of events in the log when it first asked without an id, and when it was last answered without one.
    asked_at: usize,
    opened_at: Option<usize>,
    has_end: bool,
}

/// Of this many events, one is followed by a reload of the page, and one is read slowly.
const EVENTS_PER_RELOAD: u32 = 60;
const EVENTS_PER_REST: u32 = 25;

/// Reads a topic to its end.
pub(crate) async fn read(world: Arc<World>, number: usize) -> turmoil::Result {
    let topic = world.plan.readers[number];
    let begin = world.draw(|rng| match rng.u8(..3) {
        0 => Begin::Live,
        1 => Begin::Earliest,
        _ => Begin::Last(rng.usize(0..20)),
    });
    let key = topic_key(topic);
    let mut reader = Reader {
        world,
        number,
        topic,
        key,
        begin,
        next: None,
        id: String::new(),
        asked_at: 0,
        opened_at: None,
        has_end: false,
    };
    sleep(reader.world.time_up_to(Duration::from_secs(3))).await;
    reader.forget();
    while reader.read_until_reload().await {
        reader.world.count("reloads");
        if reader.world.one_in(3) {
            reader.forget();
        }
        sleep(reader.world.time_up_to(Duration::from_secs(3))).await;
    }
    Ok(())
}

/// The settings of all clients: they resume after the event of this id, if it is not empty.
pub(crate) fn with_settings<S>(request: RequestBuilder<S>, world: &World, id: &str) -> RequestBuilder<S> {
    let policy = ReconnectPolicy::new()
        .base(Duration::from_millis(100))
        .max(Duration::from_secs(1))
        .max_server_delay(Duration::from_secs(2))
        .seed(world.draw(|rng| rng.u64(..)));
    let request = request.response_timeout(RESPONSE_TIMEOUT).reconnect(policy);
    match EventId::new(id) {
        Ok(id) if !id.as_str().is_empty() => request.last_event_id(id),
        _ => request,
    }
}

pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(8);

impl Reader {
    /// A client on its first visit.
    fn forget(&mut self) {
        self.note(format_args!("begins {:?}", self.begin));
        (self.next, self.opened_at, self.has_end) = (None, None, false);
        self.id.clear();
        self.asked_at = self.world.log_len(&self.key);
    }

    /// Reads up to the end or a reload of the page. Returns whether it goes on.
    async fn read_until_reload(&mut self) -> bool {
        let start = match self.begin {
            Begin::Live => "live".to_owned(),
            Begin::Earliest => "earliest".to_owned(),
            Begin::Last(n) => format!("last={n}"),
        };
        let request =
            Client::new(Balancer(Arc::clone(&self.world))).get(format!("http://servers/topics/{}?{start}", self.topic));
        let mut signals = with_settings(request, &self.world, &self.id).connect::<Message>().with_signals();
        while let Some(signal) = signals.next().await {
            let id = signals.source().last_event_id().to_owned();
            match signal {
                Ok(Signal::Open(head)) => {
                    self.note(format_args!("open {}", head.status));
                    self.check_forgotten(&id);
                    self.opened_at = Some(self.world.log_len(&self.key));
                }
                Ok(Signal::Event(event)) => {
                    self.receive(&event);
                    self.id = id;
                    if self.world.is_disturbed(EVENTS_PER_RELOAD) {
                        return true;
                    }
                    if self.world.is_disturbed(EVENTS_PER_REST) {
                        sleep(self.world.time_up_to(Duration::from_secs(4))).await;
                    }
                }
                Ok(Signal::Reconnecting { cause, .. }) => {
                    self.world.count("reconnects");
                    self.note(format_args!("reconnects: {cause:?}"));
                    self.check_forgotten(&id);
                }
                Ok(_) => {}
                Err(error) => self.violation(format_args!("{error}: {error:?}")),
            }
        }
        self.check_end(signals.source().ended());
        false
    }

    /// A hub makes a client forget its id only because of a gap.
    fn check_forgotten(&mut self, id: &str) {
        if self.id.is_empty() || !id.is_empty() {
            return;
        }
        self.world.count("restarts");
        if self.world.plan.topics[self.topic].emits_gaps {
            self.violation(format_args!("the id is forgotten, and gaps are events"));
        }
        if let Some(next) = self.next
            && next >= self.oldest()
        {
            self.violation(format_args!("the id is forgotten, but nothing after it was trimmed"));
        }
        self.forget();
    }

    /// The index of the oldest event that is retained now.
    fn oldest(&self) -> usize {
        self.world.log_len(&self.key).saturating_sub(self.world.plan.topics[self.topic].retained)
    }

    fn receive(&mut self, event: &Event<Message>) {
        let id = event.id.as_ref().map_or("", EventId::as_str);
        match &event.data {
            Message::Missed(gap) => self.receive_gap(gap, id),
            Message::Number(number) => self.receive_number(number.n, id),
            Message::Last(number) => {
                self.receive_number(number.n, id);
                self.has_end = true;
            }
            other => self.violation(format_args!("an event of a run: {other:?}")),
        }
    }

    fn receive_number(&mut self, n: u64, id: &str) {
        self.note(format_args!("receives {n} {id}"));
        self.world.count("events");
        if self.has_end {
            self.violation(format_args!("{n} after the last event"));
        }
        let (found, len) = {
            let truth = self.world.truth();
            let log = truth.logs.get(&self.key);
            let index = log.and_then(|log| log.index_of(id));
            let number = index.and_then(|index| log?.events[index].number("n"));
            (index.filter(|_| number == Some(n)), log.map_or(0, |log| log.events.len()))
        };
        let Some(index) = found else {
            self.violation(format_args!("{n} with id {id} is not in the log"));
            return;
        };
        match self.next {
            Some(next) if next != index => self.violation(format_args!("receives event {index} and not {next}")),
            Some(_) => {}
            None => self.check_first(index, len),
        }
        self.next = Some(index + 1);
    }

    /// Whether the first event is where a subscription begins.
    fn check_first(&self, index: usize, len: usize) {
        let retained = self.world.plan.topics[self.topic].retained;
        let oldest = |len: usize| len.saturating_sub(retained);
        let opened_at = self.opened_at.unwrap_or(len);
        let (from, to) = match self.begin {
            // It may begin before the head of the log: at the position that the hub had reached.
            Begin::Live => (0, opened_at),
            Begin::Last(n) => (0, oldest(opened_at).max(opened_at.saturating_sub(n))),
            Begin::Earliest => (oldest(self.asked_at), oldest(opened_at)),
        };
        if index < from || index > to {
            self.violation(format_args!("begins with event {index}, which is not within {from}..={to}"));
        }
    }

    /// Checks that the gap is reported once, and that events are missing.
    fn receive_gap(&mut self, gap: &Gap, id: &str) {
        self.note(format_args!("receives {gap:?} {id}"));
        self.world.count("gaps");
        let index = self.world.truth().logs.get(&self.key).and_then(|log| log.index_of(id));
        let Some(index) = index else {
            self.violation(format_args!("a gap whose id {id} is not in the log: {gap:?}"));
            return;
        };
        let next = index + 1;
        if let Some(expected) = self.next {
            if next <= expected {
                self.violation(format_args!("a gap before event {next}, and the next one is {expected}: {gap:?}"));
            } else if gap.missed.is_some_and(|missed| missed != (next - expected) as u64) {
                self.violation(format_args!("a gap of events {expected}..{next}: {gap:?}"));
            }
        }
        if next > self.oldest() {
            self.violation(format_args!("the gap ends at {next}, after the oldest retained event: {gap:?}"));
        }
        self.next = Some(next);
    }

    /// The stream has ended: with the last event, or because there is nothing to receive.
    fn check_end(&self, ended: Option<Ended>) {
        self.note(format_args!("ends: {ended:?}"));
        self.world.count("ends");
        let (len, end) = {
            let truth = self.world.truth();
            truth.logs.get(&self.key).map_or((0, None), |log| (log.events.len(), log.end))
        };
        if end.is_none() {
            self.violation(format_args!("the stream has ended, and the topic is open: {ended:?}"));
        }
        let is_complete = match (self.has_end, self.next, self.begin) {
            (true, ..) => true,
            (false, Some(next), _) => next == len,
            (false, None, Begin::Live | Begin::Last(0)) => true,
            (false, None, _) => len == 0,
        };
        if !is_complete {
            self.violation(format_args!("the stream has ended without the last event: {ended:?}"));
        }
    }

    fn note(&self, line: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("reader {} of {}: {line}", self.number, self.key));
    }

    fn violation(&self, text: std::fmt::Arguments<'_>) {
        self.world.violation(format!("reader {} of {}: {text}", self.number, self.key));
    }
}
