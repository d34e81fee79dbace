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

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_first_page_of_a_log_is_bounded_whatever_the_size_of_the_events() {
    if !found("the_first_page_of_a_log_is_bounded_whatever_the_size_of_the_events") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    log.append(&block(0)).await.unwrap();
    for _ in 0..24 {
        log.append(&big(1 << 20)).await.unwrap();
    }
    log.close(None, End::Complete).await.unwrap();
    let (mut position, mut events) = (start, 0);
    let closed = loop {
        let page = log.read_after(position.as_str(), 256).await.unwrap();
        assert_eq!(page.gap, None);
        let bytes: usize = page.entries.iter().map(|entry| entry.block.as_bytes().len()).sum();
        assert!(bytes <= (2 << 20) + 1000, "a page has {bytes} bytes");
        position = page.next_position(&position);
        events += page.entries.len();
        if page.closed.is_some() || page.entries.is_empty() {
            break page.closed;
        }
    };
    assert_eq!((events, closed), (25, Some(End::Complete)));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_page_that_was_too_large_for_the_connection_is_bounded_when_it_is_read_again() {
    if !found("a_page_that_was_too_large_for_the_connection_is_bounded_when_it_is_read_again") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let (there, here) = (store(&server).await, connect(&proxy.url()).await);
    let (writer, log) = (there.log("rides"), here.log("rides"));
    for n in 0..20 {
        writer.append(&block(n)).await.unwrap();
    }
    // From here on the reader expects small events.
    let mut reader = Reader::at(log.before_last(20).await.unwrap());
    reader.read_all(&log).await;
    for _ in 0..24 {
        writer.append(&big(1 << 20)).await.unwrap();
    }
    proxy.break_at(Break::Reply { text: "XRANGE".to_owned(), bytes: 3 << 20 });
    let error = log.read_after(reader.position.as_str(), 256).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    until_up(&here, true).await;
    let page = log.read_after(reader.position.as_str(), 256).await.unwrap();
    let bytes: usize = page.entries.iter().map(|entry| entry.block.as_bytes().len()).sum();
    assert!((1..=(2 << 20) + 1000).contains(&bytes), "a page has {bytes} bytes");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_largest_events_are_appended_and_read() {
    if !found("the_largest_events_are_appended_and_read") {
        return;
    }
    let server = Server::start();
    let store = RedisStore::builder(&server.url()).response_timeout(Duration::from_secs(10)).connect().await.unwrap();
    let log = store.log("rides");
    let start = log.head().await.unwrap();
    let block = big((16 << 20) - 8);
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(log.append(&block).await.unwrap());
    }
    let mut position = start;
    let mut read = Vec::new();
    loop {
        let page = log.read_after(position.as_str(), 256).await.unwrap();
        if page.entries.is_empty() {
            break;
        }
        position = page.next_position(&position);
        read.extend(page.entries.into_iter().map(|entry| entry.id));
    }
    assert_eq!(read, ids);
    assert!(store.health().is_up());
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

