//! A client that reads the stream to its end, and checks what it receives.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sse_typed::{
    Client, EventId,
    client::{EventSource, ReconnectPolicy, Signal, Signals},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{publisher::Ledger, random::Random, received::Received, server::SoakEvent};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Habit {
    /// Reads all the time.
    Steady,
    /// Does not read for up to this time, now and then.
    Slow(Duration),
    /// Disconnects, and returns after up to this time, now and then.
    Leaving(Duration),
}

#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) server: SocketAddr,
    pub(crate) habit: Habit,
    pub(crate) random: Random,
    pub(crate) ledger: Ledger,
    pub(crate) received: Arc<Mutex<Received>>,
    /// True once everything is published: from then on it only reads.
    pub(crate) stop: watch::Receiver<bool>,
}

/// The time between two pauses.
const ACTIVE: Duration = Duration::from_secs(4);

impl Reader {
    /// Reads until the terminal event.
    pub(crate) async fn read(mut self) {
        let mut signals = self.connect("");
        let mut pause_at = Instant::now() + self.random.around(ACTIVE);
        loop {
            let signal = tokio::select! {
                signal = signals.next() => signal,
                () = sleep_until(pause_at), if !matches!(self.habit, Habit::Steady) && !*self.stop.borrow() => {
                    signals = self.pause(signals).await;
                    pause_at = Instant::now() + self.random.around(ACTIVE);
                    continue;
                }
            };
            match signal {
                Some(Ok(Signal::Event(event))) => match event.data {
                    SoakEvent::Published { number, .. } => self.received().event(number, &self.ledger.lock()),
                    SoakEvent::Missed(_) => self.received().gap(),
                    SoakEvent::Finished => return self.received().end(&self.ledger.lock()),
                },
                Some(Ok(Signal::Open(_))) => self.received().state = "is connected",
                Some(Ok(Signal::Reconnecting { .. })) => {
                    let mut received = self.received();
                    received.reconnects += 1;
                    received.state = "reconnects";
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    let message = format!("{error}: {:?}", std::error::Error::source(&error));
                    self.received().error(message);
                    if error.is_fatal() {
                        return;
                    }
                }
                None => return self.received().error("the source has ended before the terminal event".to_owned()),
            }
        }
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, last_event_id: &str) -> Signals<SoakEvent> {
        let policy = ReconnectPolicy::new().base(Duration::from_millis(100)).max(Duration::from_secs(1));
        let mut request = Client::hyper().get(format!("http://{}/events", self.server)).reconnect(policy);
        if let Ok(id) = EventId::new(last_event_id)
            && !last_event_id.is_empty()
        {
            request = request.last_event_id(id);
        }
        let source: EventSource<SoakEvent> = request.connect().boxed();
        source.with_signals()
    }

    async fn pause(&mut self, mut signals: Signals<SoakEvent>) -> Signals<SoakEvent> {
        self.received().state = "pauses";
        match self.habit {
            Habit::Steady => signals,
            Habit::Slow(longest) => {
                self.wait(longest).await;
                self.received().state = "has paused";
                signals
            }
            Habit::Leaving(longest) => {
                let last_event_id = signals.source().last_event_id().to_owned();
                drop(signals);
                self.wait(longest).await;
                self.received().reconnects += 1;
                self.received().state = "returns";
                self.connect(&last_event_id)
            }
        }
    }

    /// Waits for up to `longest`, or until everything is published.
    async fn wait(&mut self, longest: Duration) {
        let time = self.random.up_to(longest);
        tokio::select! {
            () = sleep(time) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }
}
