//! Reads the events of a response body, for both [`EventStream`](super::EventStream) and
//! [`EventSource`](super::EventSource).

use std::{
    fmt,
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::Body;
use tokio::task::coop::{poll_proceed, unconstrained};

use super::{
    Error,
    connection::Connection,
    error::BoxError,
    options::{BadEvent, ReadOptions, UnknownEvent},
    stream_timeouts::StreamTimeout,
    trace::{self, StreamSpan},
};
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Encoded, IgnoredLines, Item, UnfinishedEvent},
    event::{Event, RawEventRef},
};

/// The number of chunks and skipped events after which a poll yields to other tasks.
const STEPS_PER_POLL: u32 = 64;

pub(super) struct Reader<E> {
    decoder: Decoder,
    options: ReadOptions,
    /// Events received on this connection, of any type.
    events: u64,
    unknown_events: u64,
    /// The body has ended; the decoder may still hold events.
    body_ended: bool,
    /// The event that the end of the body left unfinished.
    unfinished: Option<UnfinishedEvent>,
    /// Whether the next connection resumes after the last event ID, if there is one.
    resumes: bool,
    /// An unfinished event of this connection or an earlier one, after the current last event ID.
    held: Option<HeldEvent>,
    span: StreamSpan,
    /// The connection of the current request.
    connection: Connection,
    event: PhantomData<fn() -> E>,
}

/// An unfinished event that is held back, because a server that resumes sends it again.
struct HeldEvent {
    /// The event with its end added, as on the wire.
    block: Bytes,
    /// The last event ID before the event.
    last_event_id: String,
    state: HeldState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HeldState {
    /// No event has arrived since. If none follows, it is the last event.
    Awaited,
    /// Other events have arrived since.
    Superseded,
    /// It arrived a second time, unfinished again, and was delivered.
    Delivered,
}

/// The result of reading.
pub(super) enum ReadOutcome<E> {
    Event(Event<E>),
    /// Only if comments are enabled in the decoder.
    Comment(String),
    /// A bad event, or one that reports an error of the server. The stream continues unless the event is terminal.
    EventError {
        error: Error,
        is_terminal: bool,
    },
    /// A hook closed the source.
    Closed,
    /// The body ended regularly.
    BodyEnded,
    Failed(Error),
}

/// The next event or comment in the received data.
enum BufferedItem<E> {
    Outcome(ReadOutcome<E>),
    Skipped,
}

impl<E> Reader<E> {
    pub(super) fn new(decoder: Decoder, options: ReadOptions, span: StreamSpan) -> Self {
        Self {
            decoder,
            options,
            events: 0,
            unknown_events: 0,
            body_ended: false,
            unfinished: None,
            resumes: false,
            held: None,
            span,
            connection: Connection::default(),
            event: PhantomData,
        }
    }

    pub(super) fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    pub(super) const fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    pub(super) const fn unknown_events(&self) -> u64 {
        self.unknown_events
    }

    pub(super) const fn options(&mut self) -> &mut ReadOptions {
        &mut self.options
    }

    pub(super) fn change_decoder(&mut self, change: impl FnOnce(Decoder) -> Decoder) {
        self.decoder = change(std::mem::take(&mut self.decoder));
    }

    /// The span of the stream.
    pub(super) const fn span(&self) -> &StreamSpan {
        &self.span
    }

    /// Sets the connection of the next request, which is abandoned after a timeout.
    pub(super) fn set_connection(&mut self, connection: Connection) {
        self.connection = connection;
    }

    /// Starts reading a response.
    pub(super) fn start_response(&mut self, headers: &HeaderMap) {
        self.options.timeouts.start_response(headers);
    }

    /// Ends reading a connection, and drops unfinished events.
    pub(super) fn reset(&mut self) {
        if !self.body_ended {
            self.supersede_held_event();
        }
        self.held.take_if(|held| held.last_event_id != self.decoder.last_event_id());
        self.decoder.restart();
        self.options.timeouts.reset();
        self.events = 0;
        self.body_ended = false;
        self.unfinished = None;
    }

    /// Sets whether the next connection resumes after the last event ID.
    pub(super) const fn set_resumes(&mut self, yes: bool) {
        self.resumes = yes;
    }

    /// The error of a body that ended without a terminal event, if no other connection follows.
    pub(super) fn truncation_error(&self) -> Option<Error> {
        self.options
            .require_terminal
            .then(|| Error::truncated(self.unfinished.clone()).with_ignored_lines(self.ignored_lines()))
    }

    /// The ignored lines of a stream without events.
    pub(super) fn ignored_lines(&self) -> Option<IgnoredLines> {
        if self.events == 0 { self.decoder.ignored_lines() } else { None }
    }

    /// Called when all finished events of a connection are read. If there were any, a held event of an earlier
    /// connection is no longer awaited.
    fn supersede_held_event(&mut self) {
        if let Some(held) = &mut self.held
            && held.state == HeldState::Awaited
            && self.events > 0
        {
            held.state = HeldState::Superseded;
        }
    }

    fn body_ended(&mut self) {
        self.supersede_held_event();
        self.body_ended = true;
        if let Some(lines) = self.ignored_lines() {
            trace::ignored_lines(&lines);
        }
        if self.options.lenient_end {
            self.decoder.finish();
        } else if let Some(event) = self.decoder.unfinished() {
            trace::unfinished_event(&event);
            self.unfinished = Some(event);
        }
    }
}

impl<E: DecodeEvent> Reader<E> {
    /// Returns the unfinished event that was held back, if no other connection follows. `None` when the server has
    /// sent another event since, or when the event is of a type that is skipped.
    pub(super) fn take_held_event(&mut self, closed: &dyn Fn() -> bool) -> Option<ReadOutcome<E>> {
        let held = self.held.take().filter(|held| held.state == HeldState::Awaited)?;
        self.decoder.restart();
        // It was within the size limit when it arrived.
        self.change_decoder(|decoder| decoder.max_event_size(usize::MAX));
        self.decoder.feed(held.block);
        match self.next_buffered(closed)? {
            BufferedItem::Outcome(read) => Some(read),
            BufferedItem::Skipped => None,
        }
    }

    /// Reads the next item. It costs one unit of the task's budget, so that a body that always has data does not
    /// starve other tasks.
    ///
    /// `closed` is checked after each call of a hook, because a hook may close the source.
    pub(super) fn poll_read<B>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
        closed: &dyn Fn() -> bool,
    ) -> Poll<ReadOutcome<E>>
    where
        B: Body<Data: Buf, Error: Into<BoxError>>,
    {
        if let Poll::Ready(budget) = poll_proceed(cx) {
            let read = ready!(self.poll_item(body, cx, closed));
            budget.made_progress();
            return Poll::Ready(read);
        }
        // Other work of the task has spent the budget, and may do so before each poll. If a timeout expires then,
        // the body may still have data that was not polled.
        ready!(self.options.timeouts.poll_timeout(cx));
        pin!(unconstrained(poll_fn(|cx| self.poll_item(body.as_mut(), cx, closed)))).poll(cx)
    }

    fn poll_item<B>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
        closed: &dyn Fn() -> bool,
    ) -> Poll<ReadOutcome<E>>
    where
        B: Body<Data: Buf, Error: Into<BoxError>>,
    {
        for _ in 0..STEPS_PER_POLL {
            match self.next_buffered(closed) {
                Some(BufferedItem::Skipped) => {
                    // The server does not count as silent while received data is unread.
                    self.options.timeouts.bytes_received();
                    continue;
                }
                // An endless sequence of comments must not prevent the event timeout.
                Some(BufferedItem::Outcome(comment @ ReadOutcome::Comment(_))) => {
                    self.options.timeouts.bytes_received();
                    match self.poll_timeout(cx) {
                        Poll::Pending => return Poll::Ready(comment),
                        timeout @ Poll::Ready(_) => return timeout,
                    }
                }
                Some(BufferedItem::Outcome(read)) => return Poll::Ready(read),
                None if self.body_ended => return Poll::Ready(ReadOutcome::BodyEnded),
                None => {}
            }
            let mut polled = body.as_mut().poll_frame(cx);
            if polled.is_pending() {
                let timeout = ready!(self.options.timeouts.poll_timeout(cx));
                // Without budget the body returns pending even if it has data.
                polled = pin!(unconstrained(poll_fn(|cx| body.as_mut().poll_frame(cx)))).poll(cx);
                if polled.is_pending() {
                    return Poll::Ready(self.timed_out(timeout));
                }
            }
            match polled {
                Poll::Ready(None) => self.body_ended(),
                Poll::Ready(Some(Err(error))) => {
                    let error = Error::in_body(error).with_ignored_lines(self.ignored_lines());
                    return Poll::Ready(ReadOutcome::Failed(error));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(mut data) = frame.into_data()
                        && data.has_remaining()
                    {
                        self.options.timeouts.bytes_received();
                        self.decoder.feed(data.copy_to_bytes(data.remaining()));
                    }
                }
                Poll::Pending => {}
            }
        }
        // A body that always has data may still have no event.
        let timeout = self.poll_timeout(cx);
        if timeout.is_pending() {
            cx.waker().wake_by_ref();
        }
        timeout
    }

    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<ReadOutcome<E>> {
        self.options.timeouts.poll_timeout(cx).map(|timeout| self.timed_out(timeout))
    }

    fn timed_out(&self, timeout: StreamTimeout) -> ReadOutcome<E> {
        self.connection.abandon();
        ReadOutcome::Failed(Error::stream_timeout(timeout).with_ignored_lines(self.ignored_lines()))
    }

    /// Returns the next item in the received data, or `None` if there is none.
    // Inlined, so that an event is not moved through the results of this function.
    #[inline(always)]
    fn next_buffered(&mut self, closed: &dyn Fn() -> bool) -> Option<BufferedItem<E>> {
        let options = &mut self.options;
        let resumes = self.body_ended && self.resumes;
        let error = match self.decoder.next_item()? {
            Ok(Item::Event(raw)) => {
                let decoded = E::decode(raw);
                // The event is unfinished and comes after the ID from which the server resumes, so the server sends
                // it again.
                if resumes
                    && raw.id().is_none()
                    && !raw.last_event_id().is_empty()
                    && !matches!(&decoded, Ok(Decoded::Event(event)) if event.is_terminal())
                    && try_hold_back(&mut self.held, raw)
                {
                    return Some(BufferedItem::Skipped);
                }
                self.events += 1;
                options.timeouts.event_received();
                match decoded {
                    Ok(Decoded::Event(event)) if options.in_band_errors && event.is_error() => {
                        let error = Error::in_band(raw.to_raw_event());
                        return Some(BufferedItem::Outcome(ReadOutcome::EventError {
                            error,
                            is_terminal: event.is_terminal(),
                        }));
                    }
                    Ok(Decoded::Event(event)) => {
                        return Some(BufferedItem::Outcome(ReadOutcome::Event(raw.decoded_as(event))));
                    }
                    Ok(Decoded::Ignored) => return Some(BufferedItem::Skipped),
                    Ok(Decoded::Unknown) => {
                        self.unknown_events += 1;
                        trace::unknown_event(raw.event_type());
                        match options.unknown {
                            UnknownEvent::Skip => return Some(BufferedItem::Skipped),
                            UnknownEvent::Error => Error::unknown(raw.to_raw_event()),
                        }
                    }
                    Err(error) => Error::decode_failed(error, raw.to_raw_event()),
                }
            }
            Ok(Item::Comment(comment)) => return Some(BufferedItem::Outcome(ReadOutcome::Comment(comment.to_owned()))),
            // Updates are not enabled.
            Ok(Item::Update { .. }) => return Some(BufferedItem::Skipped),
            Err(error) => Error::too_large(error),
        };
        trace::bad_event(&error);
        match &mut options.bad_event {
            BadEvent::Yield => Some(BufferedItem::Outcome(ReadOutcome::EventError { error, is_terminal: false })),
            BadEvent::Skip(hook) => {
                hook.call(error);
                Some(if closed() { BufferedItem::Outcome(ReadOutcome::Closed) } else { BufferedItem::Skipped })
            }
        }
    }
}

/// Holds an unfinished event back. Returns false when it must be delivered, because it is unfinished for the second
/// time.
#[cold]
fn try_hold_back(held: &mut Option<HeldEvent>, raw: RawEventRef<'_>) -> bool {
    let Ok(event) = Encoded::new(&raw.to_raw_event()) else { return false };
    match held {
        Some(held) if held.block == event.as_bytes() && held.last_event_id == raw.last_event_id() => {
            let is_delivered = held.state == HeldState::Delivered;
            held.state = HeldState::Delivered;
            is_delivered
        }
        _ => {
            *held = Some(HeldEvent {
                block: event.as_bytes().clone(),
                last_event_id: raw.last_event_id().to_owned(),
                state: HeldState::Awaited,
            });
            true
        }
    }
}

impl<E> fmt::Debug for Reader<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("options", &self.options)
            .field("events", &self.events)
            .field("unknown_events", &self.unknown_events)
            .finish_non_exhaustive()
    }
}
