//! From attempt to attempt.

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
    handle::Order,
    state::{Phase, Progress},
};
use crate::{
    client::{
        Ended, Error, HttpService, ResponseBody,
        connection::Connection,
        exchange::{Answer, ResponseTimeout, exchange, refusal},
        headers::retry_after,
        reader::Read,
        reconnect::{Cause, Decision, Outcome},
        trace,
    },
    codec::DecodeEvent,
    event::Event,
    wake::poll_timer,
};

/// How often the source is restarted before its task is given up for a moment: what answers at once may be restarted by each
/// request anew, and no event would ever be waited for.
const RESTARTS_PER_POLL: u32 = 16;

/// What happened.
pub(super) enum Step<E> {
    /// There is a response, and its head is the source's.
    Open,
    Event(Event<E>),
    Comment(String),
    Reconnecting {
        after: Duration,
        cause: Option<Error>,
    },
}

pub(super) enum State {
    /// No request will be made, and the error that says why is the next item.
    Failing(Error),
    /// The next attempt is due.
    Due,
    Connecting(Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>),
    /// The answer is no event stream; a piece of its body is read.
    Refused(Pin<Box<dyn Future<Output = Error> + Send>>),
    Open {
        body: ResponseBody,
        since: Instant,
    },
    Waiting(Pin<Box<Sleep>>),
    Over(Ended),
}

impl<E: DecodeEvent, S: HttpService> EventSource<E, S> {
    pub(super) fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Step<E>, Error>>> {
        if matches!(self.state, State::Over(_)) {
            return Poll::Ready(None);
        }
        let _entered = self.reader.scope().enter();
        if let Some(order) = self.orders.take(cx.waker()) {
            self.obey(order);
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
        let is_closed = self.orders.report(|| self.progress(lost_by(&polled)));
        let mut item = ready!(polled);
        // Another thread may have closed it in the meantime, or a hook.
        if is_closed {
            self.end(Ended::Closed);
            item = None;
        }
        if matches!(self.state, State::Over(_)) {
            self.orders.forget_waker();
        }
        Poll::Ready(item)
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Step<E>, Error>>> {
        loop {
            match &mut self.state {
                State::Over(_) => return Poll::Ready(None),
                State::Failing(_) => {
                    if let State::Failing(error) = std::mem::replace(&mut self.state, State::Over(Ended::Failed)) {
                        // The last event may have been held back. Its connection still counts as one without an event.
                        self.reader.restart();
                        trace::failed(&error);
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                State::Due => {
                    let (method, connection) = (self.ask.method(), Connection::default());
                    self.reader.set_connection(connection.clone());
                    let request = self.ask.next(self.reader.last_event_id());
                    let answer = exchange(self.service.clone(), method, request, connection, self.terms);
                    self.state = State::Connecting(Box::pin(answer));
                }
                State::Connecting(answer) => match ready!(answer.as_mut().poll(cx)) {
                    Ok(Answer::Stream(head, body)) => {
                        self.ask.answered = true;
                        self.reader.begin(&head.headers);
                        self.state = State::Open { body, since: Instant::now() };
                        self.head = Some(head);
                        return Poll::Ready(Some(Ok(Step::Open)));
                    }
                    Ok(Answer::NoContent(head)) => {
                        self.head = Some(head);
                        return Poll::Ready(self.finish(Ok(Ended::NoContent)));
                    }
                    Ok(Answer::Other(head, body)) => self.state = State::Refused(Box::pin(refusal(head, body))),
                    Err(error) => return Poll::Ready(self.failed_attempt(error)),
                },
                State::Refused(refusal) => {
                    let error = ready!(refusal.as_mut().poll(cx));
                    return Poll::Ready(self.failed_attempt(error));
                }
                State::Open { body, since } => {
                    self.reader.set_resumes(self.ask.may_resume() && self.reconnect.may_retry());
                    let (cause, error) =
                        match ready!(self.reader.poll_read(Pin::new(body), cx, &|| self.orders.is_closed())) {
                            Read::Event(event) => {
                                if event.data.is_terminal() {
                                    self.end(Ended::Terminal);
                                }
                                return Poll::Ready(Some(Ok(Step::Event(event))));
                            }
                            Read::Comment(comment) => return Poll::Ready(Some(Ok(Step::Comment(comment)))),
                            Read::Bad { error, last } => {
                                if last {
                                    self.end(Ended::Terminal);
                                }
                                return Poll::Ready(Some(Err(error)));
                            }
                            Read::Closed => {
                                self.end(Ended::Closed);
                                return Poll::Ready(None);
                            }
                            Read::End => (Cause::Ended, None),
                            Read::Broken(error) => (Cause::Broken, Some(error)),
                        };
                    let uptime = since.elapsed();
                    return Poll::Ready(self.lost(cause, uptime, error));
                }
                State::Waiting(delay) => {
                    ready!(poll_timer(delay.as_mut(), cx));
                    self.state = State::Due;
                }
            }
        }
    }

    /// An attempt has brought no connection.
    fn failed_attempt(&mut self, error: Error) -> Option<Result<Step<E>, Error>> {
        let cause = match error.status() {
            Some(status) if error.is_status() => {
                self.ask.refused_with = Some(status);
                Cause::Status(status)
            }
            _ if error.is_timeout() && self.terms.response_timeout == ResponseTimeout::ByMethod => Cause::HeldBack,
            _ if error.is_without_response() => Cause::NoResponse,
            _ => Cause::Refused,
        };
        self.lost(cause, Duration::ZERO, Some(error))
    }

    /// There is no connection. Waits for the next attempt, or ends.
    fn lost(&mut self, cause: Cause, uptime: Duration, error: Option<Error>) -> Option<Result<Step<E>, Error>> {
        let head = error.as_ref().and_then(Error::head);
        let outcome = Outcome {
            cause,
            events: self.reader.events(),
            uptime,
            retry: self.reader.reconnection_time(),
            retry_after: head.and_then(|head| retry_after(&head.headers, SystemTime::now())),
        };
        let (end, ignored_lines) = (self.reader.end(), self.reader.ignored_lines());
        self.reader.restart();
        let decision = if self.ask.may_repeat(self.reader.last_event_id()) {
            self.reconnect.decide(&outcome)
        } else {
            Decision::Stop
        };
        let error = match decision {
            Decision::Retry { after } => {
                trace::reconnecting(after, error.as_ref());
                self.state = State::Waiting(Box::pin(tokio::time::sleep(after)));
                return Some(Ok(Step::Reconnecting { after, cause: error }));
            }
            Decision::Stop => error.or(end),
            Decision::GiveUp { attempts } => Some(match error {
                Some(cause) => Error::gave_up(attempts, Some(cause)),
                None => Error::gave_up(attempts, None).with_ignored_lines(ignored_lines),
            }),
        };
        self.finish(error.map_or(Ok(Ended::EndOfBody), Err))
    }

    /// There will be no other attempt: an event that was held back for the next one is the last event.
    fn finish(&mut self, ended: Result<Ended, Error>) -> Option<Result<Step<E>, Error>> {
        let last = match self.reader.take_held(&|| self.orders.is_closed()) {
            Some(Read::Event(event)) => Some(Ok(Step::Event(event))),
            Some(Read::Bad { error, .. }) => Some(Err(error)),
            Some(Read::Closed) => {
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
                self.state = State::Failing(error);
                last
            }
            Err(error) => {
                trace::failed(&error);
                self.state = State::Over(Ended::Failed);
                Some(Err(error))
            }
        }
    }
}

/// The error that the connection was lost by, if there is one.
const fn lost_by<E>(polled: &Poll<Option<Result<Step<E>, Error>>>) -> Option<&Error> {
    match polled {
        Poll::Ready(Some(Ok(Step::Reconnecting { cause, .. }))) => cause.as_ref(),
        Poll::Ready(Some(Err(error))) if error.is_fatal() => Some(error),
        _ => None,
    }
}

impl<E, S> EventSource<E, S> {
    /// What is told of it.
    pub(super) fn progress<'a>(&'a self, error: Option<&'a Error>) -> Progress<'a> {
        let events = self.reader.events();
        let (ended, connected_since, next_attempt_at) = match &self.state {
            State::Open { since, .. } => (None, Some(*since), None),
            State::Waiting(delay) => (None, None, Some(delay.deadline())),
            State::Over(ended) => (Some(*ended), None, None),
            _ => (None, None, None),
        };
        let phase = Phase {
            ready_state: self.state.ready_state(),
            ended,
            attempts: self.ask.attempts(),
            failures: if events > 0 { 0 } else { self.reconnect.attempts_in_vain() },
            connected_since: connected_since.map(Instant::into_std),
            next_attempt_at: next_attempt_at.map(Instant::into_std),
        };
        Progress { phase, events, last_event_id: self.reader.last_event_id(), error }
    }

    fn end(&mut self, ended: Ended) {
        trace::ended(ended);
        self.state = State::Over(ended);
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Close => self.end(Ended::Closed),
            Order::Restart if self.may_restart() => {
                self.restarts += 1;
                self.reader.restart();
                self.reconnect.reset();
                self.state = State::Due;
            }
            Order::Restart => {}
        }
    }

    /// Whether an attempt can be made, and may be: a POST that is made once is not repeated by the way.
    fn may_restart(&self) -> bool {
        !matches!(self.state, State::Failing(_) | State::Over(_)) && self.ask.may_repeat(self.reader.last_event_id())
    }
}

impl State {
    pub(super) const fn ready_state(&self) -> ReadyState {
        match self {
            Self::Due | Self::Connecting(_) | Self::Refused(_) | Self::Waiting(_) => ReadyState::Connecting,
            Self::Open { .. } => ReadyState::Open,
            Self::Failing(_) | Self::Over(_) => ReadyState::Closed,
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failing(_) => "Failing",
            Self::Due => "Due",
            Self::Connecting(_) => "Connecting",
            Self::Refused(_) => "Refused",
            Self::Open { .. } => "Open",
            Self::Waiting(_) => "Waiting",
            Self::Over(_) => "Over",
        })
    }
}
