//! Publishes numbered events one after the other, and records the answers.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{Method, Request},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

/// The answers of the server, which readers compare with what they receive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Published>>);

#[derive(Debug, Default)]
pub(crate) struct Published {
    /// The number of the last event that was published, stored or unknown.
    pub(crate) last: u64,
    /// The events that got no answer. They may be stored, also later than the events after them.
    pub(crate) unknown: BTreeSet<u64>,
    /// The requests that were answered with an error: the event was published again.
    pub(crate) refused: u64,
}

impl Ledger {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Published> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
enum Answer {
    Stored,
    NotStored,
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Publisher {
    client: Client<HttpConnector, Body>,
    server: watch::Receiver<Option<SocketAddr>>,
    ledger: Ledger,
}

/// How long a request may take.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// The time before a request is repeated.
const PAUSE: Duration = Duration::from_millis(20);

impl Publisher {
    pub(crate) fn new(server: watch::Receiver<Option<SocketAddr>>, ledger: Ledger) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), server, ledger }
    }

    /// Publishes until `stop` is true.
    pub(crate) async fn publish(&self, rate: u64, stop: &watch::Receiver<bool>) {
        let mut ticks = interval(Duration::from_secs(1).div_f64(rate as f64));
        // After an outage the rate stays.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 1.. {
            ticks.tick().await;
            loop {
                if *stop.borrow() {
                    return;
                }
                match self.send(Method::POST, &format!("/events/{number}")).await {
                    Answer::Stored => break,
                    // Repeating is safe: the event is certainly not stored.
                    Answer::NotStored => self.ledger.lock().refused += 1,
                    // Repeating could store it twice.
                    Answer::Unknown => {
                        self.ledger.lock().unknown.insert(number);
                        break;
                    }
                }
                sleep(PAUSE).await;
            }
            self.ledger.lock().last = number;
        }
    }

    /// Closes the log with the last event. Returns whether that has succeeded.
    pub(crate) async fn finish(&self) -> bool {
        self.repeat(Method::POST, "/finish").await
    }

    /// Removes the log from the store. Returns whether that has succeeded.
    pub(crate) async fn remove(&self) -> bool {
        self.repeat(Method::DELETE, "/log").await
    }

    /// Both may be repeated, whatever the answer was.
    async fn repeat(&self, method: Method, path: &str) -> bool {
        let started = Instant::now();
        while started.elapsed() < TIME_LIMIT {
            if let Answer::Stored = self.send(method.clone(), path).await {
                return true;
            }
            sleep(PAUSE).await;
        }
        false
    }

    async fn send(&self, method: Method, path: &str) -> Answer {
        let Some(server) = *self.server.borrow() else { return Answer::NotStored };
        let request = Request::builder().method(method).uri(format!("http://{server}{path}")).body(Body::empty());
        let Ok(request) = request else { return Answer::NotStored };
        match timeout(TIME_LIMIT, self.client.request(request)).await {
            Ok(Ok(response)) if response.status() == 200 => Answer::Stored,
            Ok(Ok(response)) if response.status() == 503 => Answer::NotStored,
            Ok(Err(error)) if error.is_connect() => Answer::NotStored,
            _ => Answer::Unknown,
        }
    }
}
