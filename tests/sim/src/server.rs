//! The process of a server: hubs, runs and publishers on the store, and HTTP.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use sse_typed::{
    Hub, LastEventId, Sse, SseLayer, Subscription,
    hub::{EventStore, LogOptions, OnGap, Retention, Start},
    runs::{BoxError, RunWriter, Runs},
    server::{KeepAlive, RequestBody, Server},
};
use tokio::time::{sleep, timeout};
use tower::{Layer, service_fn};

use crate::{
    message::{Message, Number, Token},
    net::SimListener,
    store::{SimLog, SimStore},
    topic_key,
    world::World,
};

type Topic = Arc<Hub<Message, SimLog>>;
type Answer = Result<Sse<Subscription<Message>>, Response<Full<Bytes>>>;

const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// How long a response waits for the store.
const READY: Duration = Duration::from_secs(5);

/// How often a topic is closed again after an error.
const CLOSE_AGAIN: Duration = Duration::from_millis(200);

/// What the handlers of a process use.
#[derive(Clone)]
struct Process {
    world: Arc<World>,
    topics: Arc<[Topic]>,
    runs: Runs<Message, SimStore>,
}

/// Runs the process of a server until it crashes.
pub(crate) async fn run(world: Arc<World>, number: usize, is_cut: Arc<AtomicBool>) -> turmoil::Result {
    world.note(format_args!("server {number} starts"));
    world.count("processes");
    let store = SimStore::new(&world, number, is_cut);
    let topics: Arc<[Topic]> = (0..world.plan.topics.len()).map(|topic| hub(&world, &store, topic)).collect();
    for topic in 0..topics.len() {
        tokio::spawn(publish(Arc::clone(&world), Arc::clone(&topics[topic]), topic));
    }
    let plan = &world.plan;
    let mut runs = Runs::builder().lease(plan.lease).grace(plan.grace).owner(format!("server {number}"));
    if let Some(grace) = plan.cancel_on_disconnect {
        runs = runs.cancel_on_disconnect(grace);
    }
    let process = Process { world: Arc::clone(&world), topics, runs: runs.build_on(store, "runs") };
    let service = service_fn(move |request| {
        let process = process.clone();
        async move { Ok::<_, Infallible>(process.answer(request).await) }
    });
    let service = SseLayer::new().keep_alive(KeepAlive::every(KEEP_ALIVE)).layer(service);
    Server::new(SimListener::bind().await?).hand_off(world.plan.hand_off).serve(service).await;
    Ok(())
}

fn hub(world: &World, store: &SimStore, topic: usize) -> Topic {
    let plan = &world.plan.topics[topic];
    let on_gap = if plan.emits_gaps { OnGap::emit() } else { OnGap::Restart };
    let hub = Hub::builder_on_gap(on_gap).retain(Retention::events(plan.in_memory));
    Arc::new(hub.build_on(store.open(&topic_key(topic), &topic_options(plan.retained))))
}

/// The options of a topic's log.
pub(crate) const fn topic_options(retained: usize) -> LogOptions {
    LogOptions::new().retain(Retention::events(retained))
}

/// Publishes to a topic, and closes it when the faults are over.
async fn publish(world: Arc<World>, topic: Topic, number: usize) {
    let (publisher, key, plan) = (world.next_number(), topic_key(number), &world.plan.topics[number]);
    while !world.is_calm() {
        sleep(world.time_up_to(plan.max_pause)).await;
        let burst = if world.one_in(6) { world.draw(|rng| rng.u32(2..12)) } else { 1 };
        for _ in 0..burst {
            let n = world.next_number();
            let pad = world.draw(|rng| if rng.u8(..20) == 0 { rng.usize(..6000) } else { rng.usize(..40) });
            let event = Message::Number(Number { n, pad: "x".repeat(pad) });
            match topic.publish(&event).await {
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
        match topic.close(Some(Message::Last(last))).await {
            Err(error) if !error.is_closed() => {
                world.note(format_args!("publisher {publisher} closes {key}: {error}"));
                sleep(CLOSE_AGAIN).await;
            }
            _ => return,
        }
    }
}

impl Process {
    async fn answer(self, request: Request<RequestBody>) -> Answer {
        let id = LastEventId::of(&request);
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let answer = match path.strip_prefix("/topics/") {
            Some(topic) => self.read_topic(topic, &query, id).await,
            None => self.run(request.method(), path.trim_start_matches("/runs/"), &query, id).await,
        };
        if let Err(response) = &answer {
            self.world.note(format_args!("answer to {path}: {}", response.status()));
        }
        answer
    }

    async fn read_topic(&self, topic: &str, start: &str, id: LastEventId) -> Answer {
        let Some(topic) = topic.parse().ok().and_then(|topic: usize| self.topics.get(topic)) else {
            return Err(status(StatusCode::NOT_FOUND));
        };
        let start = match start.strip_prefix("last=") {
            Some(n) => Start::Last(n.parse().unwrap_or(1)),
            None if start == "earliest" => Start::Earliest,
            None => Start::Live,
        };
        match timeout(READY, topic.subscribe(id.or(start)).ready()).await {
            Ok(events) => Ok(Sse::new(events)),
            Err(_) => Err(status(StatusCode::SERVICE_UNAVAILABLE)),
        }
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
        started.respond(id).await
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
        id?;
        world.truth().tokens.push((execution, index));
    }
    match world.draw(|rng| rng.u8(..4)) {
        0 => Err("the work failed".into()),
        _ => Ok(Message::Done(Token { execution, index: tokens })),
    }
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
