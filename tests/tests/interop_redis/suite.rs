use std::sync::atomic::{AtomicU32, Ordering};

use sse_typed::{
    hub::{EventStore, LogOptions, Retention},
    stores::RedisStore,
    testing,
};

use crate::{
    common::store,
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_log_of_a_key_keeps_what_logs_promise() {
    if !found("the_log_of_a_key_keeps_what_logs_promise") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let key = AtomicU32::new(0);
    for options in [LogOptions::new(), LogOptions::new().sole_writer()] {
        testing::event_log(async |events| {
            let key = format!("log {}", key.fetch_add(1, Ordering::Relaxed));
            store.open(&key, &options.clone().retain(Retention::events(events)))
        })
        .await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_store_keeps_what_stores_promise() {
    if !found("the_store_keeps_what_stores_promise") {
        return;
    }
    let server = Server::start();
    let prefix = AtomicU32::new(0);
    testing::event_store(async |options| {
        let prefix = format!("{}:", prefix.fetch_add(1, Ordering::Relaxed));
        RedisStore::builder(&server.url()).key_prefix(prefix).options(options).connect().await.unwrap()
    })
    .await;
}
