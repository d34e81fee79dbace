//! The process of a server: hubs, runs and publishers on the store, and HTTP.

use std::{
    convert::Infallible,
    panic::resume_unwind,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use sse_typed::{
    Hub, LastEventId, Merge, Sse, SseLayer, Subscription,
    event::EventId,
    hub::{LogOptions, PublishError, Retention, Start, Topics},
    runs::{BoxError, RunWriter, Runs},
    server::{BoxEvents, Drain, KeepAlive, RequestBody, Server, Shutdown},
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tower::{Layer, service_fn};

use crate::{
    inject::Injection,
    message::{Message, Number, Token},
    net::SimListener,
    part::part_name,
    plan::{ClosePlan, GapPlan, group_name},
    store::{SimLog, SimStore},
    world::{Outcome, World},
};

type Answer = Result<Sse<BoxEvents<Message>>, Response<Full<Bytes>>>;

/// The topics of a group.
type Group = Topics<usize, Message, SimLog>;

const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How long a response waits for the store.
const READY: Duration = Duration::from_secs(5);

/// How often a topic is closed again after an error.
const CLOSE_AGAIN: Duration = Duration::from_millis(200);

/// How long a server may take to end after its deadline: its connections have a second, and steps of the simulation take time.
const AFTER_DEADLINE: Duration = Duration::from_millis(1200);

/// What happens to a server from outside.
#[derive(Default)]
pub(crate) struct ServerMachine {
    /// It does not reach the store.
    pub(crate) is_cut: AtomicBool,
    /// Begins the shutdown of its process.
    pub(crate) drain: Notify,
    /// The server has shut down, and its process can end.
    pub(crate) has_drained: AtomicBool,
}

/// What the handlers of a process use.
#[derive(Clone)]
struct Process {
    world: Arc<World>,
    groups: Arc<[Group]>,
    runs: Runs<Message, SimStore>,
}

/// Runs the process of a server until it crashes or is drained.
pub(crate) async fn run(world: Arc<World>, number: usize, machine: Arc<ServerMachine>) -> turmoil::Result {
    world.note(format_args!("server {number} starts"));
    world.count("processes");
    machine.has_drained.store(false, Ordering::Relaxed);
    let store = SimStore::new(&world, number, &machine);
    let groups: Arc<[Group]> = (0..world.plan.groups.len()).map(|group| topics(&world, &store, group)).collect();
    for (topic, plan) in world.plan.topics.iter().enumerate() {
        tokio::spawn(publish(Arc::clone(&world), groups[plan.group].clone(), topic));
    }
    let plan = &world.plan;
    let mut runs = Runs::builder().lease(plan.lease).grace(plan.grace).owner(format!("server {number}"));
    if let Some(grace) = plan.cancel_on_disconnect {
        runs = runs.cancel_on_disconnect(grace);
    }
    let process = Process { world: Arc::clone(&world), groups, runs: runs.build_on(store, "runs") };
    let handlers = process.clone();
    let service = service_fn(move |request| {
        let handlers = handlers.clone();
        async move { Ok::<_, Infallible>(handlers.answer(request).await) }
    });
    let service = SseLayer::new().keep_alive(KeepAlive::every(KEEP_ALIVE)).layer(service);
    let (shutdown, mut drain, mut deadline) = (Shutdown::new(), plan.drain.drain(), plan.deadline);
    if world.injection == Some(Injection::EndlessDrain) {
        (drain, deadline) = (Drain::Finish { grace: Duration::MAX }, Duration::MAX);
    }
    let server = Server::new(SimListener::bind().await?).hand_off(plan.hand_off);
    let mut serving = pin!(server.shutdown(&shutdown, drain, deadline).serve(service));
    tokio::select! {
        _ = &mut serving => world.violation(format!("server {number} ends without a shutdown")),
        () = machine.drain.notified() => {}
    }
    world.note(format_args!("server {number} shuts down"));
    shutdown.begin();
    match timeout(plan.deadline + AFTER_DEADLINE, serving).await {
        Ok(served) => {
            world.note(format_args!("server {number} has shut down: {served:?}"));
            world.count_by("connections-drained", served.drained());
            world.count_by("connections-cut", served.cut());
            process.check_no_stream_is_open(number);
        }
        Err(_) => world.violation(format!("server {number} is not drained at its deadline")),
    }
    machine.has_drained.store(true, Ordering::Relaxed);
    std::future::pending().await
}

fn topics(world: &World, store: &SimStore, group: usize) -> Group {
    let plan = &world.plan.groups[group];
    let store = store.with_options(LogOptions::new().retain(Retention::events(plan.retained)));
    let hub = Hub::builder_on_gap(plan.on_gap.on_gap()).retain(Retention::events(plan.in_memory));
    Topics::on(store, &group_name(group), hub).idle(plan.idle)
}

/// Publishes to a topic, and closes it when the faults are over.
async fn publish(world: Arc<World>, topics: Group, topic: usize) {
    let (publisher, key, plan) = (world.next_number(), world.plan.topic_key(topic), &world.plan.topics[topic]);
    while !world.is_calm() {
        sleep(world.time_up_to(plan.max_pause)).await;
        let burst = if world.one_in(6) { world.draw(|rng| rng.u32(2..12)) } else { 1 };
        for _ in 0..burst {
            let n = world.next_number();
            match publish_number(&world, &topics, topic, n).await {
                Ok(id) => {
                    world.note(format_args!("publisher {publisher} of {key}: {n} is {id}"));
                    let acknowledged = (key.clone(), n, id.as_str().to_owned());
                    world.truth().acknowledged.entry(publisher).or_default().push(acknowledged);
                }
                Err(error) => {
                    world.note(format_args!("publisher {publisher} of {key}: {n}: {error}"));
                    if !error.is_unknown() {
                        world.truth().refused.push(n);
                    }
                }
            }
        }
    }
    loop {
        let last = Number { n: world.next_number(), pad: String::new() };
        world.change(topic, last.n);
        let last = match plan.close {
            ClosePlan::Terminal => Some(Message::Last(last)),
            ClosePlan::NotTerminal => Some(Message::Number(last)),
            ClosePlan::WithoutEvent => None,
        };
        match topics.hub(&topic).close(last).await {
            Err(error) if !error.is_closed() => {
                world.note(format_args!("publisher {publisher} closes {key}: {error}"));
                sleep(CLOSE_AGAIN).await;
            }
            _ => return,
        }
    }
}

/// Publishes an event: to the topics, which need no hub for it, or to the hub of a topic together with a change.
async fn publish_number(world: &World, topics: &Group, topic: usize, n: u64) -> Result<EventId, PublishError> {
    let pad = world.draw(|rng| if rng.u8(..20) == 0 { rng.usize(..6000) } else { rng.usize(..40) });
    let event = Message::Number(Number { n, pad: "x".repeat(pad) });
    let change = || {
        world.change(topic, n);
        event.clone()
    };
    if world.plan.group(topic).on_gap == GapPlan::Snapshot {
        topics.hub(&topic).publish_with(change).await
    } else {
        topics.publish(&topic, &event).await
    }
}

impl Process {
    async fn answer(self, request: Request<RequestBody>) -> Answer {
        let id = LastEventId::of(&request);
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let answer = if let Some(topic) = path.strip_prefix("/topics/") {
            self.read_topic(topic, &query, id).await
        } else if let Some(topics) = path.strip_prefix("/merged/") {
            self.merge_topics(topics, &query, id).await
        } else {
            self.run(request.method(), path.trim_start_matches("/runs/"), &query, id).await
        };
        if let Err(response) = &answer {
            self.world.note(format_args!("answer to {path}: {}", response.status()));
        }
        answer
    }

    async fn read_topic(&self, topic: &str, start: &str, id: LastEventId) -> Answer {
        let topic = self.topic(topic).ok_or_else(|| status(StatusCode::NOT_FOUND))?;
        let events = timeout(READY, self.subscribe(topic, start, id).ready()).await;
        events.map(|events| Sse::new(events).boxed()).map_err(|_| status(StatusCode::SERVICE_UNAVAILABLE))
    }

    /// Several topics on one stream: their numbers, with a `-` between them.
    async fn merge_topics(&self, topics: &str, start: &str, id: LastEventId) -> Answer {
        let mut merge = Merge::<Message>::new(id);
        for topic in topics.split('-') {
            let topic = self.topic(topic).ok_or_else(|| status(StatusCode::NOT_FOUND))?;
            let forgets = self.world.injection == Some(Injection::ForgetPart) && self.world.one_in(2);
            merge = merge.add(&part_name(topic), |id| {
                self.subscribe(topic, start, if forgets { LastEventId::none() } else { id })
            });
        }
        let events = timeout(READY, merge.ready()).await;
        events.map(|events| Sse::new(events).boxed()).map_err(|_| status(StatusCode::SERVICE_UNAVAILABLE))
    }

    fn topic(&self, number: &str) -> Option<usize> {
        number.parse().ok().filter(|topic| *topic < self.world.plan.topics.len())
    }

    fn subscribe(&self, topic: usize, start: &str, id: LastEventId) -> Subscription<Message> {
        let injection = self.world.injection;
        let id = if injection == Some(Injection::NeedlessSnapshot) { LastEventId::none() } else { id };
        let start = id.or(match start.strip_prefix("last=") {
            Some(n) => Start::Last(n.parse().unwrap_or(1)),
            None if start == "earliest" => Start::Earliest,
            None => Start::Live,
        });
        let topics = &self.groups[self.world.plan.topics[topic].group];
        if injection == Some(Injection::LeakStream) {
            std::mem::forget(topics.subscribe(&topic, start.clone()));
        }
        let has_snapshots = self.world.plan.group(topic).on_gap == GapPlan::Snapshot;
        let events = if has_snapshots && injection != Some(Injection::NoSnapshot) {
            let world = Arc::clone(&self.world);
            topics.hub(&topic).subscribe_with(start, move || Message::Snapshot(world.snapshot(topic)))
        } else {
            topics.subscribe(&topic, start)
        };
        let is_farewell = injection == Some(Injection::EarlyFarewell);
        if is_farewell { events.start_with(Message::Restarting) } else { events }
    }

    async fn run(&self, method: &Method, key: &str, query: &str, id: LastEventId) -> Answer {
        let scope = self.runs.public();
        if *method == Method::DELETE {
            return Err(scope.respond_to_stop(key).await);
        }
        let (world, name) = (Arc::clone(&self.world), key.to_owned());
        let produce = move |run| produce(world, name, run);
        // The id of the run that was lost comes with the request to restart it.
        let started = match query.strip_prefix("restart=").and_then(|run| run.parse().ok()) {
            Some(run) => scope.restart(key, produce).replacing(run),
            None => scope.start(key, produce),
        };
        started.respond(id).await.map(Sse::boxed)
    }

    /// The connections of a server that has shut down have ended, so nobody reads.
    fn check_no_stream_is_open(&self, number: usize) {
        let hubs = (0..self.world.plan.topics.len()).filter_map(|topic| {
            let hub = self.groups[self.world.plan.topics[topic].group].get(&topic)?;
            Some((topic, hub.stats().subscribers))
        });
        for (topic, subscribers) in hubs.filter(|(_, subscribers)| *subscribers > 0) {
            self.world.violation(format!("server {number} has shut down, and topic {topic} has {subscribers} streams"));
        }
    }
}

/// The work of a run.
async fn produce(world: Arc<World>, key: String, run: RunWriter<Message, SimStore>) -> Result<Message, BoxError> {
    let execution = world.next_number();
    world.begin_execution(execution, &key, &run.id().to_string());
    let (tokens, pause) = world.draw(|rng| (rng.u64(0..60), rng.u64(1..400)));
    for index in 0..tokens {
        sleep(world.time_up_to(Duration::from_millis(pause))).await;
        let id = run.publish(&Message::Token(Token { execution, index })).await;
        world.note(format_args!("execution {execution}: {index} is {id:?}"));
        if id.is_err() {
            world.truth().outcomes.insert(execution, Outcome::Failed(String::new()));
        }
        id?;
        world.truth().tokens.push((execution, index));
    }
    let returns = |outcome| world.truth().outcomes.insert(execution, outcome);
    match world.draw(|rng| rng.u8(..8)) {
        0 => {
            returns(Outcome::Failed("the work failed".to_owned()));
            Err("the work failed".into())
        }
        1 => {
            world.count("panics");
            returns(Outcome::Failed("the producer panicked".to_owned()));
            // A panic that prints nothing.
            resume_unwind(Box::new("the producer"))
        }
        _ => {
            returns(Outcome::Done);
            Ok(Message::Done(Token { execution, index: tokens }))
        }
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
