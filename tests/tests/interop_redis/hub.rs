//! Hubs of several processes on one store.

use std::time::Duration;

use futures_util::StreamExt;
use sse_typed::{
    EventId, Gap, Hub, SseEvent,
    hub::{EventStore, Start, Topics},
    stores::{RedisLog, RedisStore},
};

use crate::{
    common::{store, until_up, within},
    server::{Server, found},
};

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Ride {
    Position(u64),
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    Completed,
}

type RideHub = Hub<Ride, RedisLog>;

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_client_resumes_on_any_process_and_through_a_restart_of_the_server() {
    if !found("a_client_resumes_on_any_process_and_through_a_restart_of_the_server") {
        return;
    }
    let mut server = Server::start_durable();
    let stores = [store(&server).await, store(&server).await];
    let hubs: Vec<RideHub> = stores.iter().map(|store| Hub::builder().build_on(store.log("rides/7"))).collect();
    let mut id: Option<EventId> = None;
    let mut live = hubs[1].subscribe(Start::Earliest).events();
    for n in 0..20 {
        hubs[n % 2].publish(&Ride::Position(n as u64)).await.unwrap();
        // Another process for every event, and every event once.
        let start = id.take().map_or(Start::Earliest, Start::after);
        let event = within(hubs[(n + 1) % 2].subscribe(start).events().next()).await.unwrap();
        assert_eq!(*event.data, Ride::Position(n as u64));
        id = event.id.clone();
        assert_eq!(within(live.next()).await.unwrap().data, event.data, "and whoever stays sees the same");
        if n == 10 {
            server.kill();
            until_up(&stores[0], false).await;
            let error = hubs[0].publish(&Ride::Completed).await.unwrap_err();
            assert!(!error.is_unknown(), "it fails at once, and is not stored: {error}");
            server.restart();
            for store in &stores {
                until_up(store, true).await;
            }
        }
    }
    hubs[0].close(Some(Ride::Completed)).await.unwrap();
    assert_eq!(*within(live.next()).await.unwrap().data, Ride::Completed);
    assert_eq!(within(live.next()).await, None);
    assert!(hubs[1].publish(&Ride::Position(99)).await.is_err(), "closed for every process");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn clients_of_two_thousand_keys_hop_between_two_processes_and_see_every_event_once() {
    if !found("clients_of_two_thousand_keys_hop_between_two_processes_and_see_every_event_once") {
        return;
    }
    const KEYS: usize = 2000;
    let server = Server::start();
    // All clients begin at once, which takes a slow machine longer than the usual time.
    let store = || RedisStore::builder(&server.url()).response_timeout(Duration::from_secs(30)).connect();
    let stores = [store().await.unwrap(), store().await.unwrap()];
    let topics = stores.clone().map(|store| Topics::<usize, Ride, _>::on(store, "rides", Hub::<Ride>::builder()));
    let clients = (0..KEYS).map(|key| {
        let topics = &topics;
        async move {
            let mut id: Option<EventId> = None;
            for n in 0..4 {
                let start = id.take().map_or(Start::Earliest, Start::after);
                let mut events = topics[(key + n) % 2].subscribe(&key, start).events();
                // Every second client waits before the event is published, by the other process.
                let ride = Ride::Position(n as u64);
                let published = topics[(key + n + 1) % 2].publish(&key, &ride);
                let event = if key % 2 == 0 {
                    let (event, published) = tokio::join!(events.next(), published);
                    published.unwrap();
                    event
                } else {
                    published.await.unwrap();
                    events.next().await
                };
                let event = event.unwrap();
                assert_eq!(*event.data, Ride::Position(n as u64), "key {key}");
                id = event.id.clone();
            }
        }
    });
    within(futures_util::future::join_all(clients)).await;
    let clients: String = server.run(&["CLIENT", "LIST"]);
    assert_eq!(clients.lines().count(), 5, "two for each store, and this one: {clients}");
}
