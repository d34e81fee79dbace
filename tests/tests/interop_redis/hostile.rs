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
    hub::{AppendError, End, EventLog, EventStore, LogOptions, Retention, StoreState},
    stores::RedisStore,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::{
    common::{Reader, block, connect, number, store, within},
    server::{Server, found},
};

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

/// A listener that answers every connection in one way, and counts them.
async fn listener(answer: &'static [u8], close: bool) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://:s3cret@{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counting.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(1..) = socket.read(&mut buffer).await {
                    if socket.write_all(answer).await.is_err() || close {
                        break;
                    }
                }
            });
        }
    });
    (url, count)
}

#[tokio::test]
async fn a_server_that_is_no_redis_is_an_error_without_the_password() {
    for answer in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        b"+OK\r\n",
        b"$-1\r\n",
        b"*-1\r\n",
        b":7\r\n",
        b"*2147483647\r\n",
        b"$9223372036854775807\r\n",
        b"-ERR s3rver\r\n",
        b"-NOPERM\r\n",
        b"-\r\n",
        b"\0\0\0\0\xff\xff",
        b"",
    ] {
        for close in [false, true] {
            let (url, _) = listener(answer, close).await;
            let builder = RedisStore::builder(&url).connect_timeout(Duration::from_millis(300));
            let error = within(builder.connect()).await.unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_away_for_long_is_not_flooded_with_connections() {
    let (url, count) = listener(b"HTTP/1.1 400 Bad Request\r\n\r\n", true).await;
    let store = RedisStore::connect_lazy(&url).unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let connections = count.load(Ordering::SeqCst);
    assert!((4..=20).contains(&connections), "{connections} connections in 4 seconds");
    assert!(!format!("{store:?} {:?}", store.log("rides")).contains("s3cret"));
    let appends = (0..1000).map(|n| {
        let log = store.log(&n.to_string());
        async move { assert!(matches!(log.append(&block(n)).await, Err(AppendError::Failed(_)))) }
    });
    futures_util::future::join_all(appends).await;
    assert!(count.load(Ordering::SeqCst) <= connections + 2);
}

/// Counts the warnings of stores.
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sse_typed::stores" && *metadata.level() <= Level::WARN
    }

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_log_with_an_invalid_key_is_reported_when_it_is_opened() {
    let (url, _) = listener(b"", false).await;
    let store = RedisStore::connect_lazy(&url).unwrap();
    let reports = Arc::new(AtomicUsize::new(0));
    let _guard = tracing::subscriber::set_default(Warnings(Arc::clone(&reports)));
    let log = store.log("a\0");
    assert_eq!(reports.load(Ordering::SeqCst), 1);
    assert!(log.head().await.unwrap_err().is_invalid_key());
    assert_eq!(reports.load(Ordering::SeqCst), 1);
    drop(store.log("a"));
    assert_eq!(reports.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_is_away_for_long_is_one_warning_for_each_connection() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let _guard = tracing::subscriber::set_default(Warnings(Arc::clone(&warnings)));
    let (url, count) = listener(b"", true).await;
    let _store = RedisStore::connect_lazy(&url).unwrap();
    within(async {
        while count.load(Ordering::SeqCst) < 8 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(warnings.load(Ordering::SeqCst), 2);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn ids_of_clients_may_be_any_text() {
    if !found("ids_of_clients_may_be_any_text") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let long = "9".repeat(100_000);
    for n in 0..2 {
        for id in [
            "18446744073709551615-18446744073709551615-00000000",
            "18446744073709551615-0-ffffffff",
            "18446744073709551616-0-ffffffff",
            "-1-0-00000000",
            "0--1-00000000",
            "0-0-00000001",
            "0-1-00000000",
            "+",
            "-",
            "$",
            "(0-0-00000000",
            "é-é-éééé",
            "\u{1f4a5}",
            "0-0-0000000\r",
            "*1\r\n$8\r\nFLUSHALL\r\n",
            "'; return redis.call('FLUSHALL') --",
            &long,
        ] {
            let page = log.read_after(id, 9).await.unwrap();
            let gap = page.gap.expect(id).gap;
            let expected = if id == "0-1-00000000" && n == 9 { GapReason::Trimmed } else { GapReason::UnknownId };
            assert_eq!((gap.reason, page.entries.len()), (expected, n), "{id}");
        }
        log.append(&block(0)).await.unwrap();
    }
    assert!(store.health().is_up());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn of_two_processes_that_close_at_once_one_wins_and_the_other_hears_its_end() {
    if !found("of_two_processes_that_close_at_once_one_wins_and_the_other_hears_its_end") {
        return;
    }
    let server = Server::start();
    let stores = [store(&server).await, store(&server).await];
    for n in 0..50 {
        let key = n.to_string();
        let (one, other) = (stores[0].log(&key), stores[1].log(&key));
        let (first, last) = (block(1), block(2));
        let outcome = tokio::join!(one.close(Some(&first), End::Failed), other.close(Some(&last), End::Stopped));
        let (end, seen) = match outcome {
            (Ok(_), Err(AppendError::Closed(End::Failed))) => (End::Failed, 1),
            (Err(AppendError::Closed(End::Stopped)), Ok(_)) => (End::Stopped, 2),
            outcome => panic!("{outcome:?}"),
        };
        for log in [one, other] {
            let mut reader = Reader::at(log.before_last(9).await.unwrap());
            reader.read_all(&log).await;
            assert_eq!((reader.seen, reader.closed), (vec![seen], Some(end)));
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn appends_go_on_while_the_scripts_of_the_server_are_flushed() {
    if !found("appends_go_on_while_the_scripts_of_the_server_are_flushed") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..60 {
        if n % 3 == 0 {
            let _: Value = server.run(&["SCRIPT", "FLUSH"]);
        }
        log.append(&block(n)).await.unwrap();
        reader.read_all(&log).await;
    }
    assert_eq!((reader.seen, reader.gaps), ((0..60).collect(), Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_key_that_is_left_and_followed_quickly_stays_followed() {
    if !found("a_key_that_is_left_and_followed_quickly_stays_followed") {
        return;
    }
    let server = Server::start();
    let (here, there) = (store(&server).await, store(&server).await);
    let (log, other) = (here.log("rides"), there.log("rides"));
    let mut position = log.head().await.unwrap();
    for n in 0..300 {
        for k in 0..n % 7 {
            let wait = here.wakes().wait("rides");
            let neighbour = here.wakes().wait(&format!("neighbour {k}"));
            if k % 2 == 0 {
                tokio::task::yield_now().await;
            }
            drop(wait);
            drop(neighbour);
        }
        if n % 50 == 7 {
            let _: Value = server.run(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        }
        let waiting = tokio::spawn({
            let (log, position) = (log.clone(), position.clone());
            async move {
                loop {
                    log.wait_after(&position).await.unwrap();
                    let page = log.read_after(position.as_str(), 9).await.unwrap();
                    if !page.entries.is_empty() {
                        return page;
                    }
                }
            }
        });
        if n % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(n % 9)).await;
        }
        other.append(&block(n)).await.unwrap();
        let page = within(waiting).await.unwrap();
        assert_eq!((page.entries.iter().map(number).collect::<Vec<_>>(), page.gap.clone()), (vec![n], None));
        position = page.next_position(&position);
    }
}
