//! A client that changes the server in the middle of the stream, over and over.

use std::time::Duration;

use sse_typed::Client;
use tokio::{sync::watch, time::sleep};

use crate::server::ClusterEvent;

/// What a client has received.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) number: u64,
    /// The numbers of the events, in the order of their arrival.
    pub(crate) events: Vec<u64>,
    pub(crate) gaps: u64,
    pub(crate) connections: u64,
    /// Streams that broke off, and requests without an answer: those to the killed server.
    pub(crate) failures: u64,
    /// The last event was received.
    pub(crate) has_ended: bool,
}

/// Receives until the last event, or until `stop` is true.
pub(crate) async fn receive(servers: [String; 2], number: u64, mut stop: watch::Receiver<bool>) -> Received {
    let mut received = Received { number, ..Received::default() };
    tokio::select! {
        () = received.follow(&servers) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    received
}

impl Received {
    /// A client of one URL would use `connect`, which reconnects by itself.
    async fn follow(&mut self, servers: &[String; 2]) {
        let client = Client::hyper();
        let mut last_event_id = None;
        for server in servers.iter().cycle().skip(usize::from(self.number.is_multiple_of(2))) {
            let mut request = client.get(format!("{server}/events"));
            if let Some(id) = last_event_id.clone() {
                request = request.last_event_id(id);
            }
            let Ok(mut stream) = request.send::<ClusterEvent>().await else {
                self.failures += 1;
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            self.connections += 1;
            // Each client changes at other moments.
            let events = 3 + (self.number * 5 + self.connections * 7) % 13;
            for _ in 0..events {
                let Ok(Some(event)) = stream.try_next().await else {
                    self.failures += 1;
                    break;
                };
                last_event_id = event.id.or(last_event_id);
                match event.data {
                    ClusterEvent::Published { number } => self.events.push(number),
                    ClusterEvent::Missed(_) => self.gaps += 1,
                    ClusterEvent::Finished => {
                        self.has_ended = true;
                        return;
                    }
                }
            }
        }
    }
}
