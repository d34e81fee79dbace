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

#[test]
#[ignore = "needs redis-server"]
fn a_store_whose_runtime_has_ended_is_away_and_nobody_waits_for_it() {
    if !found("a_store_whose_runtime_has_ended_is_away_and_nobody_waits_for_it") {
        return;
    }
    let server = Server::start();
    for multi in [false, true] {
        let runtime = || {
            let mut builder = if multi {
                tokio::runtime::Builder::new_multi_thread()
            } else {
                tokio::runtime::Builder::new_current_thread()
            };
            builder.enable_all().build().unwrap()
        };
        let (first, second) = (runtime(), runtime());
        let store = first.block_on(store(&server));
        let log = store.log("rides");
        let position = first.block_on(log.append(&block(0))).unwrap();
        let waiting = second.spawn({
            let (log, position) = (log.clone(), position.clone());
            async move { log.wait_after(&position).await }
        });
        second.block_on(async { tokio::time::sleep(Duration::from_millis(50)).await });
        drop(first);
        second.block_on(async {
            match within(log.append(&block(1))).await {
                Err(AppendError::Failed(error)) => assert!(error.is_unreachable(), "{error:?}"),
                outcome => panic!("{outcome:?}"),
            }
            assert!(within(log.read_after(position.as_str(), 9)).await.unwrap_err().is_unreachable());
            assert!(!store.health().is_up(), "{:?}", store.health());
            let StoreState::Failed { error } = store.health().state() else { panic!("{:?}", store.health()) };
            assert!(error.to_string().contains("cannot be reached"), "{error}");
            let _ = within(waiting).await;
            assert!(within(log.wait_after(&position)).await.unwrap_err().is_unreachable());
        });
    }
}

