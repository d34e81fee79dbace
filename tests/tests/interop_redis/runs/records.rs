//! What the store keeps of runs in the server, and records that it did not write.

use std::time::Duration;

use redis::Value;
use sse_typed::{
    hub::{AppendError, End, EventLog, EventStore, LogOptions, Retention},
    runs::{Claimed, NewRun, ReadRun, Renewed, RunEnded, RunRecord, RunRef, RunStore},
    stores::{RedisError, RedisStore},
};

use crate::{
    common::{block, store, until_up, within},
    server::{Server, found},
};

const MINUTE: Duration = Duration::from_secs(60);

/// The record of a key in the server.
fn record_of(key: &str) -> String {
    format!("sse:\0run:{key}")
}

fn stream_of(run: &RunRef) -> String {
    format!("sse:{}", run.log_key())
}

fn new_run() -> NewRun {
    NewRun::new("owner", MINUTE, 2 * MINUTE)
}

fn options() -> LogOptions {
    LogOptions::new().retain(Retention::events(1000)).sole_writer()
}

async fn start(store: &RedisStore, key: &str, new: &NewRun) -> RunRecord {
    match store.claim(key, new).await.unwrap() {
        Claimed::Started(record) => record,
        claimed => panic!("{claimed:?}"),
    }
}

/// How long the server keeps a key.
fn time_left(server: &Server, key: &str) -> Duration {
    let millis: i64 = server.run(&["PTTL", key]);
    Duration::from_millis(u64::try_from(millis).unwrap_or_else(|_| panic!("{key:?} is kept for ever: {millis}")))
}

/// A command that damages a record, what the error then is, and a part of its text.
type Damage = (&'static [&'static str], fn(&RedisError) -> bool, &'static str);

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_record_that_cannot_be_read_is_a_named_error_and_ends_no_other_lease() {
    if !found("a_record_that_cannot_be_read_is_a_named_error_and_ends_no_other_lease") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let mine = start(&store, "mine", &new_run()).await.run;
    let damages: [Damage; 7] = [
        (&["SET", "", "x"], RedisError::is_wrong_type, "another program"),
        (&["HSET", "", "name", "value"], RedisError::is_damaged_run, "k0"),
        (&["HSET", "", "v", "2"], RedisError::is_newer_format, "format 2"),
        (&["HSET", "", "lease_until", "soon"], RedisError::is_damaged_run, "k0"),
        (&["HSET", "", "keep", "1e400"], RedisError::is_damaged_run, "k0"),
        (&["HSET", "", "run", "X"], RedisError::is_damaged_run, "k0"),
        (&["HSET", "", "input", "X"], RedisError::is_damaged_run, "k0"),
    ];
    for (n, (command, is_named, text)) in damages.into_iter().enumerate() {
        let run = start(&store, "k0", &new_run()).await.run;
        let record = record_of("k0");
        if n < 2 {
            let _: Value = server.run(&["DEL", &record]);
        }
        let mut command = command.to_vec();
        command[1] = &record;
        let _: Value = server.run(&command);
        let last = block(0);
        let errors = [
            store.find("k0").await.unwrap_err(),
            store.claim("k0", &new_run()).await.unwrap_err(),
            store.ask_stop(&run).await.map_or_else(|error| error, |_| store_error()),
            store.list("", None, 9).await.unwrap_err(),
        ];
        for error in errors {
            assert!(is_named(&error) && error.to_string().contains(text), "{n}: {error:?}");
        }
        // It is of no matter for these whether the input can be read.
        if n < 6 {
            let error = store.end(&run, &last, End::Complete).await.unwrap_err();
            assert!(is_named(&error), "{n}: {error:?}");
            let runs = [run, mine.clone()];
            let (own, read) = store.renew("owner", MINUTE, &runs, &runs).await.unwrap();
            assert!(matches!(own[..], [Renewed::Missing, Renewed::Held { .. }]), "{n}: {own:?}");
            assert!(matches!(read[..], [ReadRun::Missing, ReadRun::Running(_)]), "{n}: {read:?}");
        }
        let _: Value = server.run(&["DEL", &record]);
    }
}

/// For a call that should have failed.
fn store_error() -> RedisError {
    panic!("the record cannot be read, and the call succeeds")
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_last_event_of_a_newer_format_is_an_error() {
    if !found("a_last_event_of_a_newer_format_is_an_error") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let run = start(&store, "k", &new_run()).await.run;
    let _: Value = server.run(&["XADD", &stream_of(&run), "*", "h", "2 x", "b", ""]);
    assert!(store.find("k").await.unwrap_err().is_newer_format());
    assert!(store.end(&run, &block(0), End::Complete).await.unwrap_err().is_newer_format());
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_user_without_the_rights_for_runs_has_the_rest_of_the_store() {
    if !found("a_user_without_the_rights_for_runs_has_the_rest_of_the_store") {
        return;
    }
    let server = Server::start();
    let commands = "+eval +evalsha +xadd +xrange +xrevrange +xlen +xtrim +time +pexpire +unlink +publish +subscribe \
                    +unsubscribe +ping +hello +select";
    let of_runs = "+hget +hgetall +hset +hdel +pttl +exists +zadd +zrange +zrandmember +zrem";
    let user = |rules: &str| {
        let rules: Vec<_> = ["ACL", "SETUSER", "u", "reset", "on", ">pw", "resetchannels", "~sse:*", "&sse:*"]
            .into_iter()
            .chain(rules.split_whitespace())
            .collect();
        let _: Value = server.run(&rules);
    };
    let connect = async || RedisStore::builder(&server.url()).user("u").password("pw").connect().await.unwrap();
    user(&format!("{commands} {of_runs}"));
    let store = connect().await;
    let run = start(&store, "k", &new_run()).await.run;
    let log = store.run_log(&run, &options());
    log.append(&block(0)).await.unwrap();
    let runs = std::slice::from_ref(&run);
    store.renew("reader", Duration::from_millis(1), &[], runs).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    store.renew("owner", MINUTE, runs, runs).await.unwrap();
    store.ask_stop(&run).await.unwrap();
    store.release(&run).await.unwrap();
    store.end(&run, &block(1), End::Lost).await.unwrap();
    assert_eq!(store.list("", None, 9).await.unwrap().len(), 1);
    let mut again = new_run();
    again.replaces = Some(run.run);
    start(&store, "k", &again).await;

    user(commands);
    let store = connect().await;
    store.log("rides").append(&block(0)).await.unwrap();
    for (lacks, named) in [("hgetall", "HGETALL"), ("hset", "HSET"), ("zadd", "ZADD")] {
        user(&format!("{commands} {of_runs} -{lacks}"));
        let error = connect().await.claim("another", &new_run()).await.unwrap_err();
        assert!(error.is_missing_right() && error.to_string().contains(named), "{lacks}: {error:?} {error}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_record_and_the_log_of_a_run_are_removed_at_the_same_time() {
    if !found("the_record_and_the_log_of_a_run_are_removed_at_the_same_time") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let run = start(&store, "k", &new_run()).await.run;
    let (record, stream) = (record_of("k"), stream_of(&run));
    let log = store.run_log(&run, &options().idle_ttl(Duration::from_secs(1)));
    let both = |least: Duration, most: Duration| {
        for key in [&record, &stream] {
            let left = time_left(&server, key);
            assert!(left > least && left <= most, "{key:?}: {left:?}");
        }
    };
    log.append(&block(0)).await.unwrap();
    both(MINUTE * 5 / 2, 3 * MINUTE);
    store.renew("owner", 10 * MINUTE, std::slice::from_ref(&run), &[]).await.unwrap();
    both(11 * MINUTE, 12 * MINUTE);
    log.append(&block(1)).await.unwrap();
    both(11 * MINUTE, 12 * MINUTE);
    store.release(&run).await.unwrap();
    both(MINUTE, 2 * MINUTE);
    store.renew("owner", 10 * MINUTE, std::slice::from_ref(&run), &[]).await.unwrap();
    assert!(matches!(store.end(&run, &block(2), End::Complete).await.unwrap(), RunEnded::Now(_)));
    both(MINUTE, 2 * MINUTE);

    // The end of a run that published nothing makes the log.
    let silent = start(&store, "silent", &new_run()).await.run;
    store.end(&silent, &block(0), End::Failed).await.unwrap();
    let left = time_left(&server, &stream_of(&silent));
    assert!(left > MINUTE && left <= 2 * MINUTE, "{left:?}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_log_that_its_owner_closed_ends_the_run() {
    if !found("a_log_that_its_owner_closed_ends_the_run") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let run = start(&store, "k", &new_run()).await.run;
    let log = store.run_log(&run, &options());
    let id = log.append(&block(0)).await.unwrap();
    log.close(None, End::Stopped).await.unwrap();
    let runs = std::slice::from_ref(&run);
    let answers = store.renew("owner", MINUTE, runs, runs).await.unwrap();
    assert_eq!(answers, (vec![Renewed::Ended(End::Stopped)], vec![ReadRun::Ended(End::Stopped)]));
    let found = store.find("k").await.unwrap().unwrap();
    assert_eq!((found.end, found.lease_left, found.last), (Some(End::Stopped), None, Some(id)));
    for key in [record_of("k"), stream_of(&run)] {
        assert!(time_left(&server, &key) <= 2 * MINUTE);
    }
    // Also if the record does not say so.
    let _: Value = server.run(&["HDEL", &record_of("k"), "end"]);
    assert_eq!(store.find("k").await.unwrap().unwrap().end, Some(End::Stopped));
    assert_eq!(store.end(&run, &block(1), End::Lost).await.unwrap(), RunEnded::Before(End::Stopped));
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_late_owner_does_not_make_the_log_of_a_removed_run_again() {
    if !found("a_late_owner_does_not_make_the_log_of_a_removed_run_again") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let refused = async |log: &<RedisStore as EventStore>::Log, run: &RunRef| {
        let outcome = log.append(&block(9)).await;
        assert!(matches!(&outcome, Err(AppendError::Failed(error)) if error.is_missing_run()), "{outcome:?}");
        let outcome = log.close(Some(&block(9)), End::Complete).await;
        assert!(matches!(&outcome, Err(AppendError::Failed(error)) if error.is_missing_run()), "{outcome:?}");
        assert!(!server.run::<bool>(&["EXISTS", &stream_of(run)]));
    };
    let removed = start(&store, "k", &new_run()).await.run;
    for options in [options(), LogOptions::new()] {
        let log = store.run_log(&removed, &options);
        let _: Value = server.run(&["DEL", &record_of("k"), &stream_of(&removed)]);
        refused(&log, &removed).await;
    }
    // Nor does the owner of a run that was replaced, in one call with appends to other keys.
    let replaced = start(&store, "k", &new_run()).await.run;
    let log = store.run_log(&replaced, &options());
    log.append(&block(0)).await.unwrap();
    store.end(&replaced, &block(1), End::Complete).await.unwrap();
    let mut new = new_run();
    new.replaces = Some(replaced.run);
    let current = start(&store, "k", &new).await.run;
    let others = [store.log("a"), store.run_log(&current, &options()), store.log("b")];
    let event = block(0);
    let appended = futures_util::future::join_all(others.iter().map(|log| log.append(&event)));
    let ((), appended) = tokio::join!(refused(&log, &replaced), appended);
    assert!(appended.iter().all(Result::is_ok), "{appended:?}");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn the_index_forgets_runs_that_are_gone() {
    if !found("the_index_forgets_runs_that_are_gone") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let short = || NewRun::new("owner", Duration::from_millis(1), Duration::from_millis(1));
    for n in 0..300 {
        start(&store, &n.to_string(), &short()).await;
    }
    let members: usize = server.run(&["ZCARD", "sse:\0runs"]);
    assert!(members < 150, "claims remove some of the runs that are gone: {members}");
    let kept = start(&store, "kept", &new_run()).await.run;
    within(async {
        while store.list("", None, 1000).await.unwrap().len() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!(store.list("", None, 1000).await.unwrap()[0].run, kept);
    assert_eq!(server.run::<usize>(&["ZCARD", "sse:\0runs"]), 1, "a list removes all that it meets");
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn an_append_that_was_given_up_is_not_stored_twice_when_it_is_tried_again() {
    if !found("an_append_that_was_given_up_is_not_stored_twice_when_it_is_tried_again") {
        return;
    }
    let server = Server::start();
    let store = store(&server).await;
    let run = start(&store, "k", &NewRun::new("owner", 60 * MINUTE, MINUTE)).await.run;
    let log = store.run_log(&run, &options());
    log.append(&block(0)).await.unwrap();
    server.pause();
    // The server executes what it has received once it goes on.
    tokio::time::pause();
    let outcome = log.append(&block(1)).await;
    assert!(matches!(outcome, Err(AppendError::Unknown(_))), "{outcome:?}");
    let outcome = log.append(&block(1)).await;
    assert!(outcome.is_err(), "{outcome:?}");
    tokio::time::resume();
    server.resume();
    within(async { while log.append(&block(1)).await.is_err() {} }).await;
    log.append(&block(2)).await.unwrap();
    let stored: usize = server.run(&["XLEN", &stream_of(&run)]);
    assert_eq!(stored, 3);
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn a_store_that_was_away_or_refused_is_reached_since_it_works_again() {
    if !found("a_store_that_was_away_or_refused_is_reached_since_it_works_again") {
        return;
    }
    let mut server = Server::start();
    let store = store(&server).await;
    let connected = store.reachable_since().unwrap();
    start(&store, "k", &new_run()).await;
    assert_eq!(store.reachable_since(), Some(connected));
    server.kill();
    until_up(&store, false).await;
    let away = store.reachable_since().unwrap();
    assert!(store.reachable_since().unwrap() > away, "while it is away, leases prove nothing");
    server.restart();
    until_up(&store, true).await;
    let back = store.reachable_since().unwrap();
    assert!(back > away);
    start(&store, "k", &new_run()).await;
    assert_eq!(store.reachable_since(), Some(back));

    let _: Value = server.run(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(store.claim("another", &new_run()).await.unwrap_err().is_out_of_memory());
    let _: Value = server.run(&["CONFIG", "SET", "maxmemory", "0"]);
    let refusing = store.reachable_since().unwrap();
    start(&store, "another", &new_run()).await;
    let accepted = store.reachable_since().unwrap();
    assert!(accepted > refusing && store.reachable_since() == Some(accepted));
}
