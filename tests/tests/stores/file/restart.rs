//! Servers that restart on one folder, under a client that reconnects.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use axum::{Router, routing::get};
use futures_util::StreamExt;
use sse_typed::{
    Client, Gap, Hub, LastEventId, Sse, SseEvent, SseLayer,
    hub::{AnyLog, AnyStore, EventStore, Start, Topics},
};
use tokio::{net::TcpListener, runtime::Runtime};

use super::folder::Folder;

#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Feed {
    Tick(u32),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Done,
}

/// A server with everything that a process has. When it is dropped, its connections are cut.
struct Server {
    runtime: Runtime,
    hub: Hub<Feed, AnyLog>,
    address: SocketAddr,
}

impl Server {
    fn start(folder: &Path, address: SocketAddr) -> Self {
        let runtime = Runtime::new().unwrap();
        let (hub, address) = runtime.block_on(async {
            let store = AnyStore::open(&format!("file:{}", folder.display())).await.unwrap();
            let hub = Hub::<Feed>::builder().build_on(store.log("feed"));
            let feed = {
                let hub = hub.clone();
                |id: LastEventId| async move { Sse::new(hub.subscribe(id.or(Start::Earliest))) }
            };
            let layer = SseLayer::new().retry(Duration::from_millis(10));
            let router = Router::new().route("/feed", get(feed)).layer(layer);
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async { axum::serve(listener, router).await });
            (hub, address)
        });
        Self { runtime, hub, address }
    }

    fn publish(&self, events: impl IntoIterator<Item = Feed>) {
        self.runtime.block_on(async {
            for event in events {
                self.hub.publish(&event).await.unwrap();
            }
        });
    }
}

/// Follows the feed up to its end, on a runtime of its own.
fn follow(address: SocketAddr) -> Receiver<Feed> {
    let (sender, events) = channel();
    thread::spawn(move || {
        Runtime::new().unwrap().block_on(async {
            let mut feed = Client::hyper().get(format!("http://{address}/feed")).connect::<Feed>();
            while let Some(event) = feed.try_next().await.unwrap() {
                sender.send(Feed::clone(&event.data)).unwrap();
            }
        });
    });
    events
}

#[test]
fn a_client_misses_nothing_and_sees_nothing_twice_over_restarts_of_the_server() {
    let folder = Folder::new();
    let mut server = Server::start(folder.path(), (Ipv4Addr::LOCALHOST, 0).into());
    let address = server.address;
    let events = follow(address);
    let next = || events.recv_timeout(Duration::from_secs(60)).unwrap();
    let (mut published, mut received) = (0..0, 0);
    for restart in 0..5 {
        published = published.end..published.end + 100;
        server.publish(published.clone().map(Feed::Tick));
        // The server is dropped while events are on their way, and once with events that nobody has received.
        while received < published.end - 70 - 10 * restart {
            assert_eq!(next(), Feed::Tick(received));
            received += 1;
        }
        drop(server);
        server = Server::start(folder.path(), address);
    }
    server.publish([Feed::Done]);
    for n in received..published.end {
        assert_eq!(next(), Feed::Tick(n));
    }
    assert_eq!(next(), Feed::Done);
    assert!(events.recv_timeout(Duration::from_secs(60)).is_err(), "the client has stopped");
}

#[tokio::test]
async fn topics_resume_on_a_reopened_folder() {
    let folder = Folder::new();
    let open = async || {
        let store = AnyStore::open(&format!("file:{}", folder.path().display())).await.unwrap();
        Topics::<String, Feed, _>::on(store, "rooms", Hub::builder())
    };
    let rooms = open().await;
    let mut events = rooms.subscribe("lobby", Start::Earliest).events();
    rooms.publish("lobby", &Feed::Tick(1)).await.unwrap();
    rooms.publish("attic", &Feed::Tick(9)).await.unwrap();
    rooms.publish("lobby", &Feed::Tick(2)).await.unwrap();
    let seen = events.next().await.unwrap();
    assert_eq!(*seen.data, Feed::Tick(1));
    drop((events, rooms));

    let rooms = open().await;
    let mut events = rooms.subscribe("lobby", seen.id.unwrap()).events();
    rooms.publish("lobby", &Feed::Tick(3)).await.unwrap();
    for n in 2..=3 {
        assert_eq!(*events.next().await.unwrap().data, Feed::Tick(n));
    }
    rooms.delete("lobby").await.unwrap();
    assert!(matches!(*events.next().await.unwrap().data, Feed::Missed(_)));
}
