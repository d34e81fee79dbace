//! Servers that die, stop, forget, and connections that break.

use std::{collections::BTreeSet, time::Duration};

use redis::Value;
use sse_typed::{
    event::GapReason,
    hub::{AppendError, EventLog, EventStore, LogOptions, StoreState},
    stores::RedisStore,
};

use tokio::time::sleep;

use crate::{
    common::{Reader, append_at_last, are_in_order, block, connect, store, until_up, within},
    proxy::{Break, Proxy},
    server::{Server, found},
};

#[tokio::test]
#[ignore = "needs redis-server"]
async fn after_a_restart_with_its_data_every_acknowledged_event_is_read_once() {
    if !found("after_a_restart_with_its_data_every_acknowledged_event_is_read_once") {
        return;
    }
    let mut server = Server::start_durable();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..10 {
        log.append(&block(n)).await.unwrap();
    }
    reader.follow_to(&log, 9).await;
    for n in 10..20 {
        log.append(&block(n)).await.unwrap();
    }
    server.kill();
    until_up(&store, false).await;
    assert!(matches!(log.append(&block(99)).await, Err(AppendError::Failed(error)) if error.is_unreachable()));
    assert!(log.read_after(reader.position.as_str(), 9).await.unwrap_err().is_unreachable());
    server.restart();
    append_at_last(&log, 20).await;
    reader.follow_to(&log, 20).await;
    assert_eq!((reader.seen, reader.gaps), ((0..=20).collect(), Vec::new()));
    until_up(&store, true).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn after_a_restart_without_its_data_there_is_one_gap() {
    if !found("after_a_restart_without_its_data_there_is_one_gap") {
        return;
    }
    let mut server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..10 {
        log.append(&block(n)).await.unwrap();
    }
    reader.follow_to(&log, 9).await;
    server.kill();
    until_up(&store, false).await;
    server.restart_empty();
    append_at_last(&log, 10).await;
    reader.follow_to(&log, 10).await;
    assert_eq!(reader.seen, (0..=10).collect::<Vec<_>>());
    assert_eq!(reader.gaps.len(), 1, "{:?}", reader.gaps);
    assert_eq!(reader.gaps[0].gap.reason, GapReason::UnknownId);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_wipe_under_load_is_one_gap_and_nothing_is_seen_twice() {
    if !found("a_wipe_under_load_is_one_gap_and_nothing_is_seen_twice") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    reader.read_all(&log).await;
    let publisher = tokio::spawn({
        let log = log.clone();
        async move {
            for n in 1..=600 {
                log.append(&block(n)).await.unwrap();
            }
        }
    });
    let wipe = async {
        sleep(Duration::from_millis(20)).await;
        let _: Value = server.run(&["FLUSHALL"]);
    };
    tokio::join!(reader.follow_to(&log, 600), wipe);
    publisher.await.unwrap();
    assert!(reader.seen.is_sorted_by(|one, next| one < next), "in order, and none twice: {:?}", reader.seen);
    let holes = reader.seen.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert!(holes <= 1 && reader.gaps.len() == 1, "{holes} holes, and {:?}", reader.gaps);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_append_to_a_paused_server_is_unknown_and_may_appear_once() {
    if !found("an_append_to_a_paused_server_is_unknown_and_may_appear_once") {
        return;
    }
    let server = Server::start();
    let store = connect(&server.url()).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    server.pause();
    match log.append(&block(1)).await {
        Err(AppendError::Unknown(error)) => assert!(error.is_timeout() && error.is_unreachable(), "{error:?}"),
        outcome => panic!("{outcome:?}"),
    }
    // From here on the store knows, and does not wait.
    until_up(&store, false).await;
    for _ in 0..100 {
        assert!(matches!(log.append(&block(99)).await, Err(AppendError::Failed(_))));
    }
    sleep(Duration::from_secs(5)).await;
    assert!(!store.health().is_up());
    server.resume();
    append_at_last(&log, 2).await;
    reader.follow_to(&log, 2).await;
    let seen: BTreeSet<_> = reader.seen.iter().copied().collect();
    assert_eq!(seen.len(), reader.seen.len(), "none twice: {:?}", reader.seen);
    assert!(seen == BTreeSet::from([0, 2]) || seen == BTreeSet::from([0, 1, 2]), "{seen:?}");
    assert_eq!(reader.gaps, []);
    until_up(&store, true).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_append_whose_reply_is_lost_is_unknown_and_appears_once() {
    if !found("an_append_whose_reply_is_lost_is_unknown_and_appears_once") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let store = connect(&proxy.url()).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    for (n, bytes) in [(1, 0), (2, 1), (3, 17)] {
        proxy.break_at(Break::Reply { text: format!("data: {n}\n\n"), bytes });
        assert!(matches!(log.append(&block(n)).await, Err(AppendError::Unknown(error)) if error.is_unreachable()));
        assert_eq!(proxy.broken(), n as usize);
        until_up(&store, true).await;
    }
    append_at_last(&log, 4).await;
    reader.follow_to(&log, 4).await;
    assert_eq!((reader.seen, reader.gaps), (vec![0, 1, 2, 3, 4], Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_append_that_is_cut_on_its_way_is_unknown_and_does_not_appear_torn() {
    if !found("an_append_that_is_cut_on_its_way_is_unknown_and_does_not_appear_torn") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let store = connect(&proxy.url()).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..4 {
        append_at_last(&log, 2 * n).await;
        // Within the key, the mark, the event.
        let text = ["sse:rid", "EVALSHA", "sse:0:rides", "data: "][n as usize];
        proxy.break_at(Break::Request { text: text.to_owned(), bytes_behind: n as usize });
        assert!(matches!(log.append(&block(2 * n + 1)).await, Err(AppendError::Unknown(_))));
        until_up(&store, true).await;
    }
    append_at_last(&log, 8).await;
    reader.follow_to(&log, 8).await;
    assert_eq!((reader.seen, reader.gaps), (vec![0, 2, 4, 6, 8], Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_read_that_is_cut_fails_and_the_next_goes_on_without_a_hole() {
    if !found("a_read_that_is_cut_fails_and_the_next_goes_on_without_a_hole") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let store = connect(&proxy.url()).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..50 {
        log.append(&block(n)).await.unwrap();
    }
    // By the script while the size of an event is not known, and by the plain command.
    for text in ["EVALSHA", "XRANGE"] {
        for bytes in [0, 1, 10, 100, 1000] {
            if text == "XRANGE" {
                assert_eq!(log.read_after(reader.position.as_str(), 1).await.unwrap().entries.len(), 1);
            }
            proxy.break_at(Break::Reply { text: text.to_owned(), bytes });
            let error = log.read_after(reader.position.as_str(), 50).await.unwrap_err();
            assert!(error.is_unreachable(), "{error:?}");
            until_up(&store, true).await;
        }
    }
    assert_eq!(proxy.broken(), 10);
    reader.follow_to(&log, 49).await;
    assert_eq!((reader.seen, reader.gaps), ((0..50).collect(), Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn clients_that_the_server_kills_reconnect_and_miss_nothing() {
    if !found("clients_that_the_server_kills_reconnect_and_miss_nothing") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let log = store.log("rides");
    let mut reader = Reader::at_head(&log).await;
    let publisher = tokio::spawn({
        let log = log.clone();
        async move {
            let (mut stored, mut unknown) = (Vec::new(), Vec::new());
            for n in 0..300 {
                loop {
                    match log.append(&block(n)).await {
                        Ok(_) => stored.push(n),
                        Err(AppendError::Unknown(_)) => unknown.push(n),
                        Err(AppendError::Failed(_)) => {
                            sleep(Duration::from_millis(5)).await;
                            continue;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                    break;
                }
                sleep(Duration::from_millis(1)).await;
            }
            (stored, unknown)
        }
    });
    let kill = async {
        for kind in ["normal", "pubsub", "normal", "pubsub", "normal"] {
            sleep(Duration::from_millis(60)).await;
            let _: Value = server.run(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]);
        }
    };
    let (outcome, ()) = tokio::join!(publisher, kill);
    let (stored, unknown) = outcome.unwrap();
    append_at_last(&log, 300).await;
    reader.follow_to(&log, 300).await;
    assert_eq!(reader.gaps, []);
    assert!(reader.seen.is_sorted_by(|one, next| one < next), "in order, and none twice: {:?}", reader.seen);
    let seen: BTreeSet<_> = reader.seen.into_iter().collect();
    assert!(stored.iter().all(|n| seen.contains(n)), "nothing acknowledged is lost");
    assert!(seen.iter().all(|n| *n == 300 || stored.contains(n) || unknown.contains(n)), "nothing that failed appears");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_waiting_reader_is_woken_after_its_notifications_were_cut() {
    if !found("a_waiting_reader_is_woken_after_its_notifications_were_cut") {
        return;
    }
    let server = Server::start();
    let (here, there) = (store(&server).await, store(&server).await);
    let log = here.log("rides");
    let mut reader = Reader::at_head(&log).await;
    for n in 0..5 {
        let position = reader.position.clone();
        let waiting = tokio::spawn({
            let log = log.clone();
            async move { log.wait_after(&position).await }
        });
        let _: Value = server.run(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        append_at_last(&there.log("rides"), n).await;
        within(waiting).await.unwrap().unwrap();
        reader.follow_to(&log, n).await;
    }
    assert_eq!((reader.seen, reader.gaps), ((0..5).collect(), Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_lazy_store_connects_when_the_server_comes() {
    if !found("a_lazy_store_connects_when_the_server_comes") {
        return;
    }
    let mut server = Server::start();
    server.kill();
    let error = RedisStore::connect(&server.url()).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let store = RedisStore::connect_lazy(&server.url()).unwrap();
    let StoreState::Away { error, .. } = store.health().state() else { panic!("{:?}", store.health()) };
    assert_eq!(error.to_string(), "Redis cannot be reached");
    let log = store.log("rides");
    assert!(matches!(log.append(&block(0)).await, Err(AppendError::Failed(error)) if error.is_unreachable()));
    server.restart();
    append_at_last(&log, 1).await;
    until_up(&store, true).await;
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_sole_writer_repeats_an_append_whose_reply_is_lost_and_it_is_stored_once() {
    if !found("a_sole_writer_repeats_an_append_whose_reply_is_lost_and_it_is_stored_once") {
        return;
    }
    let server = Server::start();
    let proxy = Proxy::start(server.port()).await;
    let store = connect(&proxy.url()).await;
    let log = store.open("run", &LogOptions::new().sole_writer());
    let mut reader = Reader::at_head(&log).await;
    for n in 0..10 {
        match n % 3 {
            0 => {}
            1 => proxy.break_at(Break::Reply { text: format!("data: {n}\n\n"), bytes: n as usize }),
            _ => proxy.break_at(Break::Request { text: format!("data: {n}"), bytes_behind: 0 }),
        }
        // Several in one call, some of whose replies are lost.
        let batch: Vec<_> = (0..4).map(|k| block(100 * n + k)).collect();
        let single = block(n);
        let appended = tokio::join!(
            log.append(&single),
            log.append(&batch[0]),
            log.append(&batch[1]),
            log.append(&batch[2]),
            log.append(&batch[3]),
        );
        let ids = [appended.0, appended.1, appended.2, appended.3, appended.4].map(Result::unwrap);
        assert!(are_in_order(&ids), "{ids:?}");
        let before = reader.seen.len();
        reader.follow_to(&log, 100 * n + 3).await;
        assert_eq!(reader.seen[before..], [n, 100 * n, 100 * n + 1, 100 * n + 2, 100 * n + 3]);
        assert_eq!(reader.position, ids[4], "each append has the id that readers see");
    }
    assert_eq!((proxy.broken(), reader.gaps), (6, Vec::new()));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_sole_writer_s_append_to_a_paused_server_is_stored_once() {
    if !found("a_sole_writer_s_append_to_a_paused_server_is_stored_once") {
        return;
    }
    let server = Server::start();
    let store = connect(&server.url()).await;
    let log = store.open("run", &LogOptions::new().sole_writer());
    let mut reader = Reader::at_head(&log).await;
    log.append(&block(0)).await.unwrap();
    server.pause();
    let appending = tokio::spawn({
        let log = log.clone();
        async move { log.append(&block(1)).await }
    });
    until_up(&store, false).await;
    server.resume();
    let id = within(appending).await.unwrap().unwrap();
    reader.follow_to(&log, 1).await;
    assert_eq!((reader.position.clone(), reader.gaps.len()), (id, 0));
    log.append(&block(2)).await.unwrap();
    reader.follow_to(&log, 2).await;
    assert_eq!(reader.seen, [0, 1, 2]);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_lag_of_notifications_is_known_while_they_are_connected() {
    if !found("the_lag_of_notifications_is_known_while_they_are_connected") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    assert_eq!(store.notification_lag(), None);
    let measured = async {
        while store.notification_lag().is_none() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(measured).await;
    assert!(store.notification_lag().is_some_and(|lag| lag < Duration::from_secs(2)), "{:?}", store.notification_lag());

    drop(server);
    until_up(&store, false).await;
    let forgotten = async {
        while store.notification_lag().is_some() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    within(forgotten).await;
}
