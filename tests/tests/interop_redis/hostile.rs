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
async fn a_stream_from_the_future_goes_on_behind_its_newest_entry() {
    if !found("a_stream_from_the_future_goes_on_behind_its_newest_entry") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    // As after the clock of the server was set back.
    for id in ["9999999999999-5", "9999999999999-18446744073709551615", "18446744073709551615-7"] {
        let key = format!("sse:{id}");
        let _: Value =
            server.run(&["XADD", &key, id, "m", "0000000a", "f", "", "p", "0-0-00000000", "b", "data: 0\n\n"]);
        let log = store.open(id, &LogOptions::new().retain(Retention::events(5).age(Duration::from_secs(1))));
        let mut reader = Reader::at_head(&log).await;
        for n in 1..4 {
            let id = log.append(&block(n)).await.unwrap();
            reader.read_all(&log).await;
            assert_eq!(reader.position, id);
        }
        assert_eq!((reader.seen, reader.gaps), (vec![1, 2, 3], Vec::new()), "{id}");
        let mut reader = Reader::at(log.before_last(9).await.unwrap());
        reader.read_all(&log).await;
        assert_eq!((reader.seen, reader.gaps), (vec![0, 1, 2, 3], Vec::new()), "{id}");
    }
    let last = "18446744073709551615-18446744073709551615";
    let _: Value = server.run(&["XADD", "sse:full", last, "x", "y"]);
    let log = store.log("full");
    assert!(matches!(log.append(&block(0)).await, Err(AppendError::Failed(error)) if !error.is_unreachable()));
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

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_client_that_had_events_before_a_wipe_gets_a_gap_and_one_that_had_none_begins_anew() {
    if !found("a_client_that_had_events_before_a_wipe_gets_a_gap_and_one_that_had_none_begins_anew") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let beginning = log.head().await.unwrap();
    let first = log.append(&block(0)).await.unwrap();
    let second = log.append(&block(1)).await.unwrap();
    for wipe in [&["FLUSHALL"][..], &["DEL", "sse:rides"], &["XTRIM", "sse:rides", "MAXLEN", "0"]] {
        let _: Value = server.run(wipe);
        for n in [10, 11] {
            log.append(&block(n)).await.unwrap();
        }
        for id in [&first, &second] {
            let page = log.read_after(id.as_str(), 9).await.unwrap();
            assert_eq!(page.gap.unwrap().gap.reason, GapReason::UnknownId, "{wipe:?}");
        }
        let page = log.read_after(beginning.as_str(), 9).await.unwrap();
        assert_eq!((page.entries.len(), page.gap), (2, None), "all that there is: {wipe:?}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_position_before_many_events_is_found_in_short_calls() {
    if !found("the_position_before_many_events_is_found_in_short_calls") {
        return;
    }
    const EVENTS: usize = 6000;
    let server = Server::start();
    let store = RedisStore::builder(&server.url()).response_timeout(Duration::from_secs(10)).connect().await.unwrap();
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(EVENTS)));
    let mut positions = vec![log.head().await.unwrap()];
    let block = block(0);
    while positions.len() <= EVENTS {
        let ids = futures_util::future::join_all((0..60).map(|_| log.append(&block))).await;
        positions.extend(ids.into_iter().map(Result::unwrap));
    }
    // A record of another program counts as none.
    let _: Value = server.run(&["XADD", "sse:rides", "*", "x", "y"]);
    for n in [1, 63, 64, 511, 512, 513, 1024, 5000, EVENTS - 1, EVENTS, EVENTS + 1] {
        let _: Value = server.run(&["CONFIG", "RESETSTAT"]);
        let before = log.before_last(n as u64).await.unwrap();
        assert_eq!(before, positions[EVENTS.saturating_sub(n)], "{n}");
        let stats: String = server.run(&["INFO", "commandstats"]);
        let calls = |name: &str| -> usize {
            let line = stats.lines().find_map(|line| line.strip_prefix(name));
            line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
        };
        let (scripts, pages) = (calls("cmdstat_evalsha:calls="), calls("cmdstat_xrevrange:calls="));
        assert!(pages <= 8 * scripts + 1, "{n}: {scripts} calls read {pages} pages");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn slow_readers_replay_a_long_history_while_it_is_trimmed() {
    if !found("slow_readers_replay_a_long_history_while_it_is_trimmed") {
        return;
    }
    const EVENTS: u64 = 8_000;
    let server = Server::start();
    let store = RedisStore::builder(&server.url()).response_timeout(Duration::from_secs(10)).connect().await.unwrap();
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(4_000)));
    let start = log.head().await.unwrap();
    let publish = async |from: u64, to: u64| {
        for n in (from..to).step_by(64) {
            let blocks: Vec<_> = (n..to.min(n + 64)).map(block).collect();
            for outcome in futures_util::future::join_all(blocks.iter().map(|block| log.append(block))).await {
                outcome.unwrap();
            }
        }
    };
    publish(0, EVENTS / 2).await;
    let readers: Vec<_> = (0..20)
        .map(|n| {
            let (log, mut reader) = (log.clone(), Reader::at(start.clone()));
            tokio::spawn(async move {
                while reader.seen.last() != Some(&(EVENTS - 1)) {
                    if !reader.read(&log).await.unwrap() {
                        log.wait_after(&reader.position).await.unwrap();
                    }
                    tokio::time::sleep(Duration::from_millis(n)).await;
                }
                reader
            })
        })
        .collect();
    publish(EVENTS / 2, EVENTS).await;
    for reader in readers {
        let reader = tokio::time::timeout(Duration::from_secs(120), reader).await.unwrap().unwrap();
        let holes = reader.seen.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
        assert!(reader.seen.is_sorted_by(|one, next| one < next), "in order, and none twice");
        let first = usize::from(reader.seen[0] != 0);
        assert_eq!(holes + first, reader.gaps.len(), "each hole is a gap: {:?}", reader.gaps);
    }
    until_up(&store, true).await;
    append_at_last(&log, EVENTS).await;
}
