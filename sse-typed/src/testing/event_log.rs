use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::time::timeout;

use crate::{
    event::{EventId, GapReason},
    hub::{AppendError, Block, End, EventLog, LogEntry, Page},
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
    for last in [false, true] {
        a_close_is_told_and_nothing_follows_it(&make(ALL).await, last).await;
    }
    an_empty_log_can_be_closed(&make(ALL).await).await;
    who_waits_hears_of_the_close(&make(ALL).await).await;
    of_closes_and_appends_at_once_there_is_one_order(&make(ALL).await).await;
    what_was_let_go_of_a_closed_log_is_a_gap(&make(8).await).await;
}

/// The answer, which must come.
pub(super) async fn answer<T, E: std::fmt::Display>(asked: impl Future<Output = Result<T, E>>) -> T {
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => panic!("the log fails: {error}"),
        Err(_) => panic!("the log does not answer"),
    }
}

/// Blocks that can be told apart; some have several lines, some are terminal.
pub(super) fn block(n: usize) -> Block {
    let bytes = format!("event: {n}\ndata: \ndata: {}\n\n", "é".repeat(n % 50));
    Block::new(bytes, n % 7 == 3).unwrap_or_else(|error| panic!("{error}"))
}

pub(super) async fn append<L: EventLog>(log: &L, numbers: impl IntoIterator<Item = usize>) -> Vec<LogEntry> {
    let mut entries = Vec::new();
    for n in numbers {
        let id = answer(log.append(&block(n))).await;
        assert!(!id.as_str().ends_with('!'), "an id does not end in `!`: {id}");
        entries.push(LogEntry::new(id, block(n)));
    }
    entries
}

/// The events behind a place of a log that is open, up to `limit`, page by page.
pub(super) async fn read<L: EventLog>(log: &L, after: &EventId, limit: usize) -> Vec<LogEntry> {
    let (entries, closed) = read_on(log, after, limit).await;
    assert_eq!(closed, None, "a log is open until it is closed");
    entries
}

/// The events behind a place, up to `limit`, page by page, and whether they are followed by the end.
pub(super) async fn read_on<L: EventLog>(log: &L, after: &EventId, limit: usize) -> (Vec<LogEntry>, Option<End>) {
    let (mut entries, mut place) = (Vec::new(), after.clone());
    loop {
        let left = limit - entries.len();
        let page = answer(log.read_after(place.as_str(), left)).await;
        assert_eq!(page.gap, None, "a read from a known place with all behind it kept is contiguous: {place}");
        assert!(page.entries.len() <= left, "a page has at most as many events as were asked for");
        let next = page.next_position(&place);
        entries.extend(page.entries);
        if page.closed.is_some() || entries.len() == limit || next == place {
            return (entries, page.closed);
        }
        place = next;
    }
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
    assert!(kept.starts_with(&page.entries), "behind a gap come the oldest events that are kept");
    assert_eq!(page.entries.is_empty(), kept.is_empty(), "with events behind a gap, its page has the first of them");
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
    let mut entries = page.entries.clone();
    entries.extend(read(log, &page.next_position(&start), 1000).await);
    let kept = entries.len();
    assert!(kept >= 8, "at least as many events are kept as were asked for");
    assert!(appended.ends_with(&entries), "what is kept are the newest, without a hole");
    match &page.gap {
        None => assert_eq!(kept, 100, "with an event let go, a read from before it is a gap"),
        Some(gap) => {
            assert_gap(log, &page, &appended[100 - kept..]).await;
            assert_eq!(gap.gap.reason, GapReason::Trimmed, "a place that is known, but not what was behind it");
            if let Some(missed) = gap.gap.missed {
                assert_eq!(missed, 100 - kept as u64, "how much is missed is right, or not told");
            }
            let oldest = answer(log.before_last(u64::MAX)).await;
            assert_eq!(read(log, &oldest, 1000).await, entries, "the place before all that is kept");
        }
    }
    let newest = &appended[99 - 4..];
    assert_eq!(read(log, &newest[0].id, 1000).await, newest[1..], "what is kept can be resumed");
}

/// Closing again, and appending, is refused by the first end.
async fn assert_closed<L: EventLog>(log: &L, end: End) {
    let refused = |outcome: Result<EventId, AppendError<L::Error>>| match outcome {
        Err(AppendError::Closed(first)) => assert_eq!(first, end, "the first close wins"),
        Err(error) => panic!("the log fails: {error}"),
        Ok(id) => panic!("nothing is appended to a log that is closed: {id}"),
    };
    refused(log.append(&block(900)).await);
    refused(log.close(None, End::Lost).await);
    refused(log.close(Some(&block(901)), End::Lost).await);
}

async fn a_close_is_told_and_nothing_follows_it<L: EventLog>(log: &L, with_last: bool) {
    let start = answer(log.head()).await;
    let mut all = append(log, 0..10).await;
    let last = with_last.then(|| block(10));
    let place = answer(log.close(last.as_ref(), End::Stopped)).await;
    assert!(!place.as_str().ends_with('!'), "an id does not end in `!`: {place}");
    match last {
        Some(block) => all.push(LogEntry::last(place.clone(), block)),
        None => {
            assert_eq!(Some(&place), all.last().map(|entry| &entry.id), "the place of the end is behind all events");
        }
    }
    assert_closed(log, End::Stopped).await;
    assert_eq!(answer(log.head()).await, place, "the head of a closed log is its end");
    let ends = Some(End::Stopped);
    assert_eq!(read_on(log, &start, 1000).await, (all.clone(), ends), "all is kept, and then comes the end");
    for (index, entry) in all.iter().enumerate() {
        let rest = (all[index + 1..].to_vec(), ends);
        assert_eq!(read_on(log, &entry.id, 1000).await, rest, "wherever one reads from");
    }
    let (first, closed) = read_on(log, &start, 3).await;
    assert_eq!((first.len(), closed), (3, None), "a page that is not the last says nothing of the end");
    let newest = answer(log.before_last(1)).await;
    assert_eq!(read_on(log, &newest, 10).await, (all[all.len() - 1..].to_vec(), ends), "the newest can be found");
    // There is no news to wait for.
    answer(log.wait_after(&place)).await;
}

async fn an_empty_log_can_be_closed<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let place = answer(log.close(None, End::Complete)).await;
    assert_eq!(place, start, "the end of an empty log is its first place");
    assert_eq!(read_on(log, &start, 10).await, (Vec::new(), Some(End::Complete)), "it has nothing but an end");
    assert_closed(log, End::Complete).await;
}

async fn who_waits_hears_of_the_close<L: EventLog>(log: &L) {
    append(log, 0..1).await;
    let place = answer(log.head()).await;
    let mut waiting = pin!(log.wait_after(&place));
    let early = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
    answer(log.close(None, End::Complete)).await;
    if !early {
        answer(waiting).await;
    }
    assert_eq!(read_on(log, &place, 10).await, (Vec::new(), Some(End::Complete)), "what was waited for is the end");
}

async fn of_closes_and_appends_at_once_there_is_one_order<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let publish = async |from: usize| {
        let mut stored = Vec::new();
        for n in from..from + 50 {
            match log.append(&block(n)).await {
                Ok(id) => stored.push(LogEntry::new(id, block(n))),
                Err(AppendError::Closed(_)) => break,
                Err(error) => panic!("the log fails: {error}"),
            }
        }
        stored
    };
    let close = async |n: usize| match log.close(Some(&block(n)), End::Complete).await {
        Ok(id) => vec![LogEntry::last(id, block(n))],
        Err(AppendError::Closed(_)) => Vec::new(),
        Err(error) => panic!("the log fails: {error}"),
    };
    let one = together([Box::pin(publish(0)), Box::pin(publish(100))]);
    let other = together([Box::pin(close(200)), Box::pin(close(300))]);
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut published, mut closed) = (None, None);
    poll_fn(|cx| {
        if published.is_none()
            && let Poll::Ready(done) = one.as_mut().poll(cx)
        {
            published = Some(done);
        }
        if closed.is_none()
            && let Poll::Ready(done) = other.as_mut().poll(cx)
        {
            closed = Some(done);
        }
        if published.is_some() && closed.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let closed: Vec<_> = closed.into_iter().flatten().flatten().collect();
    assert_eq!(closed.len(), 1, "of two closes one is the first");
    let (order, end) = read_on(log, &start, 1000).await;
    assert_eq!((order.last(), end), (closed.last(), Some(End::Complete)), "nothing is behind the last event");
    for published in published.into_iter().flatten() {
        let seen: Vec<_> = order.iter().filter(|entry| published.contains(entry)).cloned().collect();
        assert_eq!(seen, published, "what was appended with success is before the end");
    }
}

async fn what_was_let_go_of_a_closed_log_is_a_gap<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    append(log, 0..100).await;
    let place = answer(log.close(Some(&block(100)), End::Complete)).await;
    let page = answer(log.read_after(start.as_str(), 1000)).await;
    let resume = page.gap.as_ref().map_or(&start, |gap| &gap.resume);
    let (rest, end) = read_on(log, resume, 1000).await;
    assert_eq!(rest.last(), Some(&LogEntry::last(place, block(100))), "the last event is kept");
    assert_eq!(end, Some(End::Complete), "the end comes behind a gap, too");
}
