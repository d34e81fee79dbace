//! What can be expected of a stream.

use std::{
    fmt::{Debug, Display},
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    Collect, Expect,
    poll::{Deadline, TimedOut},
    report::debug,
    show_diff,
    source::What,
};
use crate::{
    codec::DecodeEvent,
    event::{Event, Gap, GapEvent},
};

/// How long the body of a response that is no event stream is read, for the message.
const BODY_LIMIT: Duration = Duration::from_secs(1);

impl<E: DecodeEvent + Debug + Send> Collect<E> {
    /// Expects that this is the next event, and returns it with its id and reconnection time.
    pub fn expect(&mut self, event: E) -> Expect<'_, Event<E>>
    where
        E: PartialEq,
    {
        Expect::new(async move {
            let expected = format!("event {}", debug(&event));
            let index = self.find_event(&expected).await?;
            if let What::Event(received) = &self.pending[index].what
                && received.data != event
            {
                return Err(self.differs(&event, &received.data, index));
            }
            self.take_event(index, &expected)
        })
    }

    /// Expects that this is the next event, with this id and this reconnection time, or without.
    pub fn expect_event(&mut self, event: Event<E>) -> Expect<'_, ()>
    where
        E: PartialEq,
    {
        Expect::new(async move {
            let expected = format!("event {}", debug(&event));
            let index = self.find_event(&expected).await?;
            if let What::Event(received) = &self.pending[index].what
                && *received != event
            {
                return Err(self.differs(&event, received, index));
            }
            self.take_event(index, &expected).map(drop)
        })
    }

    /// Expects that the next event is one for which `matches` returns true, and returns it.
    ///
    /// ```
    /// # async fn test(mut events: sse_typed::testing::Collect) {
    /// events.expect_matching(|event| event.event_type() == "tick").await;
    /// # }
    /// ```
    pub fn expect_matching<'c>(&'c mut self, matches: impl FnOnce(&E) -> bool + Send + 'c) -> Expect<'c, Event<E>> {
        Expect::new(async move {
            let expected = "an event that matches";
            let index = self.find_event(expected).await?;
            if let What::Event(received) = &self.pending[index].what
                && !matches(&received.data)
            {
                let text = format!("the next event does not match\n  {}", debug(&received.data));
                return Err(self.report(text, Some(index)));
            }
            self.take_event(index, expected)
        })
    }

    /// Expects that these are the next events, in this order, and returns them with their ids and reconnection times.
    pub fn expect_all<I>(&mut self, events: I) -> Expect<'_, Vec<Event<E>>>
    where
        E: PartialEq,
        I: IntoIterator<Item = E>,
    {
        let events: Vec<E> = events.into_iter().collect();
        Expect::new(async move {
            let mut deadline = Deadline::after(self.limit).expecting(events.len());
            let arrivals = self.next_are(events, &mut deadline).await?;
            Ok(self.take_events(arrivals))
        })
    }

    /// Expects that these are the next events, and then the end of the stream.
    pub fn expect_only<I>(&mut self, events: I) -> Expect<'_, Vec<Event<E>>>
    where
        E: PartialEq,
        I: IntoIterator<Item = E>,
    {
        let events: Vec<E> = events.into_iter().collect();
        Expect::new(async move {
            let mut deadline = Deadline::after(self.limit).expecting(events.len());
            let arrivals = self.next_are(events, &mut deadline).await?;
            let expected = "the end of the stream";
            let index = self.find(arrivals, expected, is_event, &mut deadline).await?;
            if !matches!(self.pending[index].what, What::End) {
                return Err(self.received_instead(index, expected));
            }
            Ok(self.take_events(index))
        })
    }

    /// Waits until these are the next events: with how many arrivals they have come. Nothing is taken.
    async fn next_are(&mut self, events: Vec<E>, deadline: &mut Deadline) -> Result<usize, String>
    where
        E: PartialEq,
    {
        let mut next = 0;
        for number in 1..=events.len() {
            let expected = format!("event {number} of {}: {}", events.len(), debug(&events[number - 1]));
            let index = self.find(next, &expected, is_event, deadline).await?;
            next = index + 1;
            match &self.pending[index].what {
                What::Event(received) if received.data == events[number - 1] => {}
                What::Event(_) => {
                    let received: Vec<_> =
                        self.pending.iter().take(next).filter_map(|arrival| arrival.data()).collect();
                    let mut text = format!("event {number} of {} is another one than the expected ", events.len());
                    show_diff(&events.iter().take(number).collect::<Vec<_>>(), &received, &mut text);
                    return Err(self.report(text, Some(index)));
                }
                _ => return Err(self.received_instead(index, &expected)),
            }
        }
        Ok(next)
    }

    /// The next event, with its id and reconnection time. It fails at the end of the stream.
    // Not an iterator's: it waits.
    #[expect(clippy::should_implement_trait, reason = "the name that streams use for it")]
    pub fn next(&mut self) -> Expect<'_, Event<E>> {
        Expect::new(async move {
            let index = self.find_event("an event").await?;
            self.take_event(index, "an event")
        })
    }

    /// The next `n` events. It fails when the stream ends before.
    pub fn take(&mut self, n: usize) -> Expect<'_, Vec<E>> {
        Expect::new(async move {
            let mut deadline = Deadline::after(self.limit).expecting(n);
            let mut next = 0;
            for number in 1..=n {
                let expected = format!("event {number} of {n}");
                let index = self.find(next, &expected, is_event, &mut deadline).await?;
                if !matches!(self.pending[index].what, What::Event(_)) {
                    return Err(self.received_instead(index, &expected));
                }
                next = index + 1;
            }
            Ok(self.take_events(next).into_iter().map(|event| event.data).collect())
        })
    }

    /// All events up to the end of the stream.
    pub fn rest(&mut self) -> Expect<'_, Vec<E>> {
        Expect::new(async move {
            let mut deadline = Deadline::after(self.limit);
            let expected = "the end of the stream";
            let is_bad = |what: &What<E>| matches!(what, What::Bad(_));
            let index = self.find(0, expected, is_bad, &mut deadline).await?;
            if !matches!(self.pending[index].what, What::End) {
                return Err(self.received_instead(index, expected));
            }
            Ok(self.take_events(index).into_iter().map(|event| event.data).collect())
        })
    }

    /// Expects the event that stands for lost history: the variant marked `#[sse(gap)]`, with this gap.
    pub fn expect_gap(&mut self, gap: Gap) -> Expect<'_, Event<E>>
    where
        E: GapEvent + PartialEq,
    {
        self.expect(E::from_gap(gap))
    }

    /// Expects that no event comes for a time, not counting what comes at its very end. Comments may come, and are there for
    /// [`expect_comment`](Self::expect_comment). It fails when the stream ends.
    ///
    /// The time limit does not apply. A time of zero expects that no event is ready.
    pub fn expect_none_for(&mut self, time: Duration) -> Expect<'_, ()> {
        Expect::new(async move { self.quiet(time, Quiet::NoEvent).await })
    }

    /// Expects that nothing comes for a time, neither an event nor a comment nor another byte, not counting what comes at its
    /// very end. It fails when the stream ends.
    ///
    /// The time limit does not apply.
    pub fn expect_silence_for(&mut self, time: Duration) -> Expect<'_, ()> {
        Expect::new(async move { self.quiet(time, Quiet::Silence).await })
    }

    async fn quiet(&mut self, time: Duration, quiet: Quiet) -> Result<(), String> {
        self.check_head().await?;
        let matters = |what: &What<E>| match quiet {
            Quiet::NoEvent => is_event(what),
            Quiet::Silence => !matches!(what, What::Open(_) | What::Reconnecting(..)),
        };
        let bytes = self.wire.len();
        let mut end = Deadline::after(time);
        let begun = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        let mut is_first = true;
        let mut seen = 0;
        let poll = poll_fn(|cx| {
            if !std::mem::take(&mut is_first) && end.is_over(cx) {
                return Poll::Ready(Ok(()));
            }
            loop {
                while let Some(arrival) = self.pending.get(seen) {
                    if arrival.what.is_last() || matters(&arrival.what) {
                        return Poll::Ready(Err(Some(seen)));
                    }
                    seen += 1;
                }
                match end.cut_off() {
                    None => {}
                    Some(TimedOut::Limit) => return Poll::Ready(Ok(())),
                    Some(TimedOut::Standstill | TimedOut::NeverPauses) => return Poll::Ready(Err(None)),
                }
                if self.poll_receive(cx, &mut end).is_pending() {
                    break;
                }
            }
            if matches!(quiet, Quiet::Silence) && self.wire.len() != bytes {
                return Poll::Ready(Err(None));
            }
            if end.is_over(cx) { Poll::Ready(Ok(())) } else { Poll::Pending }
        });
        let outcome = poll.await;
        let expected = match quiet {
            Quiet::NoEvent => format!("no event for {time:?}"),
            Quiet::Silence => format!("silence for {time:?}"),
        };
        let came = match (outcome, quiet) {
            (Ok(()), _) => return Ok(()),
            (Err(Some(index)), _) => {
                let after = self.pending[index].at.saturating_sub(begun);
                return Err(self.received_after(after, index, &expected));
            }
            (Err(None), Quiet::Silence) => "received a part of a block",
            (Err(None), Quiet::NoEvent) => "the stream never pauses",
        };
        Err(self.report(format!("expected {expected}\n{came}"), None))
    }

    /// Expects a comment of this text, such as `keep-alive`, before the next event.
    pub fn expect_comment(&mut self, text: &str) -> Expect<'_, ()> {
        let expected = text.to_owned();
        Expect::new(async move {
            let name = format!("comment {expected:?}");
            let is_mine = |what: &What<E>| matches!(what, What::Comment(_)) || is_event(what);
            let index = self.find(0, &name, is_mine, &mut Deadline::after(self.limit)).await?;
            match &self.pending[index].what {
                What::Comment(comment) if *comment == expected => {
                    self.take_up_to(index);
                    Ok(())
                }
                _ => Err(self.received_instead(index, &name)),
            }
        })
    }

    /// Expects this reconnection time: that it is the one in force, or that the next one is it, before or with the next
    /// event.
    pub fn expect_retry(&mut self, time: Duration) -> Expect<'_, ()> {
        Expect::new(async move {
            if self.reconnection_time == Some(time) {
                return Ok(());
            }
            let name = format!("reconnection time {time:?}");
            let is_mine = |what: &What<E>| matches!(what, What::Update { retry: Some(_), .. }) || is_event(what);
            let index = self.find(0, &name, is_mine, &mut Deadline::after(self.limit)).await?;
            match &self.pending[index].what {
                What::Update { retry: Some(retry), .. } if *retry == time => {
                    self.take_up_to(index);
                    Ok(())
                }
                // The event is still to be expected.
                What::Event(event) if event.retry == Some(time) => Ok(()),
                _ => Err(self.received_instead(index, &name)),
            }
        })
    }

    /// Expects this last event ID: that it is the one in force, or that the next block without an event sets it.
    pub fn expect_last_event_id(&mut self, id: impl Display) -> Expect<'_, ()> {
        let id = id.to_string();
        Expect::new(async move {
            if self.last_event_id == id {
                return Ok(());
            }
            let name = format!("last event ID {id}, which is {:?}", self.last_event_id);
            let is_mine = |what: &What<E>| matches!(what, What::Update { id: Some(_), .. }) || is_event(what);
            let index = self.find(0, &name, is_mine, &mut Deadline::after(self.limit)).await?;
            match &self.pending[index].what {
                What::Update { id: Some(received), .. } if *received == id => {
                    self.take_up_to(index);
                    Ok(())
                }
                _ => Err(self.received_instead(index, &name)),
            }
        })
    }

    /// Expects that the stream ends as it should, without another event.
    pub fn expect_end(&mut self) -> Expect<'_, ()> {
        Expect::new(async move { self.end().await })
    }

    async fn end(&mut self) -> Result<(), String> {
        let index = self.find_event("the end of the stream").await?;
        if !matches!(self.pending[index].what, What::End) {
            return Err(self.received_instead(index, "the end of the stream"));
        }
        self.take_up_to(index);
        Ok(())
    }

    /// Expects that the stream breaks off, without another event, and returns the error: of the body, or the fatal one of a
    /// client.
    pub fn expect_broken(&mut self) -> Expect<'_, String> {
        Expect::new(async move {
            let expected = "that the stream breaks off";
            let mut deadline = Deadline::after(self.limit);
            let index = self.find(0, expected, is_event, &mut deadline).await?;
            if let What::Bad(error) = &self.pending[index].what {
                let error = error.clone();
                let next = self.find(index + 1, expected, |_| true, &mut deadline).await?;
                if next > index && matches!(self.pending[next].what, What::End) {
                    self.take_up_to(next);
                    return Ok(error);
                }
            }
            match &self.pending[index].what {
                What::Broken(error) => {
                    let error = error.clone();
                    self.take_up_to(index);
                    Ok(error)
                }
                _ => Err(self.received_instead(index, expected)),
            }
        })
    }

    /// Expects that the next event cannot be read as an `E`, and returns why. The stream goes on.
    pub fn expect_bad_event(&mut self) -> Expect<'_, String> {
        Expect::new(async move {
            let expected = "an event that cannot be read";
            let index = self.find_event(expected).await?;
            let What::Bad(error) = &self.pending[index].what else {
                return Err(self.received_instead(index, expected));
            };
            let error = error.clone();
            self.take_up_to(index);
            Ok(error)
        })
    }

    /// Expects that the client has a connection, before the next event. [`head`](Self::head) is the response then.
    ///
    /// Only a [source](Self::source) reports connections.
    pub fn expect_open(&mut self) -> Expect<'_, ()> {
        Expect::new(async move {
            let expected = "that the client has a connection";
            let is_mine = |what: &What<E>| matches!(what, What::Open(_)) || is_event(what);
            let index = self.find(0, expected, is_mine, &mut Deadline::after(self.limit)).await?;
            let What::Open(_) = &self.pending[index].what else {
                return Err(self.received_instead(index, expected));
            };
            self.take_up_to(index);
            Ok(())
        })
    }

    /// Expects that the client will reconnect, before the next event, and returns after which time.
    ///
    /// Only a [source](Self::source) reports connections.
    pub fn expect_reconnect(&mut self) -> Expect<'_, Duration> {
        Expect::new(async move {
            let expected = "that the client reconnects";
            let is_mine = |what: &What<E>| matches!(what, What::Reconnecting(..)) || is_event(what);
            let index = self.find(0, expected, is_mine, &mut Deadline::after(self.limit)).await?;
            let What::Reconnecting(after, _) = self.pending[index].what else {
                return Err(self.received_instead(index, expected));
            };
            self.take_up_to(index);
            Ok(after)
        })
    }

    pub(super) async fn find_event(&mut self, expected: &str) -> Result<usize, String> {
        self.find(0, expected, is_event, &mut Deadline::after(self.limit)).await
    }

    /// Waits for the first arrival from this index on that matters, or the last one.
    async fn find(
        &mut self,
        from: usize,
        expected: &str,
        matters: impl Fn(&What<E>) -> bool,
        deadline: &mut Deadline,
    ) -> Result<usize, String> {
        self.check_head().await?;
        let found = poll_fn(|cx| self.poll_found(cx, from, deadline, &matters)).await;
        found.map_err(|cause| self.timed_out(expected, cause))
    }

    /// Fails if the response is no event stream, with the beginning of its body.
    async fn check_head(&mut self) -> Result<(), String> {
        let Some(mut text) = self.head_without_events() else { return Ok(()) };
        let mut deadline = Deadline::after(BODY_LIMIT.min(self.limit));
        let read_body = |cx: &mut Context<'_>| self.poll_arrival(cx, usize::MAX, &mut deadline);
        let _ = poll_fn(read_body).await;
        let body = self.wire.to_text();
        text.push_str("\n\n");
        text.extend(body.chars().take(1000));
        Err(text.trim_end().to_owned())
    }

    fn differs<T: Debug>(&self, expected: &T, received: &T, index: usize) -> String {
        let mut text = "received another event than the expected one ".to_owned();
        show_diff(expected, received, &mut text);
        self.report(text, Some(index))
    }

    fn take_event(&mut self, index: usize, expected: &str) -> Result<Event<E>, String> {
        if !matches!(self.pending[index].what, What::Event(_)) {
            return Err(self.received_instead(index, expected));
        }
        self.take_events(index + 1).pop().ok_or_else(String::new)
    }

    /// The events among the first arrivals, all of which are taken.
    pub(super) fn take_events(&mut self, arrivals: usize) -> Vec<Event<E>> {
        let mut events = Vec::new();
        for _ in 0..arrivals {
            if let Some(What::Event(event)) = self.take_up_to(0) {
                events.push(event);
            }
        }
        events
    }
}

/// What must not come for a time.
#[derive(Clone, Copy, Debug)]
enum Quiet {
    NoEvent,
    Silence,
}

/// Whether it is an event, good or bad.
const fn is_event<E>(what: &What<E>) -> bool {
    matches!(what, What::Event(_) | What::Bad(_))
}
