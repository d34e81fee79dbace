//! Servers, clients and administrators that do what nobody expects.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::Value;
use sse_typed::{
    event::GapReason,
    hub::{AppendError, Block, End, EventLog, EventStore, LogOptions, Retention, StoreState},
    stores::RedisStore,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    common::{Reader, append_at_last, block, connect, number, store, until_up, within},
    proxy::{Break, Proxy},
    server::{Server, found},
};

fn big(bytes: usize) -> Block {
    Block::new(format!("data: {}\n\n", "x".repeat(bytes)), false).unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_event_that_is_stored_is_not_reported_as_failed_when_the_user_loses_a_right() {
    if !found("an_event_that_is_stored_is_not_reported_as_failed_when_the_user_loses_a_right") {
        return;
    }
    let server = Server::start();
    let options = LogOptions::new()
        .retain(Retention::events(100).age(Duration::from_secs(3600)))
        .idle_ttl(Duration::from_secs(1000));
    for (n, right) in ["time", "xtrim", "pexpire", "publish"].into_iter().enumerate() {
        let user = right;
        let _: Value = server.run(&["ACL", "SETUSER", user, "on", ">pw", "~*", "&*", "+@all"]);
        let store = RedisStore::builder(&server.url()).user(user).password("pw").connect().await.unwrap();
        let log = store.open(right, &options);
        log.append(&block(0)).await.unwrap();
        let _: Value = server.run(&["ACL", "SETUSER", user, &format!("-{right}")]);
        let outcome = log.append(&block(1)).await;
        let stored: usize = server.run(&["XLEN", &format!("sse:{right}")]);
        assert_eq!(outcome.is_ok(), stored == 2, "{n}: without {right}: {stored} stored, and {outcome:?}");
        assert_eq!(stored, 2, "{right}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_url_that_wants_another_protocol_changes_nothing() {
    if !found("a_url_that_wants_another_protocol_changes_nothing") {
        return;
    }
    let cluster = Server::start_with(&["--cluster-enabled", "yes"]);
    // With slots, so that commands work.
    let _: Value = cluster.run(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    within(async {
        while !cluster.run::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let error = RedisStore::connect(&format!("{}/?protocol=resp3", cluster.url())).await.unwrap_err();
    assert!(error.is_unsupported_server(), "{error:?}");
    let server = Server::start();
    let store = connect(&format!("{}/?protocol=resp3", server.url())).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    let waiting = tokio::spawn({
        let (log, position) = (log.clone(), reader.position.clone());
        async move { log.wait_after(&position).await }
    });
    log.append(&block(0)).await.unwrap();
    within(waiting).await.unwrap().unwrap();
    reader.follow_to(&log, 0).await;
}

