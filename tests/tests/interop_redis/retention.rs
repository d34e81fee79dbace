//! The limit of bytes, which the append script applies.

use redis::Value;
use sse_typed::hub::{Block, EventLog, EventStore, LogOptions, Retention};

use crate::{
    common::{Reader, block, store},
    server::{Server, found},
};

fn options(bytes: usize) -> LogOptions {
    LogOptions::new().retain(Retention::events(10_000).bytes(bytes))
}

/// An event of this many bytes.
fn of_size(bytes: usize) -> Block {
    let block = Block::new(format!("data: {}\n\n", "x".repeat(bytes - 8)), false).unwrap();
    assert_eq!(block.as_bytes().len(), bytes);
    block
}

/// The sizes of the retained events.
async fn retained(log: &impl EventLog) -> Vec<usize> {
    let (mut position, mut sizes) = (log.before_last(100_000).await.unwrap(), Vec::new());
    loop {
        let page = log.read_after(position.as_str(), 256).await.unwrap();
        assert_eq!(page.gap, None, "what is retained is contiguous");
        if page.entries.is_empty() {
            return sizes;
        }
        position = page.next_position(&position);
        sizes.extend(page.entries.iter().map(|entry| entry.block.as_bytes().len()));
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_limit_of_bytes_trims_the_oldest_events() {
    if !found("the_limit_of_bytes_trims_the_oldest_events") {
        return;
    }
    const LIMIT: usize = 4000;
    let server = Server::start();
    let store = store(&server).await;
    let log = store.open("rides", &options(LIMIT));
    let mut live = log.head().await.unwrap();
    let mut appended = Vec::new();
    for n in 0..200_usize {
        // From 10 to 900 bytes, and two that are larger than the limit.
        let size = if n % 90 == 80 { 5000 } else { 10 + n * 7919 % 891 };
        log.append(&of_size(size)).await.unwrap();
        appended.push(size);
        let page = log.read_after(live.as_str(), 9).await.unwrap();
        assert_eq!((page.entries.len(), &page.gap), (1, &None), "a live reader gets no gap");
        live = page.next_position(&live);

        let sizes = retained(&log).await;
        assert_eq!(sizes, appended[appended.len() - sizes.len()..], "the newest are retained");
        let bytes: usize = sizes.iter().sum();
        assert!(bytes <= LIMIT + LIMIT / 16 || sizes.len() == 1, "{bytes} bytes are retained");
        let with_next: usize = appended.iter().rev().take(sizes.len() + 1).sum();
        assert!(sizes.len() == appended.len() || with_next > LIMIT, "no more than necessary is trimmed");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn several_appends_trim_a_history_to_a_limit_that_was_lowered() {
    if !found("several_appends_trim_a_history_to_a_limit_that_was_lowered") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.open("rides", &options(1 << 20));
    let events: Vec<_> = (0..1000).map(block).collect();
    for outcome in futures_util::future::join_all(events.iter().map(|block| log.append(block))).await {
        outcome.unwrap();
    }
    assert_eq!(retained(&log).await.len(), 1000);
    let lower = store.open("rides", &options(100));
    lower.append(&of_size(20)).await.unwrap();
    assert_eq!(retained(&log).await.len(), 1001 - 127, "one call trims a bounded number");
    for _ in 0..8 {
        lower.append(&of_size(20)).await.unwrap();
    }
    assert_eq!(retained(&log).await, [20; 5]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_limit_of_bytes_that_is_not_reached_reads_no_events() {
    if !found("a_limit_of_bytes_that_is_not_reached_reads_no_events") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.open("rides", &LogOptions::new().retain(Retention::events(10).bytes(20_000)));
    let _: Value = server.run(&["CONFIG", "SET", "stream-node-max-entries", "1"]);
    let _: Value = server.run(&["CONFIG", "RESETSTAT"]);
    // Ten events are 1,000 bytes. In all 100,000 bytes are appended.
    for _ in 0..1000 {
        log.append(&of_size(100)).await.unwrap();
    }
    let stats: String = server.run(&["INFO", "commandstats"]);
    let calls = |name: &str| -> usize {
        let line = stats.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    assert_eq!(calls("cmdstat_xadd:calls="), 1000);
    assert!(calls("cmdstat_xrange:calls=") <= 5, "once for each 20,000 bytes: {stats}");
    assert_eq!(calls("cmdstat_xtrim:calls="), 0);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn records_of_other_programs_do_not_switch_the_limit_of_bytes_off() {
    if !found("records_of_other_programs_do_not_switch_the_limit_of_bytes_off") {
        return;
    }
    const LIMIT: usize = 1000;
    let server = Server::start();
    let store = store(&server).await;
    let log = store.open("rides", &options(LIMIT));
    let huge = format!("1 0000000a - {} {} 0-0-00000000", "9".repeat(400), "9".repeat(300));
    let forged: [&[&str]; 4] = [
        &["temperature", "21"],
        &["h", &huge, "b", "id: 7\n\n"],
        &["h", "1 0000000a - 7", "b", ""],
        &["h", "1 0000000a - 99999999999999 5 0-0-00000000", "b", "id: 7\n\n"],
    ];
    for count in [1, 20] {
        for fields in forged {
            for _ in 0..20 {
                log.append(&of_size(100)).await.unwrap();
            }
            for _ in 0..count {
                let _: Value = server.run(&[&["XADD", "sse:rides", "*"], fields].concat());
            }
        }
        // A total that is counted anew may at first be among those of older records.
        for _ in 0..100 {
            log.append(&of_size(100)).await.unwrap();
        }
        let mut reader = Reader::at(log.head().await.unwrap());
        log.append(&block(7)).await.unwrap();
        reader.read_all(&log).await;
        assert_eq!((&reader.seen[..], reader.gaps.len()), (&[7][..], 0));
        let bytes: usize = retained(&log).await.iter().sum();
        assert!(bytes <= LIMIT + LIMIT / 16, "{bytes} bytes are retained");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_record_of_a_newer_format_is_an_error_of_reads_and_appends() {
    if !found("a_record_of_a_newer_format_is_an_error_of_reads_and_appends") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    let first = log.append(&block(0)).await.unwrap();
    reader.read_all(&log).await;
    let _: Value = server.run(&["XADD", "sse:rides", "*", "h", "2 whatever comes", "b", "data: 1\n\n"]);
    let error = log.read_after(first.as_str(), 9).await.unwrap_err();
    assert!(error.is_newer_format(), "{error:?}");
    assert!(log.head().await.unwrap_err().is_newer_format());
    assert!(
        matches!(log.append(&block(1)).await, Err(sse_typed::hub::AppendError::Failed(error)) if error.is_newer_format())
    );
    let sole = store.open("rides", &LogOptions::new().sole_writer());
    assert!(
        matches!(sole.append(&block(1)).await, Err(sse_typed::hub::AppendError::Failed(error)) if error.is_newer_format())
    );
    let length: usize = server.run(&["XLEN", "sse:rides"]);
    assert_eq!(length, 2, "nothing is stored");
}
