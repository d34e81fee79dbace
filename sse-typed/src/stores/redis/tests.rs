//! A store on a server that the tests script, without a socket and on paused time.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use redis::{AsyncConnectionConfig, ProtocolVersion, RedisConnectionInfo, aio::MultiplexedConnection};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, duplex},
    runtime::Handle,
    time::timeout,
};

use super::{
    connect::{Address, CommandConnection, NotificationConnection, Target, TaskGuard},
    error::RedisError,
    log::RedisLog,
    position::Position,
    store::RedisStore,
};
#[cfg(feature = "runs")]
use crate::runs::RunStore as _;
use crate::{
    event::EventId,
    hub::{AppendError, Block, EventLog as _, EventStore as _, LogOptions},
};

const EMPTY: &str = "*0\r\n";

pub(super) fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

pub(super) fn array(values: impl IntoIterator<Item = String>) -> String {
    let values: Vec<_> = values.into_iter().collect();
    format!("*{}\r\n{}", values.len(), values.concat())
}

/// A connection to a server that answers each command so.
pub(super) async fn connection(
    answer: impl FnMut(&[String]) -> String + Send + 'static,
) -> (MultiplexedConnection, TaskGuard) {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(2)));
    let (connection, driver) = MultiplexedConnection::new_with_config(&login(), server(answer), config).await.unwrap();
    (connection, TaskGuard(tokio::spawn(driver)))
}

fn login() -> RedisConnectionInfo {
    RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2)
}

/// The client's end of a connection. The server itself answers the commands that set a connection up, and a PING.
fn server(mut answer: impl FnMut(&[String]) -> String + Send + 'static) -> DuplexStream {
    let (client, server) = duplex(1 << 20);
    tokio::spawn(async move {
        let mut server = BufReader::new(server);
        while let Ok(command) = command(&mut server).await {
            let reply = match command[0].as_str() {
                "CLIENT" => "+OK\r\n".to_owned(),
                "PING" => "+PONG\r\n".to_owned(),
                _ => answer(&command),
            };
            if server.write_all(reply.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    client
}

async fn command(server: &mut BufReader<DuplexStream>) -> io::Result<Vec<String>> {
    let mut words = Vec::new();
    for _ in 0..length(server).await? {
        let mut word = vec![0; length(server).await? + 2];
        server.read_exact(&mut word).await?;
        word.truncate(word.len() - 2);
        words.push(String::from_utf8(word).map_err(io::Error::other)?);
    }
    Ok(words)
}

/// A line with the number of words, or with that of the bytes of a word.
async fn length(server: &mut BufReader<DuplexStream>) -> io::Result<usize> {
    let mut line = String::new();
    server.read_line(&mut line).await?;
    line.trim_end().trim_start_matches(['*', '$']).parse().map_err(io::Error::other)
}

/// A store whose commands are answered so. The server confirms no subscription, so that no confirmation wakes a log that waits.
async fn store(answer: impl FnMut(&[String]) -> String + Send + 'static) -> RedisStore {
    let (connection, task) = connection(answer).await;
    let notifications = redis::aio::PubSub::new(&login(), server(|_| String::new())).await.unwrap();
    let (sink, messages) = notifications.split();
    let connected = (CommandConnection { connection, task }, NotificationConnection { sink, messages });
    let target = Target {
        // Nothing listens there.
        address: Address::Tcp("127.0.0.1".to_owned(), 0),
        login: login(),
        prefix: "sse:".to_owned(),
        connect_timeout: Duration::from_secs(5),
        response_timeout: Duration::from_secs(2),
    };
    RedisStore::start(target, LogOptions::new(), Handle::current(), Ok(connected))
}

fn block(data: &str) -> Block {
    Block::new(format!("data: {data}\n\n"), false).unwrap()
}

fn sole_writer(store: &RedisStore) -> RedisLog {
    store.open("rides", &LogOptions::new().sole_writer())
}

/// The reply to `XREVRANGE` with one record: its id, mark and flags.
fn newest(entry: &str, mark: &str, flags: &str) -> String {
    let header = format!("1 {mark} {flags} 9 0 0-0-00000000");
    let fields = array([bulk("h"), bulk(&header), bulk("b"), bulk("data: 1\n\n")]);
    array([array([bulk(entry), fields])])
}

/// The log of a sole writer, on a server that answers the `n`th call of the append script by `append`. Also returns a function that
/// counts the reads of the newest record and the calls of the script.
async fn appends(
    mut append: impl FnMut(usize, &[String]) -> String + Send + 'static,
) -> (RedisLog, impl Fn() -> (usize, usize)) {
    let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let counted = Arc::clone(&counts);
    let store = store(move |command| match command[0].as_str() {
        "XREVRANGE" => match counted.0.fetch_add(1, Ordering::Relaxed) {
            0 => EMPTY.to_owned(),
            _ => newest("5-0", "0000000a", "-"),
        },
        _ => append(counted.1.fetch_add(1, Ordering::Relaxed), command),
    });
    let log = sole_writer(&store.await);
    (log, move || (counts.0.load(Ordering::Relaxed), counts.1.load(Ordering::Relaxed)))
}

fn unknown(outcome: Result<EventId, AppendError<RedisError>>) -> RedisError {
    match outcome {
        Err(AppendError::Unknown(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn failed(outcome: Result<EventId, AppendError<RedisError>>) -> RedisError {
    match outcome {
        Err(AppendError::Failed(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_sole_writer_repeats_no_append_that_the_server_refuses_for_good() {
    let (log, counts) = appends(|n, _| match n {
        // Not understood.
        0 => EMPTY.to_owned(),
        // It passes.
        1 => "-OOM no memory\r\n".to_owned(),
        _ => "-WRONGTYPE it is a list\r\n".to_owned(),
    })
    .await;
    assert!(unknown(log.append(&block("1")).await).is_wrong_type());
    assert_eq!(counts(), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_sole_writer_does_not_send_a_lost_append_in_place_of_another() {
    let (log, counts) = appends(|_, command| match command.iter().any(|word| word == "data: 2\n\n") {
        true => array([bulk("6-0-0000000b")]),
        false => EMPTY.to_owned(),
    })
    .await;
    unknown(log.append(&block("1")).await);
    let reads = counts().0;
    assert_eq!(log.append(&block("2")).await.unwrap().as_str(), "6-0-0000000b");
    assert_eq!(counts().0, reads + 1);
}

#[tokio::test(start_paused = true)]
async fn a_sole_writer_reads_the_newest_record_after_an_append_was_refused() {
    let (log, counts) = appends(|n, command| match n {
        0 => "-OOM no memory\r\n".to_owned(),
        _ if command.iter().any(|word| word == "5-0-0000000a") => array([bulk("6-0-0000000b")]),
        _ => array([array([bulk("other writer"), bulk("5-0-0000000a")])]),
    })
    .await;
    assert!(failed(log.append(&block("1")).await).is_out_of_memory());
    assert_eq!(log.append(&block("1")).await.unwrap().as_str(), "6-0-0000000b");
    assert_eq!(counts(), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_sole_writer_whose_repeated_append_met_another_writer_appends_nothing_more() {
    let (log, counts) = appends(|n, _| match n {
        0 => EMPTY.to_owned(),
        1 => array([array([bulk("other writer"), bulk("5-0-0000000a")])]),
        _ => array([bulk("6-0-0000000b")]),
    })
    .await;
    assert!(unknown(log.append(&block("1")).await).is_other_writer());
    assert!(failed(log.append(&block("2")).await).is_other_writer());
    assert_eq!(counts(), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_log_waits_at_its_newest_event_until_the_store_reports_a_change() {
    let second = Duration::from_secs(1);
    let store = store(|_| newest("5-0", "0000000a", "-")).await;
    let log = store.log("rides");
    let (before, head) = (Position::BEGINNING.id(), log.head().await.unwrap());
    assert_eq!(head.as_str(), "5-0-0000000a");
    timeout(second, log.wait_after(&before)).await.unwrap().unwrap();
    let mut waiting = Box::pin(log.wait_after(&head));
    assert!(timeout(second, &mut waiting).await.is_err());
    store.wakes().changed("rides", None);
    timeout(second, waiting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_returns_at_once_after_the_end_of_a_log() {
    let store = store(|_| newest("5-0", "0000000a", "ec")).await;
    let log = store.log("rides");
    let head = log.head().await.unwrap();
    timeout(Duration::from_secs(1), log.wait_after(&head)).await.unwrap().unwrap();
}

#[cfg(feature = "runs")]
#[tokio::test(start_paused = true)]
async fn a_list_of_runs_has_no_more_of_them_than_were_asked_for() {
    let store = store(|command| {
        // EVALSHA <hash> 1 <index> <prefix> <after> <wanted> ..
        let (after, wanted) = (command[5].parse().unwrap_or(0), command[6].parse::<usize>().unwrap());
        let keys = after + 1..=after + wanted;
        let runs = keys.map(|key| {
            let run = ["00000000000000ff", "1", "a", "", "0", "", "", ""].map(bulk);
            array([bulk(&format!("{key:04}")), array(run)])
        });
        array([bulk("listed"), bulk(&format!("{:04}", after + wanted))].into_iter().chain(runs))
    })
    .await;
    for limit in [1, 100, 150, 250] {
        let runs = store.list("", None, limit).await.unwrap();
        let keys: Vec<_> = runs.iter().map(|run| run.run.key.to_string()).collect();
        assert_eq!(keys, (1..=limit).map(|key| format!("{key:04}")).collect::<Vec<_>>());
    }
}
