use std::{
    collections::HashSet,
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_core::Stream;
use redis::aio::PubSubSink;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::{
    back_off::BackOff,
    commands::PING_EVERY,
    connect::{NotificationConnection, Target},
    error::{Kind, RedisError},
    position::Position,
    status::{Link, Status},
    trace::ConnectionReports,
};
use crate::hub::{Interest, Wakes};

/// How many channels one command names.
const BATCH: usize = 1000;

/// How long the server may take to confirm a subscription, or to answer a PING.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// Subscribes to the channels of the followed keys, on one connection.
pub(super) struct Notifications {
    target: Arc<Target>,
    wakes: Wakes,
    status: Arc<Status>,
    followed: HashSet<Arc<str>>,
    reports: ConnectionReports,
}

impl Notifications {
    pub(super) fn new(target: Arc<Target>, wakes: Wakes, status: Arc<Status>) -> Self {
        Self { target, wakes, status, followed: HashSet::new(), reports: ConnectionReports::new(Link::Notifications) }
    }

    /// Forwards notifications, for ever. `first` is the connection that there is already.
    pub(super) async fn run(mut self, mut first: Option<NotificationConnection>) {
        let mut back_off = BackOff::new();
        loop {
            let connected = match first.take() {
                Some(connected) => Ok(connected),
                None => self.target.connect_notifications().await,
            };
            let error = match connected {
                Ok(connected) => {
                    let error = match self.forward(connected, &mut back_off).await {
                        Err(error) => error,
                        Ok(never) => match never {},
                    };
                    self.reports.disconnected(&error);
                    error
                }
                Err(error) => error,
            };
            self.status.set(Link::Notifications, Some(error.clone()));
            let pause = back_off.pause();
            self.reports.connect_failed(&error, pause);
            sleep(pause).await;
        }
    }

    /// Forwards notifications until the connection breaks.
    async fn forward(
        &mut self,
        connected: NotificationConnection,
        back_off: &mut BackOff,
    ) -> Result<std::convert::Infallible, RedisError> {
        let NotificationConnection { mut sink, mut messages } = connected;
        while let Some(interest) = poll_once(self.wakes.interest()).await {
            self.note(interest);
        }
        let followed: Vec<_> = self.followed.iter().cloned().collect();
        for keys in followed.chunks(BATCH) {
            self.subscribe(&mut sink, keys).await?;
        }
        // In effect: from here on no change is missed, and what changed before is read now.
        self.status.set(Link::Notifications, None);
        self.reports.connected();
        self.wakes.all_changed();

        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.tick().await;
        loop {
            tokio::select! {
                message = poll_fn(|cx| Pin::new(&mut messages).poll_next(cx)) => {
                    let Some(message) = message else {
                        return Err(RedisError::new(Kind::Unreachable, "the server closed the connection"));
                    };
                    self.wake(&message);
                }
                _ = ping.tick() => {
                    let sent = Instant::now();
                    confirmed(sink.ping::<redis::Value>()).await?;
                    self.status.set_round_trip(sent.elapsed());
                    *back_off = BackOff::new();
                }
                interest = self.wakes.interest() => self.follow(&mut sink, interest).await?,
            }
        }
    }

    fn wake(&self, message: &redis::Msg) {
        let Some(key) = self.target.key_of_channel(message.get_channel_name()) else { return };
        let newest = str::from_utf8(message.get_payload_bytes()).ok().and_then(Position::parse);
        self.wakes.changed(key, newest.map(Position::id).as_ref());
    }

    /// Takes note of a change. Returns whether there is something to tell the server.
    fn note(&mut self, interest: Interest) -> bool {
        match interest {
            Interest::Follow(key) => self.followed.insert(key),
            Interest::Leave(key) => self.followed.remove(&key),
        }
    }

    /// Follows and leaves the key, and those that wait behind it.
    async fn follow(&mut self, sink: &mut PubSubSink, first: Interest) -> Result<(), RedisError> {
        let mut next = Some(first);
        let (mut follow, mut leave) = (Vec::new(), Vec::new());
        while let Some(interest) = next {
            let (key, changes) = match &interest {
                Interest::Follow(key) => (Arc::clone(key), &mut follow),
                Interest::Leave(key) => (Arc::clone(key), &mut leave),
            };
            if self.note(interest) {
                changes.push(key);
            }
            next = if follow.len() + leave.len() < BATCH { poll_once(self.wakes.interest()).await } else { None };
        }
        // A key may have been left and followed again since.
        leave.retain(|key| !self.followed.contains(key));
        follow.retain(|key| self.followed.contains(key));
        if !leave.is_empty() {
            confirmed(sink.unsubscribe(self.channels(&leave))).await?;
        }
        if !follow.is_empty() {
            self.subscribe(sink, &follow).await?;
        }
        for key in follow {
            // It may have changed before.
            self.wakes.changed(&key, None);
        }
        Ok(())
    }

    async fn subscribe(&self, sink: &mut PubSubSink, keys: &[Arc<str>]) -> Result<(), RedisError> {
        confirmed(sink.subscribe(self.channels(keys))).await
    }

    fn channels(&self, keys: &[Arc<str>]) -> Vec<String> {
        keys.iter().map(|key| self.target.channel(key)).collect()
    }
}

async fn confirmed<T>(reply: impl Future<Output = redis::RedisResult<T>>) -> Result<T, RedisError> {
    match timeout(TIME_LIMIT, reply).await {
        Ok(reply) => Ok(reply?),
        Err(_) => Err(RedisError::timed_out()),
    }
}

/// The output of a future if it is ready.
async fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
