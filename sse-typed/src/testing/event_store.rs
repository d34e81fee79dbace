use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_core::Stream;
use tokio::{runtime::Handle, task::yield_now, time::timeout};

use super::event_log::{answer, append, block, event_log, read, read_on};
use crate::{
    codec::{EncodeEvent, EventKind, EventWriter, HubEvent},
    event::{EncodeError, EventId, GapReason},
    hub::{AppendError, End, EventLog, EventStore, Hub, LogOptions, OnGap, Retention, Start, Subscription},
};

/// How many keys the suite uses at the same time.
const KEYS: usize = 10_000;

/// The time limit of each wait for an event or a wake-up.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Tests that a store keeps the promises of [`EventStore`], and that its logs pass [`event_log`].
///
/// `make` makes an empty store with these options. It is called several times, and the stores must not share keys. The suite
/// runs within a Tokio runtime with its timer, in which nothing else spawns tasks meanwhile. It uses 10,000 keys at the same
/// time.
///
/// # Panics
///
/// When a promise is broken. The message names it.
pub async fn event_store<S: EventStore>(make: impl AsyncFn(LogOptions) -> S) {
    each_key_is_a_log(&make(LogOptions::new()).await).await;
    keys_do_not_share_events(&make(LogOptions::new()).await).await;
    an_invalid_key_is_an_error_of_each_method(&make(LogOptions::new()).await).await;
    two_logs_of_one_key_are_one_history(&make(LogOptions::new()).await).await;
    the_options_of_a_log_are_its_own(&make(LogOptions::new().retain(Retention::events(8))).await).await;
    a_removed_key_is_as_if_never_used(&make(LogOptions::new()).await).await;
    a_second_writer_is_refused(&make(LogOptions::new()).await).await;
    changes_are_reported(&make(LogOptions::new()).await).await;
    two_hubs_on_one_key_share_its_events(&make(LogOptions::new()).await).await;
    all_keys_are_followed_by_one_task(&make(LogOptions::new()).await).await;
    many_keys_can_be_used_at_once(&make(LogOptions::new()).await).await;
}

async fn each_key_is_a_log<S: EventStore>(store: &S) {
    let keys = AtomicUsize::new(0);
    event_log(async |events| {
        let key = format!("log/{}", keys.fetch_add(1, Ordering::Relaxed));
        store.open(&key, &LogOptions::new().retain(Retention::events(events)))
    })
    .await;
}

async fn keys_do_not_share_events<S: EventStore>(store: &S) {
    let long = "k".repeat(512);
    let longer = format!("{}K", "k".repeat(511));
    let keys =
        ["a", "A", "b", "a/", "a/b", "/a", "a:b", "a*", "a?", " a", "a\n", "{a}", "é", "💥", "%61", &long, &longer];
    let mut logs = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        let log = store.log(key);
        let start = answer(log.head()).await;
        logs.push((append(&log, n * 10..n * 10 + 3).await, start, log));
    }
    answer(logs[0].2.close(None, End::Complete)).await;
    for (n, (appended, start, log)) in logs.iter().enumerate() {
        let closed = (n == 0).then_some(End::Complete);
        assert_eq!(read_on(log, start, 100).await, (appended.clone(), closed), "keys are independent: {}", keys[n]);
    }
}

async fn an_invalid_key_is_an_error_of_each_method<S: EventStore>(store: &S) {
    let long = "k".repeat(513);
    for key in ["", "a\0b", "\0", &long] {
        let log = store.log(key);
        let refused = |outcome: Result<EventId, AppendError<_>>| matches!(outcome, Err(AppendError::Failed(_)));
        assert!(refused(log.append(&block(1)).await), "an append to an invalid key fails: {key:?}");
        assert!(refused(log.close(None, End::Complete).await), "a close of an invalid key fails: {key:?}");
        assert!(log.head().await.is_err(), "an invalid key has no head: {key:?}");
        assert!(log.before_last(1).await.is_err(), "an invalid key has no events: {key:?}");
        assert!(log.read_after("0", 10).await.is_err(), "an invalid key cannot be read: {key:?}");
        assert!(log.wait_after(&EventId::from(0_u32)).await.is_err(), "an invalid key cannot be waited for: {key:?}");
        assert!(store.remove(key).await.is_err(), "an invalid key cannot be removed: {key:?}");
    }
}

async fn two_logs_of_one_key_are_one_history<S: EventStore>(store: &S) {
    let (one, two) = (store.log("shared"), store.clone().log("shared"));
    let start = answer(one.head()).await;
    assert_eq!(answer(two.head()).await, start, "both logs have one head");
    let mut all = append(&one, 0..3).await;
    all.extend(append(&two, 3..6).await);
    all.extend(append(&one, 6..9).await);
    for log in [&one, &two] {
        assert_eq!(read(log, &start, 100).await, all, "both logs read the events of both");
    }
    drop(one);
    answer(two.close(None, End::Stopped)).await;
    let later = store.log("shared");
    let (kept, end) = read_on(&later, &start, 100).await;
    assert_eq!((kept, end), (all, Some(End::Stopped)), "a history outlives its logs");
}

async fn the_options_of_a_log_are_its_own<S: EventStore>(store: &S) {
    assert_eq!(store.options().retention(), Retention::events(8), "the store has the options it was made with");
    let more = store.open("more", &LogOptions::new().retain(Retention::events(1_000)));
    let start = answer(more.head()).await;
    let appended = append(&more, 0..500).await;
    assert_eq!(read(&more, &start, 1_000).await, appended, "a log that retains more than the store does");
}

async fn a_removed_key_is_as_if_never_used<S: EventStore>(store: &S) {
    answer(store.remove("never used")).await;
    for is_closed in [false, true] {
        let key = if is_closed { "closed" } else { "open" };
        let (log, kept) = (store.log(key), store.log("kept"));
        let appended = append(&log, 0..5).await;
        append(&kept, 0..1).await;
        if is_closed {
            answer(log.close(None, End::Complete)).await;
        }
        answer(store.remove(key)).await;
        for entry in &appended {
            let page = answer(log.read_after(entry.id.as_str(), 10)).await;
            assert!(page.entries.is_empty() && page.closed.is_none(), "nothing of a removed key is left");
            let reason = page.gap.map(|gap| gap.gap.reason);
            assert_eq!(reason, Some(GapReason::UnknownId), "the ids of a removed key are gaps");
        }
        let start = answer(log.head()).await;
        let anew = append(&log, 7..9).await;
        assert_eq!(read(&log, &start, 10).await, anew, "a removed key can be used again");
        let page = answer(log.read_after(appended[0].id.as_str(), 10)).await;
        assert!(page.gap.is_some(), "the old ids of a removed key are gaps after it is used again");
        let others = answer(kept.before_last(u64::MAX)).await;
        assert!(!read(&kept, &others, 10).await.is_empty(), "other keys are not removed");
    }
}

async fn a_second_writer_is_refused<S: EventStore>(store: &S) {
    let options = LogOptions::new().sole_writer();
    let (first, second) = (store.open("sole", &options), store.open("sole", &options));
    let start = answer(first.head()).await;
    let mut all = append(&first, 0..5).await;
    all.extend(append(&second, 5..6).await);
    assert!(
        matches!(first.append(&block(6)).await, Err(AppendError::Failed(_))),
        "a sole writer does not append after events that it does not know"
    );
    assert_eq!(read(&first, &start, 100).await, all, "nothing of a refused append is stored");
}

async fn changes_are_reported<S: EventStore>(store: &S) {
    let log = store.log("changes");
    let (wakes, key) = log.wakes().unwrap_or_else(|| panic!("the log of a store has its wake-ups"));
    assert_eq!(key, "changes", "it has them under its own key");
    append(&log, 0..1).await;
    let reported = async |change: &str, woken: crate::hub::Woken| {
        assert!(timeout(TIME_LIMIT, woken).await.is_ok(), "a change is reported: {change}");
    };
    let woken = wakes.wait(key);
    append(&store.log("changes"), 1..2).await;
    reported("an append", woken).await;
    let woken = store.wakes().wait(key);
    answer(store.remove(key)).await;
    reported("a removal", woken).await;
    let woken = store.wakes().wait(key);
    answer(store.log("changes").close(None, End::Complete)).await;
    reported("a close", woken).await;
}

/// An event with this text.
struct Text(String);

impl EventKind for Text {
    fn event_type(&self) -> &str {
        "text"
    }
}

impl EncodeEvent for Text {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        event.event_type("text")?;
        event.text(&self.0)
    }
}

impl HubEvent for Text {}

fn hub<S: EventStore>(store: &S, key: &str) -> Hub<Text, S::Log> {
    Hub::builder_on_gap(OnGap::Restart).build_on(store.log(key))
}

/// The data of the next `count` events, or of all up to the end if there are fewer.
async fn data(subscription: &mut Subscription<Text>, count: usize) -> Vec<String> {
    let mut data = Vec::new();
    while data.len() < count {
        let next = std::future::poll_fn(|cx| std::pin::Pin::new(&mut *subscription).poll_next(cx));
        let Ok(next) = timeout(TIME_LIMIT, next).await else { panic!("an event arrives after {data:?}") };
        let Some(entries) = next else { break };
        let text = entries.to_bytes().unwrap_or_else(|error| panic!("{error}"));
        let text = String::from_utf8_lossy(&text).into_owned();
        data.extend(text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned));
    }
    data
}

async fn publish<L: EventLog>(hub: &Hub<Text, L>, text: &str) {
    if let Err(error) = hub.publish(&Text(text.to_owned())).await {
        panic!("an event is published: {error}");
    }
}

async fn two_hubs_on_one_key_share_its_events<S: EventStore>(store: &S) {
    let (one, two) = (hub(store, "hubs"), hub(store, "hubs"));
    let mut readers = [one.subscribe(Start::Earliest), two.subscribe(Start::Earliest), two.subscribe(Start::Earliest)];
    for n in 0..20 {
        publish(if n % 2 == 0 { &one } else { &two }, &n.to_string()).await;
    }
    let published: Vec<_> = (0..20).map(|n| n.to_string()).collect();
    for reader in &mut readers {
        assert_eq!(data(reader, 20).await, published, "all subscriptions of both hubs read the same");
    }
    drop(one);
    assert_eq!(data(&mut readers[0], 1).await, [""; 0], "the subscriptions of a hub end when it is dropped");
    publish(&two, "20").await;
    assert_eq!(data(&mut readers[1], 1).await, ["20"], "another hub on the key continues");
    let three = hub(store, "hubs");
    if let Err(error) = three.close(Some(Text("last".to_owned()))).await {
        panic!("a hub is closed: {error}");
    }
    assert_eq!(data(&mut readers[1], 2).await, ["last"], "a close ends the subscriptions of all hubs on the key");
    assert_eq!(data(&mut readers[2], 9).await, ["20", "last"], "a close comes after the events that remain");
}

async fn all_keys_are_followed_by_one_task<S: EventStore>(store: &S) {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let mut hubs = Vec::new();
    for n in 0..500 {
        let hub = hub(store, &format!("followed/{n}"));
        let mut reader = hub.subscribe(Start::Earliest);
        publish(&hub, "a").await;
        assert_eq!(data(&mut reader, 1).await, ["a"]);
        hubs.push((hub, reader));
        if n == 0 {
            // Lets tasks that are about to end do so.
            for _ in 0..100 {
                yield_now().await;
            }
        }
    }
    let all = tasks();
    for (hub, reader) in &mut hubs {
        publish(hub, "b").await;
        assert_eq!(data(reader, 1).await, ["b"], "each key is followed");
    }
    hubs.truncate(1);
    for _ in 0..100 {
        yield_now().await;
    }
    assert_eq!(all, tasks(), "500 keys are followed by as many tasks as one key");
}

async fn many_keys_can_be_used_at_once<S: EventStore>(store: &S) {
    let mut tasks = Vec::new();
    for from in 0..100 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let mut used = Vec::new();
            for n in (from..KEYS).step_by(100) {
                let log = store.log(&format!("many/{n}"));
                let start = answer(log.head()).await;
                used.push((append(&log, n..=n).await, start, log));
            }
            for (appended, start, log) in &used {
                assert_eq!(read(log, start, 10).await, *appended, "each of many keys has its own events");
            }
        }));
    }
    for task in tasks {
        if let Err(error) = task.await {
            panic!("many keys are used at once: {error}");
        }
    }
}
