//! Histories: large events, long ones, wiped ones, and ids from the future.

use std::time::Duration;

use redis::Value;
use sse_typed::{
    event::GapReason,
    hub::{AppendError, Block, End, EventLog, EventStore, LogOptions, Retention},
    stores::RedisStore,
};

use crate::{
    common::{Reader, append_at_last, block, connect, store, until_up},
    proxy::{Break, Proxy},
    server::{Server, found},
};

fn big(bytes: usize) -> Block {
    Block::new(format!("data: {}\n\n", "x".repeat(bytes)), false).unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_first_page_of_a_log_is_bounded_whatever_the_size_of_the_events() {
    if !found("the_first_page_of_a_log_is_bounded_whatever_the_size_of_the_events") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(1024).bytes(1 << 30)));
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
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(1024).bytes(1 << 30)));
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
        let _: Value = server.run(&["XADD", &key, id, "h", "1 0000000a - 9 0 0-0-00000000", "b", "data: 0\n\n"]);
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
