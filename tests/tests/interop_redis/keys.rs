//! What is in the server: records of others, values of others, trimmed and removed keys, many keys.

use std::{sync::Arc, time::Duration};

use redis::Value;
use sse_typed::{
    event::GapReason,
    hub::{AppendError, End, EventLog, EventStore, LogOptions, Retention},
};

use crate::{
    common::{Reader, block, number, store, within},
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn readers_that_hop_between_two_processes_see_every_event_once() {
    if !found("readers_that_hop_between_two_processes_see_every_event_once") {
        return;
    }
    let server = Server::start();
    let stores = [store(&server).await, store(&server).await];
    let logs = [stores[0].log("rides"), stores[1].log("rides")];
    let mut reader = Reader::at_head(&logs[0]).await;
    let publishers: Vec<_> = (0..2)
        .map(|from| {
            let log = logs[from as usize].clone();
            tokio::spawn(async move {
                for n in 0..200 {
                    log.append(&block(2 * n + from)).await.unwrap();
                }
            })
        })
        .collect();
    let mut hop = 0;
    within(async {
        while reader.seen.len() < 400 {
            hop += 1;
            let log = &logs[hop % 2];
            if !reader.read(log).await.unwrap() {
                log.wait_after(&reader.position).await.unwrap();
            }
        }
    })
    .await;
    for publisher in publishers {
        publisher.await.unwrap();
    }
    assert_eq!(reader.gaps, []);
    for from in 0..2 {
        let of_one: Vec<_> = reader.seen.iter().copied().filter(|n| n % 2 == from).collect();
        assert_eq!(of_one, (0..200).map(|n| 2 * n + from).collect::<Vec<_>>(), "in the order of the publisher");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_burst_above_the_retention_is_one_gap_for_who_is_behind() {
    if !found("a_burst_above_the_retention_is_one_gap_for_who_is_behind") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = Arc::new(store.open("rides", &LogOptions::new().retain(Retention::events(100))));
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    reader.read_all(&log).await;
    let burst: Vec<_> = (1..=2000)
        .map(|n| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(&block(n)).await.unwrap() })
        })
        .collect();
    for append in burst {
        append.await.unwrap();
    }
    reader.read_all(&log).await;
    assert_eq!(reader.gaps.len(), 1, "{:?}", reader.gaps);
    assert_eq!(reader.gaps[0].gap.reason, GapReason::Trimmed);
    let kept = reader.seen.len() - 1;
    assert!((100..=300).contains(&kept), "{kept} are retained");
    let length: usize = server.run(&["XLEN", "sse:rides"]);
    assert_eq!(length, kept);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_live_reader_has_no_gap_when_the_event_it_stands_on_is_too_old() {
    if !found("a_live_reader_has_no_gap_when_the_event_it_stands_on_is_too_old") {
        return;
    }
    let server = Server::start();
    // One entry for each node, so that the server trims exactly.
    let _: Value = server.run(&["CONFIG", "SET", "stream-node-max-entries", "1"]);
    let store = store(&server).await;
    let retention = Retention::events(1000).age(Duration::from_millis(20));
    let log = store.open("rides", &LogOptions::new().retain(retention));
    let mut reader = Reader::at_head(&log).await;
    for n in 0..5 {
        log.append(&block(n)).await.unwrap();
        reader.read_all(&log).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let length: usize = server.run(&["XLEN", "sse:rides"]);
    assert_eq!(length, 1, "the others are trimmed");
    assert_eq!((reader.seen, reader.gaps), ((0..5).collect(), Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn records_of_other_programs_are_skipped_and_counted() {
    if !found("records_of_other_programs_are_skipped_and_counted") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    let foreign: &[&[&str]] = &[
        &["temperature", "21"],
        &["h", "1 0000000a - 9 0 0-0-00000000", "b", "id: 7\ndata: forged\n\n"],
        &["h", "1 x ec 9 0 ", "b", ""],
    ];
    for fields in foreign {
        let _: Value = server.run(&[&["XADD", "sse:rides", "*"], *fields].concat());
    }
    reader.read_all(&log).await;
    assert_eq!((&reader.seen[..], reader.gaps.len()), (&[0][..], 0));
    assert_eq!(store.skipped_records(), 3);
    assert_eq!(reader.position, log.head().await.unwrap(), "they are passed, and not read again");
    log.append(&block(1)).await.unwrap();
    reader.read_all(&log).await;
    assert_eq!((&reader.seen[..], reader.gaps.len()), (&[0, 1][..], 0));
    assert_eq!(log.before_last(2).await.unwrap().as_str(), "0-0-00000000", "they are no events");
    let mut anew = Reader::at(sse_typed::EventId::new("of another log").unwrap());
    anew.read_all(&log).await;
    assert_eq!((&anew.seen[..], anew.gaps.len()), (&[0, 1][..], 1));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn events_that_somebody_deletes_within_the_history_are_a_gap() {
    if !found("events_that_somebody_deletes_within_the_history_are_a_gap") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(log.append(&block(n)).await.unwrap());
    }
    let (entry, _) = ids[2].as_str().rsplit_once('-').unwrap();
    let _: Value = server.run(&["XDEL", "sse:rides", entry]);
    reader.read_all(&log).await;
    assert_eq!(reader.seen, [0, 1, 3, 4, 5]);
    assert_eq!(reader.gaps.len(), 1);
    let page = log.read_after(ids[2].as_str(), 9).await.unwrap();
    assert_eq!(page.gap, None, "whoever has the deleted event misses nothing behind it");
    assert_eq!(page.entries.iter().map(number).collect::<Vec<_>>(), [3, 4, 5]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_id_with_another_mark_is_a_gap() {
    if !found("an_id_with_another_mark_is_a_gap") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let id = log.append(&block(0)).await.unwrap();
    log.append(&block(1)).await.unwrap();
    let (entry, mark) = id.as_str().rsplit_once('-').unwrap();
    let other = if mark == "00000001" { "00000002" } else { "00000001" };
    // As an entry of the same id in a history before this one.
    let page = log.read_after(&format!("{entry}-{other}"), 9).await.unwrap();
    assert_eq!(page.gap.unwrap().gap.reason, GapReason::UnknownId);
    assert_eq!(page.entries.iter().map(number).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_value_of_another_type_is_an_error_and_nothing_is_stored() {
    if !found("a_value_of_another_type_is_an_error_and_nothing_is_stored") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let _: Value = server.run(&["SET", "sse:rides", "7"]);
    let log = store.log("rides");
    assert!(matches!(log.append(&block(0)).await, Err(AppendError::Failed(error)) if error.is_wrong_type()));
    assert!(matches!(log.close(None, End::Complete).await, Err(AppendError::Failed(error)) if error.is_wrong_type()));
    assert!(log.read_after("0-0-00000000", 1).await.unwrap_err().is_wrong_type());
    assert!(log.head().await.unwrap_err().is_wrong_type());
    assert!(log.before_last(1).await.unwrap_err().is_wrong_type());
    assert!(store.health().is_up(), "it is a matter of the key");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_append_to_a_full_server_fails_and_what_is_there_can_be_read() {
    if !found("an_append_to_a_full_server_fails_and_what_is_there_can_be_read") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    log.append(&block(0)).await.unwrap();
    let _: Value = server.run(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(matches!(log.append(&block(1)).await, Err(AppendError::Failed(error)) if error.is_out_of_memory()));
    let mut reader = Reader::at(log.before_last(9).await.unwrap());
    reader.read_all(&log).await;
    assert_eq!(reader.seen, [0]);
    assert!(crate::common::connect(&server.url()).await.health().is_up(), "another process can connect to read");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_removed_key_is_as_if_it_had_never_been_used() {
    if !found("a_removed_key_is_as_if_it_had_never_been_used") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let id = log.append(&block(0)).await.unwrap();
    log.close(None, End::Complete).await.unwrap();
    store.remove("rides").await.unwrap();
    let page = log.read_after(id.as_str(), 9).await.unwrap();
    let gap = page.gap.unwrap();
    assert_eq!((gap.gap.reason, gap.resume.as_str()), (GapReason::UnknownId, "0-0-00000000"));
    assert_eq!((page.entries.len(), page.closed), (0, None));
    let id = log.append(&block(1)).await.unwrap();
    assert_eq!(log.head().await.unwrap(), id);
    let keys: Vec<String> = server.run(&["KEYS", "*"]);
    assert_eq!(keys, ["sse:rides"], "a log is one key, and a key that is not used takes no room");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_key_expires_after_its_last_append_or_after_its_close() {
    if !found("a_key_expires_after_its_last_append_or_after_its_close") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let ttl = |key: &str| server.run::<i64>(&["PTTL", &format!("sse:{key}")]);
    let options = LogOptions::new().closed_ttl(Duration::from_secs(1000));
    let log = store.open("closing", &options);
    log.append(&block(0)).await.unwrap();
    assert_eq!(ttl("closing"), -1);
    log.close(Some(&block(1)), End::Complete).await.unwrap();
    assert!((900_000..=1_000_000).contains(&ttl("closing")));
    let log = store.open("idle", &options.idle_ttl(Duration::from_secs(10)));
    log.append(&block(0)).await.unwrap();
    assert!((9_000..=10_000).contains(&ttl("idle")));
    log.close(None, End::Complete).await.unwrap();
    assert!((900_000..=1_000_000).contains(&ttl("idle")));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_second_sole_writer_takes_over_and_the_first_fails() {
    if !found("a_second_sole_writer_takes_over_and_the_first_fails") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let options = LogOptions::new().sole_writer();
    let (first, second) = (store.open("run", &options), store.open("run", &options));
    first.append(&block(0)).await.unwrap();
    second.append(&block(1)).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(first.append(&block(2)).await, Err(AppendError::Failed(error)) if error.is_other_writer()));
    }
    second.append(&block(3)).await.unwrap();
    let mut reader = Reader::at(second.before_last(9).await.unwrap());
    reader.read_all(&second).await;
    assert_eq!(reader.seen, [0, 1, 3]);
    store.remove("run").await.unwrap();
    second.append(&block(4)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn keys_may_be_any_text_up_to_512_bytes_without_nul() {
    if !found("keys_may_be_any_text_up_to_512_bytes_without_nul") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let longest = "é".repeat(256);
    for (n, key) in ["a", " ", "\r\n", "0:a", "a/b", "*", "{a}", &longest].into_iter().enumerate() {
        let log = store.log(key);
        let start = log.head().await.unwrap();
        let waiting = tokio::spawn({
            let (log, start) = (log.clone(), start.clone());
            async move { log.wait_after(&start).await }
        });
        log.append(&block(n as u64)).await.unwrap();
        within(waiting).await.unwrap().unwrap();
        let page = log.read_after(start.as_str(), 9).await.unwrap();
        assert_eq!(page.entries.iter().map(number).collect::<Vec<_>>(), [n as u64], "{key:?}");
    }
    for key in ["", "a\0", &format!("{longest}a")] {
        let log = store.log(key);
        assert!(matches!(log.append(&block(0)).await, Err(AppendError::Failed(error)) if error.is_invalid_key()));
        assert!(log.read_after("", 1).await.unwrap_err().is_invalid_key());
        assert!(store.remove(key).await.unwrap_err().is_invalid_key());
        assert!(log.wakes().is_none());
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn prefixes_and_databases_are_worlds_of_their_own() {
    if !found("prefixes_and_databases_are_worlds_of_their_own") {
        return;
    }
    let server = Server::start();
    let here = sse_typed::stores::RedisStore::builder(&server.url());
    let here = here.key_prefix("a:").connect().await.unwrap();
    let there = sse_typed::stores::RedisStore::builder(&server.url());
    let there = there.key_prefix("a:").database(3).connect().await.unwrap();
    let other = store(&server).await;
    let start = here.log("rides").head().await.unwrap();
    here.log("rides").append(&block(0)).await.unwrap();
    for store in [&there, &other] {
        assert_eq!(store.log("rides").head().await.unwrap(), start);
    }
    let waiting = tokio::spawn({
        let log = there.log("rides");
        async move { log.wait_after(&start).await }
    });
    there.log("rides").append(&block(1)).await.unwrap();
    within(waiting).await.unwrap().unwrap();
    let keys: Vec<String> = server.run(&["KEYS", "*"]);
    assert_eq!(keys, ["a:rides"]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn appends_that_wait_for_one_key_go_in_one_call() {
    if !found("appends_that_wait_for_one_key_go_in_one_call") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    // Several logs of a key are one queue.
    store.log("rides").append(&block(0)).await.unwrap();
    let _: Value = server.run(&["CONFIG", "RESETSTAT"]);
    let appends: Vec<_> = (1..=640)
        .map(|n| {
            let log = store.log("rides");
            tokio::spawn(async move { log.append(&block(n)).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for append in appends {
        ids.push(append.await.unwrap());
    }
    let stats: String = server.run(&["INFO", "commandstats"]);
    let calls =
        stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse().ok());
    let calls: u32 = calls.unwrap();
    assert!(calls <= 64, "{calls} calls for 640 events");
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 640);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_store_disconnects_when_its_last_handle_is_dropped() {
    if !found("a_store_disconnects_when_its_last_handle_is_dropped") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.clone().log("rides");
    drop(store);
    log.append(&block(0)).await.unwrap();
    // That of the test itself is one of them.
    let connections = || server.run::<String>(&["CLIENT", "LIST"]).lines().count() - 1;
    assert_eq!(connections(), 2);
    drop(log);
    within(async {
        while connections() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn ten_thousand_keys_are_followed_on_one_connection() {
    if !found("ten_thousand_keys_are_followed_on_one_connection") {
        return;
    }
    const KEYS: usize = 10_000;
    let server = Server::start();
    let (here, there) = (store(&server).await, store(&server).await);
    let mut waits: Vec<_> = (0..KEYS).map(|n| here.wakes().wait(&n.to_string())).collect();
    // Each is woken once it is subscribed: it may have changed before.
    within(async {
        for wait in &mut waits {
            wait.await;
        }
    })
    .await;
    let channels: Vec<String> = server.run(&["PUBSUB", "CHANNELS"]);
    assert_eq!(channels.len(), KEYS + 1);
    let clients: String = server.run(&["CLIENT", "LIST", "TYPE", "pubsub"]);
    assert_eq!(clients.lines().count(), 2, "one for each store");
    let again: Vec<_> = (0..KEYS).map(|n| here.wakes().wait(&n.to_string())).collect();
    drop(waits);
    for n in 0..KEYS {
        if n % 100 == 0 {
            there.log(&n.to_string()).append(&block(0)).await.unwrap();
        }
    }
    within(async {
        for (n, wait) in again.into_iter().enumerate() {
            if n % 100 == 0 {
                wait.await;
            }
        }
    })
    .await;
    within(async {
        while server.run::<Vec<String>>(&["PUBSUB", "CHANNELS"]).len() > 1 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
