//! Topics are compared with a simple model.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;
use sse_typed::{
    Subscription,
    hub::{Hub, Start, Topics},
};
use tokio::time::{Instant, advance};

use crate::common::Feed;

const IDLE: Duration = Duration::from_secs(60);

type Key = u64;

#[derive(Clone, Debug)]
enum Step {
    Publish(Key),
    Hold(Key),
    Subscribe(Key),
    /// Drops a handle and a subscription, if there are any.
    GiveUp(Key),
    Get(Key),
    Close(Key),
    Remove(Key),
    DropIdle,
    /// Lets half of the idle time pass, and calls `get` with an unknown key as often as there are topics.
    Round,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || 0..12_u64;
    let step = prop_oneof![
        6 => key().prop_map(Step::Publish),
        2 => key().prop_map(Step::Hold),
        2 => key().prop_map(Step::Subscribe),
        4 => key().prop_map(Step::GiveUp),
        2 => key().prop_map(Step::Get),
        2 => key().prop_map(Step::Close),
        1 => key().prop_map(Step::Remove),
        1 => Just(Step::DropIdle),
        1 => Just(Step::Round),
        4 => (0..70_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..100)
}

/// What is known about a topic.
struct Topic {
    published: u64,
    handles: Vec<Hub<Feed>>,
    subscriptions: Vec<Subscription<Feed>>,
    used: Instant,
    closed: Option<Instant>,
}

impl Topic {
    fn is_idle(&self) -> bool {
        let since = self.closed.unwrap_or(self.used);
        self.handles.is_empty() && self.subscriptions.is_empty() && since.elapsed() >= IDLE
    }
}

struct Model {
    topics: Topics<Key, Feed>,
    known: HashMap<Key, Topic>,
}

impl Model {
    /// The topic, which is made if there is none. A topic that is not idle must be the known one.
    fn hub(&mut self, key: Key) -> Hub<Feed> {
        let hub = self.topics.hub(&key);
        self.found(key, Some(&hub));
        hub
    }

    /// Checks a topic that a call returned.
    fn found(&mut self, key: Key, hub: Option<&Hub<Feed>>) {
        let published = hub.map(|hub| hub.stats().published);
        match self.known.get_mut(&key) {
            Some(topic) if topic.is_idle() && (published != Some(topic.published) || topic.closed.is_some()) => {
                assert!(published.is_none_or(|published| published == 0), "a new topic has no history");
                assert!(hub.is_none_or(|hub| !hub.is_closed()));
                self.known.remove(&key);
            }
            Some(topic) => {
                assert_eq!(published, Some(topic.published), "the topic is kept with its history");
                assert_eq!(hub.map(Hub::is_closed), Some(topic.closed.is_some()));
                topic.used = Instant::now();
            }
            None => {}
        }
        if hub.is_some() {
            self.known.entry(key).or_insert_with(|| Topic {
                published: 0,
                handles: Vec::new(),
                subscriptions: Vec::new(),
                used: Instant::now(),
                closed: None,
            });
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Publish(key) => {
                let published = self.hub(key).publish_now(&Feed::Tick(1)).is_ok();
                let topic = self.known.get_mut(&key).unwrap();
                assert_eq!(published, topic.closed.is_none());
                topic.published += u64::from(published);
            }
            Step::Hold(key) => {
                let hub = self.hub(key);
                self.known.get_mut(&key).unwrap().handles.push(hub);
            }
            Step::Subscribe(key) => {
                self.hub(key);
                let subscription = self.topics.subscribe(&key, Start::Live);
                self.known.get_mut(&key).unwrap().subscriptions.push(subscription);
            }
            Step::GiveUp(key) => {
                if let Some(topic) = self.known.get_mut(&key)
                    && (topic.handles.pop().is_some() | topic.subscriptions.pop().is_some())
                {
                    topic.used = Instant::now();
                }
            }
            Step::Get(key) => {
                let hub = self.topics.get(&key);
                self.found(key, hub.as_ref());
            }
            Step::Close(key) => {
                let _ = self.hub(key).close_now(None);
                self.known.get_mut(&key).unwrap().closed.get_or_insert_with(Instant::now);
                // From now on it is known to be closed.
                assert!(self.topics.get(&key).unwrap().is_closed());
            }
            Step::Remove(key) => {
                let removed = self.topics.remove(&key);
                match self.known.remove(&key) {
                    Some(topic) => assert!(removed.is_some() || topic.is_idle()),
                    None => assert!(removed.is_none()),
                }
            }
            Step::DropIdle => {
                self.topics.drop_idle();
                self.known.retain(|_, topic| !topic.is_idle());
                assert_eq!(self.topics.len(), self.known.len());
            }
            Step::Round => {
                let idle: Vec<Key> =
                    self.known.iter().filter(|(_, topic)| topic.is_idle()).map(|(key, _)| *key).collect();
                advance(IDLE / 2).await;
                for _ in 0..self.topics.len() {
                    assert!(self.topics.get(&Key::MAX).is_none());
                }
                for key in idle {
                    self.known.remove(&key);
                    assert!(self.topics.remove(&key).is_none(), "the topic exists");
                }
            }
            Step::Wait(seconds) => advance(Duration::from_secs(seconds)).await,
        }
        let kept = self.known.values().filter(|topic| !topic.is_idle()).count();
        assert!((kept..=self.known.len()).contains(&self.topics.len()));
    }
}

proptest! {
    #[test]
    fn topics_are_dropped_if_they_are_idle_and_only_then(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut model = Model { topics: Topics::new(Hub::builder()).idle(IDLE), known: HashMap::new() };
            for step in steps {
                model.step(step).await;
            }
        });
    }
}
