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

/// More events than the suite appends to one log.
const ALL: usize = 10_000;

/// The time limit of each call of the log.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// Tests that a log keeps the promises of [`EventLog`].
///
/// `make` makes an empty log that retains at least the given number of events. When it has more, it may trim the
/// oldest at any time. `make` is called several times, and its logs must not share events. Call `event_log` within a
/// Tokio runtime with its timer.
///
/// # Panics
///
/// When a promise is broken. The message names it.
pub async fn event_log<L: EventLog>(make: impl AsyncFn(usize) -> L) {
    an_empty_log_has_a_position(&make(ALL).await).await;
    events_are_read_in_the_order_of_their_appends(&make(ALL).await).await;
    pages_are_contiguous(&make(ALL).await).await;
    positions_keep_their_meaning(&make(ALL).await).await;
    a_text_that_is_not_an_id_is_a_gap(&make(ALL).await).await;
    the_newest_events_can_be_found(&make(ALL).await).await;
    a_waiting_reader_misses_no_event(&make(ALL).await).await;
    events_of_several_publishers_have_one_order(&make(ALL).await).await;
    trimmed_events_are_a_gap(&make(8).await).await;
    for last in [false, true] {
        a_close_is_reported_and_no_event_follows_it(&make(ALL).await, last).await;
    }
    an_empty_log_can_be_closed(&make(ALL).await).await;
    a_waiting_reader_is_woken_by_a_close(&make(ALL).await).await;
    concurrent_closes_and_appends_have_one_order(&make(ALL).await).await;
    trimmed_events_of_a_closed_log_are_a_gap(&make(8).await).await;
}

/// The answer of a call, which must succeed within the time limit.
pub(super) async fn answer<T, E: std::fmt::Display>(call: impl Future<Output = Result<T, E>>) -> T {
    match timeout(TIME_LIMIT, call).await {
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

/// The events after a position of an open log, up to `limit`, page by page.
pub(super) async fn read<L: EventLog>(log: &L, after: &EventId, limit: usize) -> Vec<LogEntry> {
    let (entries, closed) = read_on(log, after, limit).await;
    assert_eq!(closed, None, "a log is open until it is closed");
    entries
}

/// The events after a position, up to `limit`, page by page, and the end if the last page has it.
pub(super) async fn read_on<L: EventLog>(log: &L, after: &EventId, limit: usize) -> (Vec<LogEntry>, Option<End>) {
    let (mut entries, mut position) = (Vec::new(), after.clone());
    loop {
        let left = limit - entries.len();
        let page = answer(log.read_after(position.as_str(), left)).await;
        assert_eq!(
            page.gap, None,
            "a read from a known position after which all events are retained has no gap: {position}"
        );
        assert!(page.entries.len() <= left, "a page has at most `limit` events");
        let next = page.next_position(&position);
        entries.extend(page.entries);
        if page.closed.is_some() || entries.len() == limit || next == position {
            return (entries, page.closed);
        }
        position = next;
    }
}

async fn an_empty_log_has_a_position<L: EventLog>(log: &L) {
    let head = answer(log.head()).await;
    assert_eq!(answer(log.head()).await, head, "the head of an unchanged log does not change");
    assert_eq!(read(log, &head, 10).await, [], "an empty log has no events after its head");
    for n in [0, 1, u64::MAX] {
        let position = answer(log.before_last(n)).await;
        assert_eq!(
            read(log, &position, 10).await,
            [],
            "an empty log has no events after the position before its newest {n}"
        );
    }
    let appended = append(log, 0..2).await;
    assert_eq!(read(log, &head, 10).await, appended, "the head of an empty log is the position before the first event");
}

async fn events_are_read_in_the_order_of_their_appends<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let appended = append(log, 0..100).await;
    let read = read(log, &start, 1000).await;
    assert_eq!(
        read, appended,
        "events are read in the order in which they were appended, byte for byte, under their ids"
    );
    assert_eq!(answer(log.head()).await, read[99].id, "the head is the position after the newest event");
    let mut ids: Vec<_> = read.into_iter().map(|entry| entry.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100, "each event has an id of its own");
}

async fn pages_are_contiguous<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let appended = append(log, 0..40).await;
    for limit in [1, 3, 7, 40, 41] {
        let mut position = start.clone();
        let mut all = Vec::new();
        loop {
            let page = read(log, &position, limit).await;
            let Some(last) = page.last() else { break };
            position = last.id.clone();
            all.extend(page);
        }
        assert_eq!(all, appended, "consecutive pages of {limit} contain all events");
    }
}

async fn positions_keep_their_meaning<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let mut appended = append(log, 0..5).await;
    appended.extend(append(log, 5..10).await);
    assert_eq!(read(log, &start, 100).await, appended, "an append does not change what a position means");
    for (index, entry) in appended.iter().enumerate() {
        assert_eq!(
            read(log, &entry.id, 100).await,
            appended[index + 1..],
            "an id is the position right after its event"
        );
    }
}

/// Asserts that the page has a gap, and that the position after the gap leads to the retained events.
async fn assert_gap<L: EventLog>(log: &L, page: &Page, retained: &[LogEntry]) {
    let gap = page.gap.as_ref().unwrap_or_else(|| panic!("the page reports a gap"));
    assert!(retained.starts_with(&page.entries), "the oldest retained events follow a gap");
    assert_eq!(
        page.entries.is_empty(),
        retained.is_empty(),
        "a page with a gap has the first retained event, if there is one"
    );
    assert_eq!(
        read(log, &gap.resume, retained.len() + 10).await,
        retained,
        "the position after a gap is right before the retained events"
    );
    if retained.is_empty() {
        assert_eq!(
            gap.resume,
            answer(log.head()).await,
            "if no event is retained, the position after a gap is the head"
        );
    }
}

async fn a_text_that_is_not_an_id_is_a_gap<L: EventLog>(log: &L) {
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
        let retained = append(log, 0..events).await;
        let is_known = |id: &str| id == known.as_str() || retained.iter().any(|entry| entry.id.as_str() == id);
        for id in hostile.iter().filter(|id| !is_known(id)) {
            let page = answer(log.read_after(id, 100)).await;
            assert_gap(log, &page, &retained).await;
            let reason = page.gap.map(|gap| gap.gap.reason);
            assert_eq!(
                reason,
                Some(GapReason::UnknownId),
                "a text that is not an id of the log is a gap with the reason `UnknownId`: {id:?}"
            );
        }
    }
}

async fn the_newest_events_can_be_found<L: EventLog>(log: &L) {
    let appended = append(log, 0..10).await;
    for n in [0, 1, 5, 10, 11, u64::MAX] {
        let position = answer(log.before_last(n)).await;
        let newest = usize::try_from(n).map_or(10, |n| n.min(10));
        assert_eq!(read(log, &position, 100).await, appended[10 - newest..], "the newest {n}");
    }
}

async fn a_waiting_reader_misses_no_event<L: EventLog>(log: &L) {
    let mut position = answer(log.head()).await;
    append(log, 0..1).await;
    // An event that is stored already ends the wait.
    answer(log.wait_after(&position)).await;
    for n in 1..20 {
        position = answer(log.head()).await;
        let mut waiting = pin!(log.wait_after(&position));
        // Begins to wait, and may return too early.
        let early = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
        let appended = append(log, n..=n).await;
        if !early {
            answer(waiting).await;
        }
        assert_eq!(read(log, &position, 10).await, appended, "the event that ended the wait can be read");
    }
}

async fn events_of_several_publishers_have_one_order<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let publish = |from: usize| append(log, from..from + 50);
    let [one, two, three] = together([Box::pin(publish(0)), Box::pin(publish(100)), Box::pin(publish(200))]).await;
    let order = read(log, &start, 1000).await;
    assert_eq!(order.len(), 150, "each event is stored once");
    for published in [one, two, three] {
        let seen: Vec<_> = order.iter().filter(|entry| published.contains(entry)).cloned().collect();
        assert_eq!(
            seen, published,
            "each publisher's events are in the order of its calls, under the ids that it received"
        );
    }
    assert_eq!(read(log, &start, 1000).await, order, "all readers see the same order");
}

/// Runs all futures to completion.
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

async fn trimmed_events_are_a_gap<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let appended = append(log, 0..100).await;
    let page = answer(log.read_after(start.as_str(), 1000)).await;
    let mut entries = page.entries.clone();
    entries.extend(read(log, &page.next_position(&start), 1000).await);
    let retained = entries.len();
    assert!(retained >= 8, "the log retains at least as many events as `make` was called with");
    assert!(appended.ends_with(&entries), "the newest events are retained, without a hole");
    match &page.gap {
        None => assert_eq!(retained, 100, "a read from before a trimmed event has a gap"),
        Some(gap) => {
            assert_gap(log, &page, &appended[100 - retained..]).await;
            assert_eq!(gap.gap.reason, GapReason::Trimmed, "the position is known and its events are trimmed");
            if let Some(missed) = gap.gap.missed {
                assert_eq!(missed, 100 - retained as u64, "the number of missed events is right, or not given");
            }
            let oldest = answer(log.before_last(u64::MAX)).await;
            assert_eq!(read(log, &oldest, 1000).await, entries, "the position before all retained events");
        }
    }
    let newest = &appended[99 - 4..];
    assert_eq!(read(log, &newest[0].id, 1000).await, newest[1..], "a retained event's id can be resumed");
}

/// Asserts that an append and another close are refused with the first end.
async fn assert_closed<L: EventLog>(log: &L, end: End) {
    let refused = |outcome: Result<EventId, AppendError<L::Error>>| match outcome {
        Err(AppendError::Closed(first)) => assert_eq!(first, end, "the first close wins"),
        Err(error) => panic!("the log fails: {error}"),
        Ok(id) => panic!("a closed log refuses appends and closes: {id}"),
    };
    refused(log.append(&block(900)).await);
    refused(log.close(None, End::Lost).await);
    refused(log.close(Some(&block(901)), End::Lost).await);
}

async fn a_close_is_reported_and_no_event_follows_it<L: EventLog>(log: &L, with_last: bool) {
    let start = answer(log.head()).await;
    let mut all = append(log, 0..10).await;
    let last = with_last.then(|| block(10));
    let position = answer(log.close(last.as_ref(), End::Stopped)).await;
    assert!(!position.as_str().ends_with('!'), "an id does not end in `!`: {position}");
    match last {
        Some(block) => all.push(LogEntry::last(position.clone(), block)),
        None => {
            assert_eq!(
                Some(&position),
                all.last().map(|entry| &entry.id),
                "the position of the end is after all events"
            );
        }
    }
    assert_closed(log, End::Stopped).await;
    assert_eq!(answer(log.head()).await, position, "the head of a closed log is its end");
    let ends = Some(End::Stopped);
    assert_eq!(
        read_on(log, &start, 1000).await,
        (all.clone(), ends),
        "all events are retained, and the end follows them"
    );
    for (index, entry) in all.iter().enumerate() {
        let rest = (all[index + 1..].to_vec(), ends);
        assert_eq!(read_on(log, &entry.id, 1000).await, rest, "the end follows the events from any position");
    }
    let (first, closed) = read_on(log, &start, 3).await;
    assert_eq!((first.len(), closed), (3, None), "only the last page has the end");
    let newest = answer(log.before_last(1)).await;
    assert_eq!(
        read_on(log, &newest, 10).await,
        (all[all.len() - 1..].to_vec(), ends),
        "the position before the newest event is found in a closed log"
    );
    // Nothing follows the end, so the wait ends at once.
    answer(log.wait_after(&position)).await;
}

async fn an_empty_log_can_be_closed<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    let position = answer(log.close(None, End::Complete)).await;
    assert_eq!(position, start, "the end of an empty log is its first position");
    assert_eq!(
        read_on(log, &start, 10).await,
        (Vec::new(), Some(End::Complete)),
        "a log that was closed while empty has an end and no events"
    );
    assert_closed(log, End::Complete).await;
}

async fn a_waiting_reader_is_woken_by_a_close<L: EventLog>(log: &L) {
    append(log, 0..1).await;
    let position = answer(log.head()).await;
    let mut waiting = pin!(log.wait_after(&position));
    let early = poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
    answer(log.close(None, End::Complete)).await;
    if !early {
        answer(waiting).await;
    }
    assert_eq!(
        read_on(log, &position, 10).await,
        (Vec::new(), Some(End::Complete)),
        "the end that ended the wait can be read"
    );
}

async fn concurrent_closes_and_appends_have_one_order<L: EventLog>(log: &L) {
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
    assert_eq!(closed.len(), 1, "one of two closes succeeds");
    let (order, end) = read_on(log, &start, 1000).await;
    assert_eq!((order.last(), end), (closed.last(), Some(End::Complete)), "no event follows the last event");
    for published in published.into_iter().flatten() {
        let seen: Vec<_> = order.iter().filter(|entry| published.contains(entry)).cloned().collect();
        assert_eq!(seen, published, "every successful append is before the end");
    }
}

async fn trimmed_events_of_a_closed_log_are_a_gap<L: EventLog>(log: &L) {
    let start = answer(log.head()).await;
    append(log, 0..100).await;
    let position = answer(log.close(Some(&block(100)), End::Complete)).await;
    let page = answer(log.read_after(start.as_str(), 1000)).await;
    let resume = page.gap.as_ref().map_or(&start, |gap| &gap.resume);
    let (rest, end) = read_on(log, resume, 1000).await;
    assert_eq!(rest.last(), Some(&LogEntry::last(position, block(100))), "the last event is retained");
    assert_eq!(end, Some(End::Complete), "the end follows a gap, too");
}
