//! One body, read event by event: what [`EventStream`](super::EventStream) and [`EventSource`](super::EventSource) share.

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
    options::{BadEvent, ReadOptions, Unknown},
    silence::Silent,
    trace::{self, Scope},
};
use crate::{
    codec::{DecodeEvent, Decoded, Decoder, Encoded, IgnoredLines, Item, UnfinishedEvent},
    event::{Event, RawEventRef},
};

/// So many chunks and events may bring no item before the task is given up for a moment.
const STEPS_PER_POLL: u32 = 64;

pub(super) struct Reader<E> {
    decoder: Decoder,
    options: ReadOptions,
    /// Events on the wire since the last restart, of whatever type.
    events: u64,
    unknown_events: u64,
    /// The body has ended; what the decoder holds may not be used up.
    body_ended: bool,
    /// What the end of the body has cut off.
    unfinished: Option<UnfinishedEvent>,
    /// A connection that ends is resumed behind the last event ID, if there is one.
    resumes: bool,
    /// Of this connection or an earlier one, behind the last event ID.
    held: Option<HeldEvent>,
    scope: Scope,
    /// Of the request whose response is read, or will be.
    connection: Connection,
    event: PhantomData<fn() -> E>,
}

/// An unfinished event that is not delivered at once, because a server that resumes sends it again.
struct HeldEvent {
    /// The event, finished.
    block: Bytes,
    /// The last event ID that it came behind.
    last_event_id: String,
    state: HeldState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HeldState {
    /// Nothing has come since. If nothing more comes, it is the last event.
    Awaited,
    /// The server has sent other events since.
    Superseded,
    /// It came a second time, unfinished again, and was delivered.
    Delivered,
}

/// What was read.
pub(super) enum Read<E> {
    Event(Event<E>),
    /// Only if the decoder was told to give comments.
    Comment(String),
    /// Bad, or an error of the server's; the stream goes on unless it is the last.
    Bad {
        error: Error,
        last: bool,
    },
    /// A hook has closed the source.
    Closed,
    /// The body ended as it should.
    End,
    Broken(Error),
}

/// What became of an event, or of a comment.
enum Progress<E> {
    Read(Read<E>),
    PassedOver,
}

impl<E> Reader<E> {
    pub(super) fn new(decoder: Decoder, options: ReadOptions, scope: Scope) -> Self {
        Self {
            decoder,
            options,
            events: 0,
            unknown_events: 0,
            body_ended: false,
            unfinished: None,
            resumes: false,
            held: None,
            scope,
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

    /// What is traced of the stream.
    pub(super) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// A request is made; its connection is abandoned when the response falls silent.
    pub(super) fn set_connection(&mut self, connection: Connection) {
        self.connection = connection;
    }

    /// A response begins.
    pub(super) fn begin(&mut self, headers: &HeaderMap) {
        self.options.silence.begin(headers);
    }

    /// A connection is over: what is unfinished is dropped.
    pub(super) fn restart(&mut self) {
        if !self.body_ended {
            self.supersede_held();
        }
        self.held.take_if(|held| held.last_event_id != self.decoder.last_event_id());
        self.decoder.restart();
        self.options.silence.restart();
        self.events = 0;
        self.body_ended = false;
        self.unfinished = None;
    }

    /// Says whether the server is asked to go on behind the last event ID when the connection ends.
    pub(super) const fn set_resumes(&mut self, yes: bool) {
        self.resumes = yes;
    }

    /// What the end of the body is, where there will be no other.
    pub(super) fn end(&self) -> Option<Error> {
        self.options
            .require_terminal
            .then(|| Error::truncated(self.unfinished.clone()).with_ignored_lines(self.ignored_lines()))
    }

    /// What has come in the place of events.
    pub(super) fn ignored_lines(&self) -> Option<IgnoredLines> {
        if self.events == 0 { self.decoder.ignored_lines() } else { None }
    }

    /// All finished events of a connection are read. If there were any, an event of an earlier connection is no longer
    /// awaited.
    fn supersede_held(&mut self) {
        if let Some(held) = &mut self.held
            && held.state == HeldState::Awaited
            && self.events > 0
        {
            held.state = HeldState::Superseded;
        }
    }

    fn end_of_body(&mut self) {
        self.supersede_held();
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
    /// The unfinished event that was held back, when there will be no other connection. `None` when the server has sent
    /// something else since, or when the event is of a type that is skipped.
    pub(super) fn take_held(&mut self, closed: &dyn Fn() -> bool) -> Option<Read<E>> {
        let held = self.held.take().filter(|held| held.state == HeldState::Awaited)?;
        self.decoder.restart();
        // It was within the limit as it came.
        self.change_decoder(|decoder| decoder.max_event_size(usize::MAX));
        self.decoder.feed(held.block);
        match self.next_of_chunk(closed)? {
            Progress::Read(read) => Some(read),
            Progress::PassedOver => None,
        }
    }

    /// What comes next. It costs a unit of the task's budget, so that a body that always has something starves no other
    /// task.
    ///
    /// After a hook, which may do anything, `closed` is asked whether the stream goes on.
    pub(super) fn poll_read<B>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
        closed: &dyn Fn() -> bool,
    ) -> Poll<Read<E>>
    where
        B: Body<Data: Buf, Error: Into<BoxError>>,
    {
        if let Poll::Ready(budget) = poll_proceed(cx) {
            let read = ready!(self.poll_item(body, cx, closed));
            budget.made_progress();
            return Poll::Ready(read);
        }
        // Other work of the task has spent the budget, and may do so before each poll. When the time is up nevertheless, it
        // is not known whether the body was silent, for nobody has looked.
        ready!(self.options.silence.poll_silent(cx));
        pin!(unconstrained(poll_fn(|cx| self.poll_item(body.as_mut(), cx, closed)))).poll(cx)
    }

    fn poll_item<B>(&mut self, mut body: Pin<&mut B>, cx: &mut Context<'_>, closed: &dyn Fn() -> bool) -> Poll<Read<E>>
    where
        B: Body<Data: Buf, Error: Into<BoxError>>,
    {
        for _ in 0..STEPS_PER_POLL {
            match self.next_of_chunk(closed) {
                Some(Progress::PassedOver) => {
                    // A server is not silent while something of it is still to be read.
                    self.options.silence.heard();
                    continue;
                }
                // There may always be another comment, and never an event.
                Some(Progress::Read(comment @ Read::Comment(_))) => {
                    self.options.silence.heard();
                    match self.poll_silent(cx) {
                        Poll::Pending => return Poll::Ready(comment),
                        silent @ Poll::Ready(_) => return silent,
                    }
                }
                Some(Progress::Read(read)) => return Poll::Ready(read),
                None if self.body_ended => return Poll::Ready(Read::End),
                None => {}
            }
            let mut polled = body.as_mut().poll_frame(cx);
            if polled.is_pending() {
                let silent = ready!(self.options.silence.poll_silent(cx));
                // Without budget the body is pending whatever it has received.
                polled = pin!(unconstrained(poll_fn(|cx| body.as_mut().poll_frame(cx)))).poll(cx);
                if polled.is_pending() {
                    return Poll::Ready(self.fall_silent(silent));
                }
            }
            match polled {
                Poll::Ready(None) => self.end_of_body(),
                Poll::Ready(Some(Err(error))) => {
                    let error = Error::in_body(error).with_ignored_lines(self.ignored_lines());
                    return Poll::Ready(Read::Broken(error));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(mut data) = frame.into_data()
                        && data.has_remaining()
                    {
                        self.options.silence.heard();
                        self.decoder.feed(data.copy_to_bytes(data.remaining()));
                    }
                }
                Poll::Pending => {}
            }
        }
        // A body that always has something may still have no event.
        let silent = self.poll_silent(cx);
        if silent.is_pending() {
            cx.waker().wake_by_ref();
        }
        silent
    }

    fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<Read<E>> {
        self.options.silence.poll_silent(cx).map(|silent| self.fall_silent(silent))
    }

    fn fall_silent(&self, silent: Silent) -> Read<E> {
        self.connection.abandon();
        Read::Broken(Error::silent(silent).with_ignored_lines(self.ignored_lines()))
    }

    /// `None` when the chunk has nothing more.
    fn next_of_chunk(&mut self, closed: &dyn Fn() -> bool) -> Option<Progress<E>> {
        let options = &mut self.options;
        let resumes = self.body_ended && self.resumes;
        let error = match self.decoder.next_item()? {
            Ok(Item::Event(raw)) => {
                let decoded = E::decode(raw);
                // Unfinished, and behind the id that the server is asked to go on from: it sends it again.
                if resumes
                    && raw.id().is_none()
                    && !raw.last_event_id().is_empty()
                    && !matches!(&decoded, Ok(Decoded::Event(event)) if event.is_terminal())
                    && hold(&mut self.held, raw)
                {
                    return Some(Progress::PassedOver);
                }
                self.events += 1;
                options.silence.heard_event();
                match decoded {
                    Ok(Decoded::Event(event)) if options.in_band_errors && event.is_error() => {
                        let error = Error::in_band(raw.to_raw_event());
                        return Some(Progress::Read(Read::Bad { error, last: event.is_terminal() }));
                    }
                    Ok(Decoded::Event(event)) => return Some(Progress::Read(Read::Event(raw.envelope(event)))),
                    Ok(Decoded::Ignored) => return Some(Progress::PassedOver),
                    Ok(Decoded::Unknown) => {
                        self.unknown_events += 1;
                        trace::unknown_event(raw.event_type());
                        match options.unknown {
                            Unknown::Skip => return Some(Progress::PassedOver),
                            Unknown::Error => Error::unknown(raw.to_raw_event()),
                        }
                    }
                    Err(error) => Error::decode_failed(error, raw.to_raw_event()),
                }
            }
            Ok(Item::Comment(comment)) => return Some(Progress::Read(Read::Comment(comment.to_owned()))),
            // Nobody has asked for them.
            Ok(Item::Update { .. }) => return Some(Progress::PassedOver),
            Err(error) => Error::too_large(error),
        };
        trace::bad_event(&error);
        match &mut options.bad_event {
            BadEvent::Yield => Some(Progress::Read(Read::Bad { error, last: false })),
            BadEvent::Skip(hook) => {
                hook.tell(error);
                Some(if closed() { Progress::Read(Read::Closed) } else { Progress::PassedOver })
            }
        }
    }
}

/// Holds an unfinished event back. False when it is to be delivered: a second time it came no further.
#[cold]
fn hold(held: &mut Option<HeldEvent>, raw: RawEventRef<'_>) -> bool {
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
