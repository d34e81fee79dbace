//! Keys that share a call with keys that are slow, forbidden, or in a strange state.

use std::time::Duration;

use futures_util::{FutureExt, future::join_all};
use redis::Value;
use sse_typed::{
    hub::{AppendError, Block, EventLog, EventStore, LogOptions, Retention},
    stores::RedisStore,
};
use tokio::time::sleep;

use crate::{
    common::{Reader, block, store},
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_key_that_the_user_may_not_use_fails_no_other_key_of_its_call() {
    if !found("a_key_that_the_user_may_not_use_fails_no_other_key_of_its_call") {
        return;
    }
    let server = Server::start();
    let store = {
        let user = ["ACL", "SETUSER", "chat", "on", ">pw", "~*", "&*", "+@all"];
        let _: Value = server.run(&user);
        RedisStore::builder(&server.url()).user("chat").password("pw").connect().await.unwrap()
    };
    let _: Value = server.run(&["ACL", "SETUSER", "chat", "resetkeys", "~sse:chat/*"]);
    let logs: Vec<_> = (0..20)
        .map(|n| if n % 7 == 3 { store.log(&format!("other/{n}")) } else { store.log(&format!("chat/{n}")) })
        .collect();
    for event in (0..3).map(block) {
        let outcomes = join_all(logs.iter().map(|log| log.append(&event))).await;
        for (n, outcome) in outcomes.iter().enumerate() {
            if n % 7 == 3 {
                assert!(
                    matches!(outcome, Err(AppendError::Failed(error)) if error.is_missing_right()),
                    "{n}: {outcome:?}"
                );
            } else {
                assert!(outcome.is_ok(), "{n}: {outcome:?}");
            }
        }
    }
    for (_, log) in logs.iter().enumerate().filter(|(n, _)| n % 7 != 3) {
        let mut reader = Reader::at(log.before_last(9).await.unwrap());
        reader.read_all(log).await;
        assert_eq!((reader.seen, reader.gaps.len()), (vec![0, 1, 2], 0));
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_record_that_says_more_was_trimmed_than_appended_does_not_switch_the_limit_of_bytes_off() {
    if !found("a_record_that_says_more_was_trimmed_than_appended_does_not_switch_the_limit_of_bytes_off") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let options = LogOptions::new().retain(Retention::events(10_000).bytes(1000));
    let digits = "9".repeat(400);
    for (n, trimmed) in ["8", "99999999999999", &digits].iter().enumerate() {
        let key = format!("key{n}");
        let log = store.open(&key, &options);
        log.append(&block(0)).await.unwrap();
        let header = format!("1 0000000a - 7 {trimmed} 0-0-00000000");
        let _: Value = server.run(&["XADD", &format!("sse:{key}"), "*", "h", &header, "b", "id: 7\n\n"]);
        for n in 0..500 {
            log.append(&block(n)).await.unwrap();
        }
        let length: usize = server.run(&["XLEN", &format!("sse:{key}")]);
        assert!(length < 150, "{trimmed}: {length} records of about 10 bytes are retained");
        let mut reader = Reader::at(log.before_last(5).await.unwrap());
        reader.read_all(&log).await;
        assert_eq!((reader.seen, reader.gaps.len()), (vec![495, 496, 497, 498, 499], 0));
    }
}

/// An event of this many bytes.
fn of_size(bytes: usize) -> Block {
    Block::new(format!("data: {}\n\n", "x".repeat(bytes - 8)), false).unwrap()
}

/// A line of the memory statistics.
fn memory(server: &Server, line: &str) -> usize {
    let stats: String = server.run(&["INFO", "memory"]);
    stats.lines().find_map(|text| text.strip_prefix(line)?.trim().parse().ok()).unwrap()
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn trimming_holds_few_events_in_memory_at_once() {
    if !found("trimming_holds_few_events_in_memory_at_once") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(10_000).bytes(64 << 20)));
    // Many small events, and then large ones, up to the limit from which on it is trimmed.
    for n in 0..63 {
        log.append(&block(n)).await.unwrap();
    }
    let large = of_size(1 << 20);
    for _ in 0..67 {
        log.append(&large).await.unwrap();
    }
    let _: Value = server.run(&["CONFIG", "RESETSTAT"]);
    let now: usize = memory(&server, "used_memory:");
    for _ in 0..2 {
        log.append(&large).await.unwrap();
    }
    let peak: usize = memory(&server, "used_memory_peak:");
    let length: usize = server.run(&["XLEN", "sse:rides"]);
    assert!(length < 63 + 69, "{length}: it was trimmed");
    assert!(peak - now < 24 << 20, "{} bytes at once", peak - now);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_call_of_many_keys_trims_little_more_than_one_of_a_single_key() {
    if !found("a_call_of_many_keys_trims_little_more_than_one_of_a_single_key") {
        return;
    }
    const KEYS: usize = 64;
    const SIZE: usize = 16 << 10;
    let server = Server::start();
    let store = store(&server).await;
    let logs = |bytes| -> Vec<_> {
        let options = LogOptions::new().retain(Retention::events(10_000).bytes(bytes));
        (0..KEYS).map(|n| store.open(&n.to_string(), &options)).collect()
    };
    let lengths = || -> Vec<usize> { (0..KEYS).map(|n| server.run(&["XLEN", &format!("sse:{n}")])).collect() };
    let large = of_size(SIZE);
    for log in &logs(1 << 20) {
        for _ in 0..20 {
            log.append(&large).await.unwrap();
        }
    }
    let lower = logs(2 * SIZE);
    let _: Value = server.run(&["CONFIG", "RESETSTAT"]);
    for n in 0..30 {
        let small = block(n);
        for outcome in join_all(lower.iter().map(|log| log.append(&small))).await {
            outcome.unwrap();
        }
        if n == 0 {
            let stats: String = server.run(&["INFO", "commandstats"]);
            let calls: usize = stats
                .lines()
                .find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse().ok())
                .unwrap();
            let trimmed = KEYS * 21 - lengths().iter().sum::<usize>();
            assert!(trimmed * SIZE <= calls * (3 << 20), "{calls} calls trim {trimmed} events");
        }
    }
    assert_eq!(lengths(), [1 + 30; KEYS], "the next calls go on");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn each_key_keeps_the_order_of_its_publisher_while_calls_overlap_and_appends_are_dropped() {
    if !found("each_key_keeps_the_order_of_its_publisher_while_calls_overlap_and_appends_are_dropped") {
        return;
    }
    const EVENTS: u64 = 300;
    let server = Server::start();
    let store = store(&server).await;
    let _: Value = server.run(&["SET", "sse:7", "a value of another program"]);
    let publishers: Vec<_> = (0..40_u64)
        .map(|key| {
            // Several limits, so that not all keys fit in one call.
            let options = LogOptions::new().retain(Retention::events(10_000 + key as usize % 3));
            let options = if key % 5 == 1 { options.sole_writer() } else { options };
            let log = store.open(&key.to_string(), &options);
            tokio::spawn(async move {
                let (mut stored, mut refused) = (Vec::new(), 0);
                for first in (0..EVENTS).step_by(3) {
                    let blocks = [first, first + 1, first + 2].map(block);
                    let appends = join_all(blocks.iter().map(|block| log.append(block)));
                    if (first / 3 + key).is_multiple_of(4) {
                        assert!(appends.now_or_never().is_none(), "they wait, and are dropped");
                        continue;
                    }
                    for (n, outcome) in (first..).zip(appends.await) {
                        match outcome {
                            Ok(_) => stored.push(n),
                            Err(error) => {
                                assert_eq!(key, 7, "{error:?}");
                                refused += 1;
                            }
                        }
                    }
                }
                (log, stored, refused)
            })
        })
        .collect();
    for _ in 0..20 {
        let _: Value = server.run(&["SCRIPT", "FLUSH"]);
        sleep(Duration::from_millis(5)).await;
    }
    for (key, publisher) in publishers.into_iter().enumerate() {
        let (log, stored, refused) = publisher.await.unwrap();
        if key == 7 {
            assert!(stored.is_empty() && refused > 0);
            continue;
        }
        let mut reader = Reader::at(log.before_last(100_000).await.unwrap());
        reader.read_all(&log).await;
        assert_eq!(reader.gaps, []);
        assert!(reader.seen.is_sorted_by(|a, b| a < b), "{key}: once each, in order: {:?}", reader.seen);
        let missing: Vec<_> = stored.iter().filter(|n| !reader.seen.contains(n)).collect();
        assert!(missing.is_empty(), "{key}: {missing:?} are stored");
    }
}
