//! Calls that append to several keys, and appends of a sole writer whose reply is lost.

use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use sse_typed::{
    EventId,
    hub::{AppendError, End, EventLog, EventStore, LogOptions, Retention},
    stores::{RedisError, RedisLog, RedisStore},
};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    common::{Reader, are_in_order, block, connect, store, within},
    proxy::{Break, Proxy},
    server::{Server, found},
};

type Outcomes = Vec<Result<EventId, AppendError<RedisError>>>;

#[tokio::test]
#[ignore = "needs redis-server"]
async fn appends_that_wait_for_many_keys_go_in_few_calls() {
    if !found("appends_that_wait_for_many_keys_go_in_few_calls") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let logs: Vec<_> = (0..640).map(|n| store.log(&n.to_string())).collect();
    logs[0].append(&block(0)).await.unwrap();
    let _: Value = server.run(&["CONFIG", "RESETSTAT"]);
    let appends = logs.iter().enumerate().map(async |(n, log)| log.append(&block(n as u64 + 1)).await.unwrap());
    let ids = join_all(appends).await;
    let stats: String = server.run(&["INFO", "commandstats"]);
    let calls =
        stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")?.split(',').next()?.parse().ok());
    let calls: u32 = calls.unwrap();
    assert!(calls <= 40, "{calls} calls for 640 keys");
    for (n, (log, id)) in logs.iter().zip(ids).enumerate() {
        let page = log.read_after(log.before_last(1).await.unwrap().as_str(), 9).await.unwrap();
        let data = format!("data: {}\n\n", n + 1);
        assert_eq!((page.entries.len(), &page.entries[0].id), (1, &id));
        assert_eq!(page.entries[0].block.as_bytes(), data.as_bytes());
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_keys_of_one_call_succeed_and_fail_each_for_itself() {
    if !found("the_keys_of_one_call_succeed_and_fail_each_for_itself") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let _: Value = server.run(&["SET", "sse:value", "7"]);
    let _: Value = server.run(&["XADD", "sse:full", "18446744073709551615-18446744073709551615", "x", "y"]);
    store.log("closed").close(None, End::Stopped).await.unwrap();
    let sole = LogOptions::new().sole_writer();
    let (ousted, other) = (store.open("run", &sole), store.open("run", &sole));
    ousted.append(&block(0)).await.unwrap();
    other.append(&block(1)).await.unwrap();

    let short = LogOptions::new().retain(Retention::events(1));
    let logs: Vec<_> = ["a", "value", "b", "full", "closed", "c"].iter().map(|key| store.log(key)).collect();
    let logs = [logs, vec![ousted, store.open("short", &short), store.log("d")]].concat();
    let event = block(2);
    let outcomes = join_all(logs.iter().map(|log| log.append(&event))).await;
    for n in [0, 2, 5, 7, 8] {
        assert!(outcomes[n].is_ok(), "{n}: {:?}", outcomes[n]);
        let mut reader = Reader::at(logs[n].before_last(9).await.unwrap());
        reader.read_all(&logs[n]).await;
        assert_eq!((reader.seen, reader.gaps.len()), (vec![2], 0));
    }
    assert!(matches!(&outcomes[1], Err(AppendError::Failed(error)) if error.is_wrong_type()), "{:?}", outcomes[1]);
    assert!(matches!(&outcomes[3], Err(AppendError::Failed(_))), "{:?}", outcomes[3]);
    assert!(matches!(&outcomes[4], Err(AppendError::Closed(End::Stopped))), "{:?}", outcomes[4]);
    assert!(matches!(&outcomes[6], Err(AppendError::Failed(error)) if error.is_other_writer()), "{:?}", outcomes[6]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn keys_with_limits_of_their_own_are_trimmed_by_them_while_all_append_at_once() {
    if !found("keys_with_limits_of_their_own_are_trimmed_by_them_while_all_append_at_once") {
        return;
    }
    let server = Server::start();
    let _: Value = server.run(&["CONFIG", "SET", "stream-node-max-entries", "1"]);
    let store = store(&server).await;
    let options = |n: usize| LogOptions::new().retain(Retention::events(n % 3 + 1));
    let logs: Vec<_> = (0..30).map(|n| store.open(&n.to_string(), &options(n))).collect();
    for n in 0..5 {
        let event = block(n);
        for outcome in join_all(logs.iter().map(|log| log.append(&event))).await {
            outcome.unwrap();
        }
    }
    for n in 0..logs.len() {
        let length: usize = server.run(&["XLEN", &format!("sse:{n}")]);
        assert_eq!(length, n % 3 + 1, "{n}");
    }
}

/// Appends four events in one call.
fn append_four(log: &RedisLog) -> JoinHandle<Outcomes> {
    let log = log.clone();
    tokio::spawn(async move {
        let events: Vec<_> = (0..4).map(block).collect();
        join_all(events.iter().map(|event| log.append(event))).await
    })
}

/// A sole writer whose next reply is lost.
async fn losing_writer(proxy: &Proxy) -> (RedisStore, RedisLog) {
    let store = connect(&proxy.url()).await;
    // From here on the server knows the script.
    store.log("other").append(&block(0)).await.unwrap();
    let log = store.open("run", &LogOptions::new().sole_writer());
    proxy.break_at(Break::Reply { text: "data: 3\n\n".to_owned(), bytes: 0 });
    (store, log)
}

/// Waits until the reply is lost. The store cannot go on before the test waits again: all run on one thread.
async fn reply_lost(proxy: &Proxy) {
    within(async {
        while proxy.broken() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_batch_that_the_server_stored_in_part_is_recognised_when_its_reply_is_lost() {
    if !found("a_batch_that_the_server_stored_in_part_is_recognised_when_its_reply_is_lost") {
        return;
    }
    let server = Server::start();
    // Two ids are left: the server refuses the third record, as it may for want of memory.
    let _: Value = server.run(&["XADD", "sse:run", "18446744073709551615-18446744073709551613", "x", "y"]);
    let proxy = Proxy::start(server.port()).await;
    let (_store, log) = losing_writer(&proxy).await;
    let mut reader = Reader::at_head(&log).await;
    let outcomes = within(append_four(&log)).await.unwrap();
    assert_eq!(proxy.broken(), 1);
    assert!(
        matches!(&outcomes[..], [Ok(_), Ok(_), Err(AppendError::Failed(_)), Err(AppendError::Failed(_))]),
        "{outcomes:?}"
    );
    reader.read_all(&log).await;
    assert_eq!((reader.seen, reader.gaps.len()), (vec![0, 1], 0));
    assert_eq!(reader.position, *outcomes[1].as_ref().unwrap());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_repeated_batch_is_appended_behind_the_part_that_is_stored() {
    if !found("a_repeated_batch_is_appended_behind_the_part_that_is_stored") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let (_store, log) = losing_writer(&proxy).await;
    let mut reader = Reader::at_head(&log).await;
    let appending = append_four(&log);
    reply_lost(&proxy).await;
    // As if the server had stored two only.
    let entries: Vec<(String, Vec<String>)> = server.run(&["XRANGE", "sse:run", "-", "+"]);
    assert_eq!(entries.len(), 4);
    let _: Value = server.run(&["XDEL", "sse:run", &entries[2].0, &entries[3].0]);
    let outcomes = within(appending).await.unwrap();
    let ids: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert!(are_in_order(&ids), "{ids:?}");
    reader.follow_to(&log, 3).await;
    assert_eq!((reader.seen, reader.gaps.len()), (vec![0, 1, 2, 3], 0));
    assert_eq!(reader.position, ids[3]);
    log.append(&block(4)).await.unwrap();
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_append_is_repeated_while_the_server_takes_no_writes_at_present() {
    if !found("an_append_is_repeated_while_the_server_takes_no_writes_at_present") {
        return;
    }
    let refuse: [(&[&str], &[&str]); 3] = [
        (&["CONFIG", "SET", "min-replicas-to-write", "1"], &["CONFIG", "SET", "min-replicas-to-write", "0"]),
        (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
        (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
    ];
    for (stop, go_on) in refuse {
        let server = Server::start();
        let proxy = Proxy::start(server.port()).await;
        let (_store, log) = losing_writer(&proxy).await;
        let mut reader = Reader::at_head(&log).await;
        let appending = append_four(&log);
        reply_lost(&proxy).await;
        // The repeated call has something to append.
        let _: Value = server.run(&["DEL", "sse:run"]);
        let _: Value = server.run(stop);
        sleep(Duration::from_millis(400)).await;
        assert!(!appending.is_finished(), "{stop:?}");
        let _: Value = server.run(go_on);
        for outcome in within(appending).await.unwrap() {
            outcome.unwrap();
        }
        reader.follow_to(&log, 3).await;
        assert_eq!((reader.seen, reader.gaps.len()), (vec![0, 1, 2, 3], 0), "{stop:?}");
    }
}
