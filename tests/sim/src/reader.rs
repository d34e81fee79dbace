//! A client that reads topics, one or several on one stream, and checks each event against the log.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sse_typed::{
    Client,
    client::{Ended, ReconnectPolicy, RequestBuilder, Signal},
    event::{Event, EventId},
};
use tokio::time::sleep;

use crate::{
    message::Message,
    net::Balancer,
    part::{Begin, Part, part_name},
    plan::DrainPlan,
    world::World,
};

/// A reader, and what it has received.
struct Reader {
    world: Arc<World>,
    number: usize,
    begin: Begin,
    parts: Vec<Part>,
    is_merged: bool,
    /// The id with which it reconnects.
    id: String,
    has_end: bool,
    /// The server of the open stream has said that it ends.
    has_farewell: bool,
}

/// Of this many events, one is followed by a reload of the page, and one is read slowly.
const EVENTS_PER_RELOAD: u32 = 60;
const EVENTS_PER_REST: u32 = 25;

/// Reads topics to their end.
pub(crate) async fn read(world: Arc<World>, number: usize) -> turmoil::Result {
    let begin = world.draw(|rng| match rng.u8(..3) {
        0 => Begin::Live,
        1 => Begin::Earliest,
        _ => Begin::Last(rng.usize(0..20)),
    });
    let plan = &world.plan.readers[number];
    let parts = plan.topics.iter().map(|topic| Part::new(&world, number, *topic, begin)).collect();
    let is_merged = plan.is_merged;
    let mut reader =
        Reader { world, number, begin, parts, is_merged, id: String::new(), has_end: false, has_farewell: false };
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
        self.has_end = false;
        self.id.clear();
        self.parts.iter_mut().for_each(Part::forget);
    }

    /// Reads up to the end or a reload of the page. Returns whether it goes on.
    async fn read_until_reload(&mut self) -> bool {
        let start = match self.begin {
            Begin::Live => "live".to_owned(),
            Begin::Earliest => "earliest".to_owned(),
            Begin::Last(n) => format!("last={n}"),
        };
        let kind = if self.is_merged { "merged" } else { "topics" };
        let topics: Vec<_> = self.parts.iter().map(|part| part.topic.to_string()).collect();
        let url = format!("http://servers/{kind}/{}?{start}", topics.join("-"));
        let request = Client::new(Balancer(Arc::clone(&self.world))).get(url);
        let mut signals = with_settings(request, &self.world, &self.id).connect::<Message>().with_signals();
        while let Some(signal) = signals.next().await {
            let id = signals.source().last_event_id().to_owned();
            match signal {
                Ok(Signal::Open(head)) => {
                    self.note(format_args!("open {}", head.status));
                    self.check_forgotten(&id);
                    self.has_farewell = false;
                    // The response of a merged stream waits for one part only.
                    if !self.is_merged {
                        self.parts.iter_mut().for_each(Part::open);
                    }
                }
                Ok(Signal::Event(event)) => {
                    self.receive(&event);
                    let positions = self.positions(&id);
                    self.parts.iter_mut().for_each(|part| part.has_id = positions.contains_key(&part.topic));
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

    /// The positions in an id, by topic.
    fn positions(&self, id: &str) -> BTreeMap<usize, String> {
        if !self.is_merged {
            let topic = self.parts.first().map(|part| part.topic).filter(|_| !id.is_empty());
            return topic.map(|topic| (topic, id.to_owned())).into_iter().collect();
        }
        let list = id.strip_suffix('!').unwrap_or(id);
        let positions = list.split('*').filter_map(|part| part.split_once('~'));
        let of_part = |(name, id): (&str, &str)| {
            let part = self.parts.iter().find(|part| part_name(part.topic) == name);
            (part.map_or(usize::MAX, |part| part.topic), id.replace("%21", "!"))
        };
        positions.map(of_part).collect()
    }

    /// Checks the parts whose positions the client has forgotten.
    fn check_forgotten(&mut self, id: &str) {
        let positions = self.positions(id);
        let forgotten = self.parts.iter_mut().filter(|part| part.has_id && !positions.contains_key(&part.topic));
        forgotten.for_each(Part::check_forgotten);
        self.id = id.to_owned();
    }

    fn receive(&mut self, event: &Event<Message>) {
        if self.has_farewell {
            self.violation(format_args!("{:?} after the farewell of the server", event.data));
        }
        if self.has_end {
            self.violation(format_args!("{:?} after the last event", event.data));
        }
        let positions = self.positions(event.id.as_ref().map_or("", EventId::as_str));
        let part_of = |is_part: &dyn Fn(&Part, &str) -> bool| {
            self.parts.iter().position(|part| positions.get(&part.topic).is_some_and(|id| is_part(part, id)))
        };
        let index = match &event.data {
            Message::Restarting => return self.receive_farewell(),
            Message::Number(number) | Message::Last(number) => part_of(&|part, id| part.has_event(number.n, id)),
            Message::Missed(gap) if self.is_merged => {
                part_of(&|part, _| gap.part.is_some_and(|name| name.as_str() == part_name(part.topic)))
            }
            Message::Missed(gap) => part_of(&|_, _| gap.part.is_none()),
            Message::Snapshot(snapshot) => part_of(&|part, _| part.topic == snapshot.topic),
            _ => None,
        };
        if self.is_merged && self.parts.len() > 1 {
            self.world.count("merged");
        }
        let Some(index) = index else {
            self.violation(format_args!("{:?} with id {:?} is not in a log", event.data, event.id));
            return;
        };
        for (other, part) in self.parts.iter_mut().enumerate() {
            let Some(id) = positions.get(&part.topic) else { continue };
            match &event.data {
                _ if other != index => part.check_position(id),
                Message::Number(number) | Message::Last(number) => part.receive_number(number.n, id),
                Message::Missed(gap) => part.receive_gap(gap, id),
                Message::Snapshot(snapshot) => part.receive_snapshot(*snapshot, id),
                _ => {}
            }
        }
        self.has_end = matches!(event.data, Message::Last(_));
    }

    fn receive_farewell(&mut self) {
        self.note(format_args!("receives a farewell"));
        self.world.count("farewells");
        self.has_farewell = true;
        if self.world.plan.drain != DrainPlan::Farewell {
            self.violation(format_args!("a farewell, and servers are drained as {:?}", self.world.plan.drain));
        }
    }

    /// The stream has ended: with a last event, or because there is nothing to receive.
    fn check_end(&self, ended: Option<Ended>) {
        self.note(format_args!("ends: {ended:?}"));
        self.world.count("ends");
        if !self.has_end && !self.parts.iter().all(Part::is_complete) {
            self.violation(format_args!("the stream has ended, and events are missing or a topic is open: {ended:?}"));
        }
    }

    fn note(&self, line: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("reader {}: {line}", self.number));
    }

    fn violation(&self, text: std::fmt::Arguments<'_>) {
        self.world.violation(format!("reader {}: {text}", self.number));
    }
}
