//! The state machine of a source: connect, read, back off, and connect again.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, SystemTime},
};

use tokio::time::{Instant, Sleep};

use super::{
    EventSource, ReadyState,
    handle::Command,
    state::{StateReport, WatchedState},
};
use crate::{
    client::{
        Ended, Error, HttpService, ResponseBody,
        connection::Connection,
        headers::retry_after,
        reader::ReadOutcome,
        reconnect::{AttemptOutcome, Decision, DisconnectCause},
        response::{CheckedResponse, ResponseTimeout, rejection, send_request},
        trace,
    },
    codec::DecodeEvent,
    event::Event,
    wake::poll_timer,
};

/// The number of restarts after which a poll yields to other tasks. A service that responds at once, and whose
/// requests restart the source each time, would otherwise never return from a poll.
const RESTARTS_PER_POLL: u32 = 16;

/// A signal, before its head is cloned.
pub(super) enum SourceItem<E> {
    /// A response arrived, and its head is stored in the source.
    Open,
    Event(Event<E>),
    Comment(String),
    Reconnecting {
        after: Duration,
        cause: Option<Error>,
    },
}

pub(super) enum ConnectionState {
    /// The source yields this error and ends.
    ErrorPending(Error),
    /// The next poll makes an attempt.
    AttemptDue,
    Connecting(Pin<Box<dyn Future<Output = Result<CheckedResponse, Error>> + Send>>),
    /// The response is not an event stream, and the beginning of its body is being read.
    ReadingErrorBody(Pin<Box<dyn Future<Output = Error> + Send>>),
    Open {
        body: ResponseBody,
        since: Instant,
    },
    BackingOff(Pin<Box<Sleep>>),
    Ended(Ended),
}

impl<E: DecodeEvent, S: HttpService> EventSource<E, S> {
    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<SourceItem<E>, Error>>> {
        if matches!(self.state, ConnectionState::Ended(_)) {
            return Poll::Ready(None);
        }
        let _entered = self.reader.span().enter();
        if let Some(command) = self.handles.take_command(cx.waker()) {
            self.apply(command);
        }
        let polled = if self.restarts > RESTARTS_PER_POLL {
            cx.waker().wake_by_ref();
            Poll::Pending
        } else {
            self.poll_state(cx)
        };
        if polled.is_pending() {
            self.restarts = 0;
        }
        let is_closed = self.handles.report(|| self.state_report(connection_error(&polled)));
        let mut item = ready!(polled);
        // A hook or another thread may have closed the source during the poll.
        if is_closed {
            self.end(Ended::Closed);
            item = None;
        }
        if matches!(self.state, ConnectionState::Ended(_)) {
            self.handles.forget_waker();
        }
        Poll::Ready(item)
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<SourceItem<E>, Error>>> {
        loop {
            match &mut self.state {
                ConnectionState::Ended(_) => return Poll::Ready(None),
                ConnectionState::ErrorPending(_) => {
                    if let ConnectionState::ErrorPending(error) =
                        std::mem::replace(&mut self.state, ConnectionState::Ended(Ended::Failed))
                    {
                        // An event that was held back may have come before this error. Its connection still counts
                        // as one without an event.
                        self.reader.reset();
                        trace::failed(&error);
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                ConnectionState::AttemptDue => {
                    let (method, connection) = (self.template.method(), Connection::default());
                    self.reader.set_connection(connection.clone());
                    let request = self.template.next_request(self.reader.last_event_id());
                    let response =
                        send_request(self.service.clone(), method, request, connection, self.response_options);
                    self.state = ConnectionState::Connecting(Box::pin(response));
                }
                ConnectionState::Connecting(response) => match ready!(response.as_mut().poll(cx)) {
                    Ok(CheckedResponse::EventStream(head, body)) => {
                        self.template.has_opened = true;
                        self.reader.start_response(&head.headers);
                        self.state = ConnectionState::Open { body, since: Instant::now() };
                        self.head = Some(head);
                        return Poll::Ready(Some(Ok(SourceItem::Open)));
                    }
                    Ok(CheckedResponse::NoContent(head)) => {
                        self.head = Some(head);
                        return Poll::Ready(self.finish(Ok(Ended::NoContent)));
                    }
                    Ok(CheckedResponse::Other(head, body)) => {
                        self.state = ConnectionState::ReadingErrorBody(Box::pin(rejection(head, body)));
                    }
                    Err(error) => return Poll::Ready(self.attempt_failed(error)),
                },
                ConnectionState::ReadingErrorBody(rejection) => {
                    let error = ready!(rejection.as_mut().poll(cx));
                    return Poll::Ready(self.attempt_failed(error));
                }
                ConnectionState::Open { body, since } => {
                    self.reader.set_resumes(self.template.may_resume() && self.reconnect.may_retry());
                    let (cause, error) =
                        match ready!(self.reader.poll_read(Pin::new(body), cx, &|| self.handles.is_closed())) {
                            ReadOutcome::Event(event) => {
                                if event.data.is_terminal() {
                                    self.end(Ended::Terminal);
                                }
                                return Poll::Ready(Some(Ok(SourceItem::Event(event))));
                            }
                            ReadOutcome::Comment(comment) => {
                                return Poll::Ready(Some(Ok(SourceItem::Comment(comment))));
                            }
                            ReadOutcome::EventError { error, is_terminal } => {
                                if is_terminal {
                                    self.end(Ended::Terminal);
                                }
                                return Poll::Ready(Some(Err(error)));
                            }
                            ReadOutcome::Closed => {
                                self.end(Ended::Closed);
                                return Poll::Ready(None);
                            }
                            ReadOutcome::BodyEnded => (DisconnectCause::Ended, None),
                            ReadOutcome::Failed(error) => (DisconnectCause::Broken, Some(error)),
                        };
                    let uptime = since.elapsed();
                    return Poll::Ready(self.lost(cause, uptime, error));
                }
                ConnectionState::BackingOff(delay) => {
                    ready!(poll_timer(delay.as_mut(), cx));
                    self.state = ConnectionState::AttemptDue;
                }
            }
        }
    }

    /// Handles an attempt without a connection.
    fn attempt_failed(&mut self, error: Error) -> Option<Result<SourceItem<E>, Error>> {
        let cause = match error.status() {
            Some(status) if error.is_status() => {
                self.template.rejected_status = Some(status);
                DisconnectCause::Status(status)
            }
            _ if error.is_timeout() && self.response_options.response_timeout == ResponseTimeout::ByMethod => {
                DisconnectCause::DefaultTimeout
            }
            _ if error.is_without_response() => DisconnectCause::NoResponse,
            _ => DisconnectCause::Permanent,
        };
        self.lost(cause, Duration::ZERO, Some(error))
    }

    /// Handles the loss of a connection: waits for the next attempt, or ends the source.
    fn lost(
        &mut self,
        cause: DisconnectCause,
        uptime: Duration,
        error: Option<Error>,
    ) -> Option<Result<SourceItem<E>, Error>> {
        let head = error.as_ref().and_then(Error::head);
        let outcome = AttemptOutcome {
            cause,
            events: self.reader.events(),
            uptime,
            retry: self.reader.reconnection_time(),
            retry_after: head.and_then(|head| retry_after(&head.headers, SystemTime::now())),
        };
        let (end, ignored_lines) = (self.reader.truncation_error(), self.reader.ignored_lines());
        self.reader.reset();
        let decision = if self.template.may_send_again(self.reader.last_event_id()) {
            self.reconnect.decide(&outcome)
        } else {
            Decision::Stop
        };
        let error = match decision {
            Decision::Retry { after } => {
                trace::reconnecting(after, error.as_ref());
                self.state = ConnectionState::BackingOff(Box::pin(tokio::time::sleep(after)));
                return Some(Ok(SourceItem::Reconnecting { after, cause: error }));
            }
            Decision::Stop => error.or(end),
            Decision::GiveUp { attempts } => Some(match error {
                Some(cause) => Error::gave_up(attempts, Some(cause)),
                None => Error::gave_up(attempts, None).with_ignored_lines(ignored_lines),
            }),
        };
        self.finish(error.map_or(Ok(Ended::EndOfBody), Err))
    }

    /// Ends the source. As no other attempt follows, an event that was held back is the last event.
    fn finish(&mut self, ended: Result<Ended, Error>) -> Option<Result<SourceItem<E>, Error>> {
        let last = match self.reader.take_held_event(&|| self.handles.is_closed()) {
            Some(ReadOutcome::Event(event)) => Some(Ok(SourceItem::Event(event))),
            Some(ReadOutcome::EventError { error, .. }) => Some(Err(error)),
            Some(ReadOutcome::Closed) => {
                self.end(Ended::Closed);
                return None;
            }
            _ => None,
        };
        match ended {
            Ok(ended) => {
                self.end(ended);
                last
            }
            Err(error) if last.is_some() => {
                self.state = ConnectionState::ErrorPending(error);
                last
            }
            Err(error) => {
                trace::failed(&error);
                self.state = ConnectionState::Ended(Ended::Failed);
                Some(Err(error))
            }
        }
    }
}

/// The error by which the connection was lost, if any.
const fn connection_error<E>(polled: &Poll<Option<Result<SourceItem<E>, Error>>>) -> Option<&Error> {
    match polled {
        Poll::Ready(Some(Ok(SourceItem::Reconnecting { cause, .. }))) => cause.as_ref(),
        Poll::Ready(Some(Err(error))) if error.is_fatal() => Some(error),
        _ => None,
    }
}

impl<E, S> EventSource<E, S> {
    /// The values that the handles show.
    pub(super) fn state_report<'a>(&'a self, error: Option<&'a Error>) -> StateReport<'a> {
        let events = self.reader.events();
        let (ended, connected_since, next_attempt_at) = match &self.state {
            ConnectionState::Open { since, .. } => (None, Some(*since), None),
            ConnectionState::BackingOff(delay) => (None, None, Some(delay.deadline())),
            ConnectionState::Ended(ended) => (Some(*ended), None, None),
            _ => (None, None, None),
        };
        let watched = WatchedState {
            ready_state: self.state.ready_state(),
            ended,
            attempts: self.template.attempts(),
            failures: if events > 0 { 0 } else { self.reconnect.failures() },
            connected_since: connected_since.map(Instant::into_std),
            next_attempt_at: next_attempt_at.map(Instant::into_std),
        };
        StateReport { watched, events, last_event_id: self.reader.last_event_id(), error }
    }

    fn end(&mut self, ended: Ended) {
        trace::ended(ended);
        self.state = ConnectionState::Ended(ended);
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Close => self.end(Ended::Closed),
            Command::Restart if self.may_restart() => {
                self.restarts += 1;
                self.reader.reset();
                self.reconnect.reset();
                self.state = ConnectionState::AttemptDue;
            }
            Command::Restart => {}
        }
    }

    /// Whether a restart may send the request again. A POST that may be sent only once is not repeated by a restart.
    fn may_restart(&self) -> bool {
        !matches!(self.state, ConnectionState::ErrorPending(_) | ConnectionState::Ended(_))
            && self.template.may_send_again(self.reader.last_event_id())
    }
}

impl ConnectionState {
    pub(super) const fn ready_state(&self) -> ReadyState {
        match self {
            Self::AttemptDue | Self::Connecting(_) | Self::ReadingErrorBody(_) | Self::BackingOff(_) => {
                ReadyState::Connecting
            }
            Self::Open { .. } => ReadyState::Open,
            Self::ErrorPending(_) | Self::Ended(_) => ReadyState::Closed,
        }
    }
}

impl fmt::Debug for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ErrorPending(_) => "ErrorPending",
            Self::AttemptDue => "AttemptDue",
            Self::Connecting(_) => "Connecting",
            Self::ReadingErrorBody(_) => "ReadingErrorBody",
            Self::Open { .. } => "Open",
            Self::BackingOff(_) => "BackingOff",
            Self::Ended(_) => "Ended",
        })
    }
}
