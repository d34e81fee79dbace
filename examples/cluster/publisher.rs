//! Publishes numbered events through both servers at the same time, as two users of a service behind a load balancer do.

use std::{error::Error, time::Duration};

use axum::{body::Body, http::Request};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{sync::watch, time::sleep};

/// The numbers of the events that were published.
#[derive(Debug, Default)]
pub(crate) struct Published {
    /// A server has answered that the store has the event. No client may miss it.
    pub(crate) stored: Vec<u64>,
    /// The server was killed before it answered. The event may be stored. No client may receive it twice.
    pub(crate) unknown: Vec<u64>,
}

/// The time between two events of one publisher.
const PACE: Duration = Duration::from_millis(10);

/// Publishes the events from 1 to `events`, the odd ones through the first server and the even ones through the second.
/// While one of them is down, all go through the other.
pub(crate) async fn publish_through_both(
    servers: &[String; 2],
    events: u64,
    progress: watch::Sender<u64>,
) -> Published {
    let (mut odd, even) = tokio::join!(publish(servers, 0, events, &progress), publish(servers, 1, events, &progress));
    odd.stored.extend(even.stored);
    odd.unknown.extend(even.unknown);
    odd
}

async fn publish(servers: &[String; 2], preferred: usize, events: u64, progress: &watch::Sender<u64>) -> Published {
    let mut published = Published::default();
    for number in (1..=events).skip(preferred).step_by(2) {
        let mut server = preferred;
        loop {
            match post(&format!("{}/events/{number}", servers[server])).await {
                Answer::Stored => {
                    published.stored.push(number);
                    break;
                }
                // Repeating is safe: the event is certainly not stored.
                Answer::NotStored => server = 1 - server,
                // Repeating could store it twice.
                Answer::Unknown => {
                    published.unknown.push(number);
                    break;
                }
            }
            sleep(PACE).await;
        }
        progress.send_modify(|done| *done += 1);
        sleep(PACE).await;
    }
    published
}

/// Publishes the last event, and closes the log for both servers.
pub(crate) async fn finish(server: &str) -> Result<(), Box<dyn Error>> {
    match post(&format!("{server}/finish")).await {
        Answer::Stored => Ok(()),
        Answer::NotStored | Answer::Unknown => Err("the last event was not stored".into()),
    }
}

enum Answer {
    Stored,
    NotStored,
    Unknown,
}

async fn post(url: &str) -> Answer {
    let Ok(request) = Request::post(url).body(Body::empty()) else { return Answer::NotStored };
    // A connection for each request: on a reused one an error does not say whether the request was received.
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http();
    match client.request(request).await {
        Ok(response) if response.status() == 200 => Answer::Stored,
        Ok(response) if response.status() == 503 => Answer::NotStored,
        Err(error) if error.is_connect() => Answer::NotStored,
        Ok(_) | Err(_) => Answer::Unknown,
    }
}
