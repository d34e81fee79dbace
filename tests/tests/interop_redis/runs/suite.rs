use std::sync::atomic::{AtomicU32, Ordering};

use sse_typed::{
    runs::{AnyRunStore, RunStore},
    stores::RedisStore,
    testing,
};

use crate::server::{Server, found};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_store_keeps_what_stores_of_runs_promise() {
    if !found("the_store_keeps_what_stores_of_runs_promise") {
        return;
    }
    let server = Server::start();
    let prefix = AtomicU32::new(0);
    let store = async || {
        let prefix = format!("{}:", prefix.fetch_add(1, Ordering::Relaxed));
        RedisStore::builder(&server.url()).key_prefix(prefix).connect().await.unwrap()
    };
    testing::run_store(store, tokio::time::sleep).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_url_opens_a_store_of_runs() {
    if !found("a_url_opens_a_store_of_runs") {
        return;
    }
    let server = Server::start();
    let store = AnyRunStore::open(&server.url()).await.unwrap();
    assert_eq!(store.find("key").await.unwrap(), None);
}
