//! A client that asks for a run, and reads it to its end.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use sse_typed::{
    Client,
    client::{Resume, Signal},
    event::{Event, EventId},
};
use tokio::time::{sleep, timeout};
use tower::Service as _;

use crate::{
    message::Message,
    net::Balancer,
    reader::{RESPONSE_TIMEOUT, with_settings},
    run_key,
    world::World,
};

struct RunReader {
    world: Arc<World>,
    number: usize,
    key: String,
    /// The execution, and the index of its next event.
    execution: Option<u64>,
    next: u64,
    id: String,
    end: Option<&'static str>,
}

/// Of this many events, one is followed by a reload of the page, one by a request to stop, and one is read slowly.
const EVENTS_PER_RELOAD: u32 = 30;
const EVENTS_PER_STOP: u32 = 150;
const EVENTS_PER_REST: u32 = 40;

/// How often a run that was lost is started again by a reader.
const RESTARTS: usize = 2;

/// Reads a run, which this starts unless it was started before.
pub(crate) async fn read(world: Arc<World>, number: usize) -> turmoil::Result {
    let key = run_key(number % world.plan.runs);
    let mut reader = RunReader { world, number, key, execution: None, next: 0, id: String::new(), end: None };
    sleep(reader.world.time_up_to(Duration::from_secs(3))).await;
    let mut replaced = None;
    for _ in 0..=RESTARTS {
        reader.forget();
        while reader.read_until_reload(replaced.as_deref()).await {
            reader.world.count("reloads");
            if reader.world.one_in(3) {
                reader.forget();
            }
            sleep(reader.world.time_up_to(Duration::from_secs(2))).await;
        }
        if reader.end != Some("lost") || reader.world.one_in(3) {
            break;
        }
        replaced = reader.lost_run();
    }
    Ok(())
}

impl RunReader {
    /// A client on its first visit.
    fn forget(&mut self) {
        self.note(format_args!("begins"));
        (self.execution, self.next, self.end) = (None, 0, None);
        self.id.clear();
    }

    /// The id of the run that it has seen the end of: its id is that of the events' log.
    fn lost_run(&self) -> Option<String> {
        let truth = self.world.truth();
        let found = truth.logs.iter().find(|(key, log)| key.contains(&self.key) && log.index_of(&self.id).is_some());
        found.and_then(|(key, _)| Some(key.rsplit_once('@')?.1.to_owned()))
    }

    async fn read_until_reload(&mut self, replaced: Option<&str>) -> bool {
        let query = replaced.map(|run| format!("?restart={run}")).unwrap_or_default();
        let request = Client::new(Balancer(Arc::clone(&self.world)))
            .post(format!("http://servers/runs/{}{query}", self.key))
            .resume_with(Resume::Same);
        let mut signals = with_settings(request, &self.world, &self.id).connect::<Message>().with_signals();
        while let Some(signal) = signals.next().await {
            let id = signals.source().last_event_id().to_owned();
            match signal {
                Ok(Signal::Event(event)) => {
                    self.receive(&event);
                    self.id = id;
                    if self.world.is_disturbed(EVENTS_PER_RELOAD) {
                        return true;
                    }
                    if self.world.one_in(EVENTS_PER_STOP) {
                        tokio::spawn(stop(Arc::clone(&self.world), self.key.clone()));
                    }
                    if self.world.is_disturbed(EVENTS_PER_REST) {
                        sleep(self.world.time_up_to(Duration::from_secs(4))).await;
                    }
                }
                Ok(Signal::Reconnecting { cause, .. }) => {
                    self.world.count("reconnects");
                    self.note(format_args!("reconnects: {cause:?}"));
                    if id.is_empty() && !self.id.is_empty() {
                        self.check_replaced();
                        self.forget();
                    }
                }
                Ok(_) => {}
                Err(error) => self.violation(format_args!("{error}: {error:?}")),
            }
        }
        self.note(format_args!("ends: {:?} {:?}", self.end, signals.source().ended()));
        self.check_end();
        false
    }

    /// An id is forgotten only when its run was replaced by another one.
    fn check_replaced(&self) {
        let key = format!("{}@", self.key);
        let runs = self.world.truth().claims.iter().filter(|log| log.contains(&key)).count();
        if runs < 2 {
            self.violation(format_args!("the id is forgotten, and there was one run"));
        }
    }

    fn receive(&mut self, event: &Event<Message>) {
        let id = event.id.as_ref().map_or("", EventId::as_str);
        if event.data == Message::Restarting {
            return self.note(format_args!("receives a farewell"));
        }
        self.note(format_args!("receives {:?} {id}", event.data));
        self.world.count("tokens");
        if self.end.is_some() {
            self.violation(format_args!("{:?} after the end", event.data));
        }
        let token = match &event.data {
            Message::Token(token) | Message::Done(token) => Some(token),
            _ => None,
        };
        if let Some(token) = token {
            let expected = (*self.execution.get_or_insert(token.execution), self.next);
            if (token.execution, token.index) != expected {
                self.violation(format_args!("receives {token:?} and not {expected:?}"));
            }
            self.next = token.index + 1;
        }
        self.end = event.data.run_end();
        if self.end.is_none() && token.is_none() {
            self.violation(format_args!("an event of a topic: {:?}", event.data));
        }
        self.check_position(id);
    }

    /// The event is the one of the log that follows the last one: so are events without an index.
    fn check_position(&self, id: &str) {
        let truth = self.world.truth();
        let mut logs = truth.logs.iter().filter(|(key, _)| key.contains(&self.key));
        let found = logs.find_map(|(_, log)| Some((log, log.index_of(id)?)));
        let index = found.map(|(_, index)| index as u64);
        let end = found.and_then(|(log, index)| log.events.get(index)).map(|event| event.event_type().to_owned());
        drop(truth);
        let expected = if self.end.is_some_and(|end| end != "done") { self.next } else { self.next - 1 };
        if index != Some(expected) || self.end.is_some_and(|end_type| Some(end_type) != end.as_deref()) {
            self.violation(format_args!("event {expected} is {index:?} in the log, {end:?}"));
        }
    }

    fn check_end(&self) {
        self.world.count(self.end.unwrap_or("no-end"));
        if self.end.is_none() {
            self.violation(format_args!("the stream has ended without an end of the run"));
        }
    }

    fn note(&self, line: std::fmt::Arguments<'_>) {
        self.world.note(format_args!("reader {} of {}: {line}", self.number, self.key));
    }

    fn violation(&self, text: std::fmt::Arguments<'_>) {
        self.world.violation(format!("reader {} of {}: {text}", self.number, self.key));
    }
}

/// Asks a run to stop. The request may fail.
async fn stop(world: Arc<World>, key: String) {
    world.truth().stops.insert(key.clone());
    let request = http::Request::delete(format!("http://servers/runs/{key}")).body(Full::<Bytes>::default());
    let Ok(request) = request else { return };
    let response = timeout(RESPONSE_TIMEOUT, Balancer(Arc::clone(&world)).call(request)).await;
    world
        .note(format_args!("stop of {key}: {:?}", response.map(|response| response.map(|response| response.status()))));
}
