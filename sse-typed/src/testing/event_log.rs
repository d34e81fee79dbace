use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    event::{EventId, GapReason},
    hub::{Block, EventLog, LogEntry, Page},
};

/// Enough for all that the suite appends.
const ALL: usize = 10_000;

/// How long a log may take for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// Holds an [`EventLog`] against what it promises.
///
/// `make` makes an empty log that keeps at least the given number of events; of more, it may let the oldest go, as early or late as
/// it likes. It is called several times, and the logs must not see each other's events. This runs within a Tokio runtime
/// with its timer.
///
/// # Panics
///
/// When a promise is broken, which it names.
pub async fn event_log<L: EventLog>(make: impl AsyncFn(usize) -> L) {
    an_empty_log_has_a_place(&make(ALL).await).await;
    events_come_back_in_their_order(&make(ALL).await).await;
    pages_are_contiguous(&make(ALL).await).await;
    places_stay_what_they_are(&make(ALL).await).await;
    what_is_not_an_id_is_a_gap(&make(ALL).await).await;
    the_newest_can_be_found(&make(ALL).await).await;
    who_waits_misses_nothing(&make(ALL).await).await;
    several_publishers_have_one_order(&make(ALL).await).await;
    what_was_let_go_is_a_gap(&make(8).await).await;
}

/// The answer, which must come.
async fn answer<T, E: std::fmt::Display>(asked: impl Future<Output = Result<T, E>>) -> T {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => panic!("the log fails: {error}"),
        Err(_) => panic!("the log does not answer"),
    }
}

/// Blocks that can be told apart; some have several lines, some are terminal.
fn block(n: usize) -> Block {
    let bytes = format!("event: {n}\ndata: \ndata: {}\n\n", "é".repeat(n % 50));
    Block::new(bytes, n % 7 == 3).unwrap_or_else(|error| panic!("{error}"))
}

async fn append<L: EventLog>(log: &L, numbers: impl IntoIterator<Item = usize>) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    for n in numbers {
        let id = answer(log.append(&block(n))).await;
        assert!(!id.as_str().ends_with('!'), "an id does not end in `!`: {id}");
        entries.push(LogEntry::new(id, block(n)));
    }
    entries
}

async fn read<L: EventLog>(log: &L, after: &EventId, limit: usize) -> Vec<LogEntry> {
    let page = answer(log.read_after(after.as_str(), limit)).await;
    assert_eq!(page.gap, None, "a read from a known place with all behind it kept is contiguous: {after}");
    assert!(page.entries.len() <= limit, "a page has at most as many events as were asked for");
    page.entries
}

async fn an_empty_log_has_a_place<L: EventLog>(log: &L) {
    let head = answer(log.head()).await;
    assert_eq!(answer(log.head()).await, head, "a head with nothing appended stays");
    assert_eq!(read(log, &head, 10).await, [], "nothing is behind the head of an empty log");
    for n in [0, 1, u64::MAX] {
        let place = answer(log.before_last(n)).await;
        assert_eq!(read(log, &place, 10).await, [], "nor behind the place before its newest {n}");
    }
    let appended = append(log, 0..2).await;
    assert_eq!(read(log, &head, 10).await, appended, "the head of an empty log is the place before the first event");
}

async fn events_come_back_in_their_order<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let appended = append(log, 0..100).await;
    let read = read(log, &start, 1000).await;
    assert_eq!(read, appended, "events come back in the order they were appended in, byte for byte, under their ids");
    assert_eq!(answer(log.head()).await, read[99].id, "the head is the place behind the newest event");
    let mut ids: Vec<_> = read.into_iter().map(|entry| entry.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100, "each event has an id of its own");
}

async fn pages_are_contiguous<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let appended = append(log, 0..40).await;
    for limit in [1, 3, 7, 40, 41] {
        let mut place = start.clone();
        let mut all = Vec::new();
        loop {
            let page = read(log, &place, limit).await;
            let Some(last) = page.last() else { break };
            place = last.id.clone();
            all.extend(page);
        }
        assert_eq!(all, appended, "pages of {limit}, one behind the other, are the whole");
    }
}

async fn places_stay_what_they_are<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let mut appended = append(log, 0..5).await;
    appended.extend(append(log, 5..10).await);
    assert_eq!(read(log, &start, 100).await, appended, "appending moves no place");
    for (index, entry) in appended.iter().enumerate() {
        assert_eq!(read(log, &entry.id, 100).await, appended[index + 1..], "an id is the place right behind its event");
    }
}

/// The page is a gap, and the way on from it is contiguous.
async fn assert_gap<L: EventLog>(log: &L, page: &Page, kept: &[LogEntry]) {
    let gap = page.gap.as_ref().unwrap_or_else(|| panic!("a gap is told"));
    assert_eq!(page.entries, kept, "behind a gap come the oldest events that are kept");
    assert_eq!(read(log, &gap.resume, kept.len() + 10).await, kept, "the place behind a gap is right before them");
    if kept.is_empty() {
        assert_eq!(gap.resume, answer(log.head()).await, "with nothing behind it, it leads to the head");
    }
}

async fn what_is_not_an_id_is_a_gap<L: EventLog>(log: &L) {
    let known = answer(log.head()).await;
    let hostile = [
        "0".to_owned(),
        "-1".to_owned(),
        "$".to_owned(),
        "+".to_owned(),
        ">".to_owned(),
        "💥".to_owned(),
        "' OR 1=1 --".to_owned(),
        "x".repeat(1024),
        format!("{known} "),
        format!(" {known}"),
        format!("{known}{known}"),
        format!("{known}!"),
        "18446744073709551616-18446744073709551616".to_owned(),
    ];
    for events in [0, 5] {
        let kept = append(log, 0..events).await;
        let is_known = |id: &str| id == known.as_str() || kept.iter().any(|entry| entry.id.as_str() == id);
        for id in hostile.iter().filter(|id| !is_known(id)) {
            let page = answer(log.read_after(id, 100)).await;
            assert_gap(log, &page, &kept).await;
            let reason = page.gap.map(|gap| gap.gap.reason);
            assert_eq!(reason, Some(GapReason::UnknownId), "what is no id of the log's is told so: {id:?}");
        }
    }
}

async fn the_newest_can_be_found<L: EventLog>(log: &L) {
    let appended = append(log, 0..10).await;
    for n in [0, 1, 5, 10, 11, u64::MAX] {
        let place = answer(log.before_last(n)).await;
        let newest = usize::try_from(n).map_or(10, |n| n.min(10));
        assert_eq!(read(log, &place, 100).await, appended[10 - newest..], "the newest {n}");
    }
}

async fn who_waits_misses_nothing<L: EventLog>(log: &L) {
    let mut place = answer(log.head()).await;
    append(log, 0..1).await;
    // What is there already is not waited for.
    answer(log.wait_after(&place)).await;
    for n in 1..20 {
        place = answer(log.head()).await;
        let mut waiting = pin!(log.wait_after(&place));
        // Begins to wait, and may return too early.
        let early = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
        let appended = append(log, n..=n).await;
        if !early {
            answer(waiting).await;
        }
        assert_eq!(read(log, &place, 10).await, appended, "what was waited for is there");
    }
}

async fn several_publishers_have_one_order<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let publish = |from: usize| append(log, from..from + 50);
    let [one, two, three] = together([Box::pin(publish(0)), Box::pin(publish(100)), Box::pin(publish(200))]).await;
    let order = read(log, &start, 1000).await;
    assert_eq!(order.len(), 150, "each event is there once");
    for published in [one, two, three] {
        let seen: Vec<_> = order.iter().filter(|entry| published.contains(entry)).cloned().collect();
        assert_eq!(seen, published, "each publisher's events are in its order, under the ids it was given");
    }
    assert_eq!(read(log, &start, 1000).await, order, "and all who read see the same");
}

/// Runs all to their ends.
async fn together<F: Future + Unpin, const N: usize>(mut futures: [F; N]) -> [F::Output; N]
where
    F::Output: Default,
{
    let mut outputs: [Option<F::Output>; N] = [const { None }; N];
    poll_fn(|cx| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let Poll::Ready(done) = std::pin::Pin::new(future).poll(cx)
            {
                *output = Some(done);
            }
        }
        if outputs.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.map(Option::unwrap_or_default)
}

async fn what_was_let_go_is_a_gap<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let appended = append(log, 0..100).await;
    let page = answer(log.read_after(start.as_str(), 1000)).await;
    let kept = page.entries.len();
    assert!(kept >= 8, "at least as many events are kept as were asked for");
    assert!(appended.ends_with(&page.entries), "what is kept are the newest, without a hole");
    match &page.gap {
        None => assert_eq!(kept, 100, "with an event let go, a read from before it is a gap"),
        Some(gap) => {
            assert_gap(log, &page, &appended[100 - kept..]).await;
            assert_eq!(gap.gap.reason, GapReason::Trimmed, "a place that is known, but not what was behind it");
            if let Some(missed) = gap.gap.missed {
                assert_eq!(missed, 100 - kept as u64, "how much is missed is right, or not told");
            }
            let oldest = answer(log.before_last(u64::MAX)).await;
            assert_eq!(read(log, &oldest, 1000).await, page.entries, "the place before all that is kept");
        }
    }
    let newest = &appended[99 - 4..];
    assert_eq!(read(log, &newest[0].id, 1000).await, newest[1..], "what is kept can be resumed");
}
