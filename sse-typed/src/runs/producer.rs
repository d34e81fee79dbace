//! The task of a run: it polls the producer, listens for requests to stop, and ends the run.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    control::Control,
    error::{BoxError, RunsError},
    run_store::{RunEnded, RunRef, RunStore},
    runs::RunsInner,
    trace,
    wake_flag::WakeFlag,
    writer::{RunWriter, WriterLimits},
};
use crate::{
    codec::HubEvent,
    hub::{Block, End, LogOptions, Retention, Woken, encode_block, retry_pause},
    panics::catch_panic,
};

/// A run that this process has claimed or is about to. If it is dropped before its end is known, its task is dropped with the
/// runtime, and the run is lost.
pub(super) struct OwnRun<E: HubEvent + Send + Sync + 'static, S: RunStore> {
    pub(super) runs: Arc<RunsInner<E, S>>,
    pub(super) run: RunRef,
    pub(super) control: Arc<Control>,
    /// The record needs no change when this is dropped.
    is_over: bool,
}

/// How the producer ended, or why it did not go on.
enum Outcome<E> {
    Returned(Result<E, BoxError>),
    Panicked,
    Interrupted(Interrupt),
}

/// Why a producer does not go on.
enum Interrupt {
    /// The grace after a request to stop is over.
    Stopped,
    /// It has reached this limit.
    Limit(&'static str),
    /// The process is shutting down.
    Abandoned,
    /// The run has ended elsewhere.
    Ended,
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> OwnRun<E, S> {
    /// Adds a run to those of this process, unless the process no longer starts runs.
    pub(super) fn add(runs: &Arc<RunsInner<E, S>>, run: RunRef) -> Option<Self> {
        let control = runs.registry.add(&run)?;
        Some(Self { runs: Arc::clone(runs), run, control, is_over: false })
    }

    /// Notes that the store has the record.
    pub(super) fn set_claimed(&self) {
        trace::started(&self.run);
        self.control.set_claimed();
        self.runs.ensure_keeper();
        if self.runs.settings.cancel_on_disconnect.is_some() {
            self.runs.registry.keeper.notify_one();
        }
    }

    /// Runs the producer, and ends the run. `woken` waits for requests to stop.
    pub(super) async fn produce<F, Fut>(mut self, woken: Woken, produce: F)
    where
        F: FnOnce(RunWriter<E, S>) -> Fut,
        Fut: Future<Output = Result<E, BoxError>> + Send,
    {
        let writer = self.writer();
        let mut is_stopping = false;
        let outcome = match catch_panic(|| Box::pin(produce(writer))) {
            Some(mut producer) => {
                let outcome = self.poll_producer(producer.as_mut(), woken).await;
                is_stopping = self.control.current().is_stop_asked;
                // The drop of the producer must not publish.
                let end = match &outcome {
                    Outcome::Interrupted(Interrupt::Ended) => self.control.current().end,
                    _ => None,
                };
                self.control.set_ended(end);
                if catch_panic(|| drop(producer)).is_none() {
                    trace::panicked(&self.run);
                }
                outcome
            }
            None => Outcome::Panicked,
        };
        self.control.set_ended(None);
        match self.last_event(outcome, is_stopping) {
            Some((_, End::Lost)) => self.end_as_lost().await,
            Some((last, end)) => self.end(&last, end).await,
            None => self.is_over = true,
        }
    }

    fn writer(&self) -> RunWriter<E, S> {
        let settings = &self.runs.settings;
        // Nothing is trimmed: a run that reaches a limit fails before.
        let max_events = usize::try_from(settings.max_events).unwrap_or(usize::MAX).saturating_add(1);
        let options = LogOptions::new()
            .retain(Retention::events(max_events).bytes(usize::MAX))
            .closed_ttl(settings.keep)
            .sole_writer();
        let limits =
            WriterLimits { max_events: settings.max_events, max_bytes: settings.max_bytes, outage: settings.outage };
        let log = self.runs.store.run_log(&self.run, &options);
        RunWriter::new(self.run.clone(), log, Arc::clone(&self.control), limits)
    }

    /// Polls the producer until it ends or is interrupted.
    async fn poll_producer<Fut>(&self, mut producer: Pin<&mut Fut>, woken: Woken) -> Outcome<E>
    where
        Fut: Future<Output = Result<E, BoxError>>,
    {
        let mut interrupted = pin!(self.interrupted(woken));
        let flag = WakeFlag::new();
        let waker = Waker::from(Arc::clone(&flag));
        let mut poll_interrupted = |task: &Waker| {
            let is_woken = flag.take(task);
            if is_woken { interrupted.as_mut().poll(&mut Context::from_waker(&waker)) } else { Poll::Pending }
        };
        poll_fn(|cx| {
            if let Poll::Ready(interrupt) = poll_interrupted(cx.waker()) {
                return Poll::Ready(Outcome::Interrupted(interrupt));
            }
            let outcome = match catch_panic(|| producer.as_mut().poll(cx)) {
                None => Outcome::Panicked,
                Some(Poll::Ready(returned)) => Outcome::Returned(returned),
                Some(Poll::Pending) => {
                    // The poll may have reached a limit, or asked itself to stop.
                    return poll_interrupted(cx.waker()).map(Outcome::Interrupted);
                }
            };
            Poll::Ready(outcome)
        })
        .await
    }

    /// Waits until the producer may not go on.
    async fn interrupted(&self, mut woken: Woken) -> Interrupt {
        let mut signals = self.control.signals();
        let mut stops_at = None;
        loop {
            let current = *signals.borrow_and_update();
            if current.is_ended {
                return Interrupt::Ended;
            }
            if current.is_abandoned {
                return Interrupt::Abandoned;
            }
            if let Some(limit) = current.limit {
                return Interrupt::Limit(limit);
            }
            if current.is_stop_asked {
                let stops_at = *stops_at.get_or_insert_with(|| Instant::now() + self.runs.settings.grace);
                if stops_at <= Instant::now() {
                    return Interrupt::Stopped;
                }
            }
            let mut changed = pin!(signals.changed());
            let mut grace = pin!(async {
                match stops_at {
                    Some(stops_at) => sleep_until(stops_at).await,
                    None => std::future::pending().await,
                }
            });
            let was_signalled = poll_fn(|cx: &mut Context<'_>| {
                if Pin::new(&mut woken).poll(cx).is_ready() {
                    return Poll::Ready(true);
                }
                let is_ready = changed.as_mut().poll(cx).is_ready() || grace.as_mut().poll(cx).is_ready();
                if is_ready { Poll::Ready(false) } else { Poll::Pending }
            })
            .await;
            if was_signalled {
                // Registered before the store is asked, so that no later signal is missed. Only the record says what it is.
                woken = self.runs.store.wakes().wait(&self.run.signal_key());
                self.runs.registry.renew_now();
            }
        }
    }

    /// The last event of the run, and its end. `None` if it has ended already.
    fn last_event(&self, outcome: Outcome<E>, is_stopping: bool) -> Option<(Block, End)> {
        let events = &self.runs.end_events;
        let limit = match outcome {
            Outcome::Returned(_) | Outcome::Panicked => self.control.current().limit,
            Outcome::Interrupted(Interrupt::Limit(limit)) => Some(limit),
            Outcome::Interrupted(_) => None,
        };
        if let Some(limit) = limit {
            // Whatever it returned, an event is missing.
            let _ = catch_panic(|| drop(outcome));
            return Some((events.failed(limit.to_owned()), End::Failed));
        }
        let ended = match outcome {
            Outcome::Returned(Ok(last)) => use_up(last, |last| match encode_block(last) {
                Ok(block) => (block, if is_stopping { End::Stopped } else { End::Complete }),
                Err(error) => (events.failed(format!("the last event cannot be sent: {error}")), End::Failed),
            }),
            Outcome::Returned(Err(error)) => use_up(error, |error| match is_stopping {
                true => (events.stopped(), End::Stopped),
                false => (events.failed(error.to_string()), End::Failed),
            }),
            Outcome::Interrupted(Interrupt::Stopped) => Some((events.stopped(), End::Stopped)),
            Outcome::Interrupted(Interrupt::Abandoned) => Some((events.lost().clone(), End::Lost)),
            Outcome::Interrupted(Interrupt::Ended) => return None,
            Outcome::Interrupted(Interrupt::Limit(_)) | Outcome::Panicked => None,
        };
        Some(ended.unwrap_or_else(|| {
            trace::panicked(&self.run);
            (events.panicked(), End::Failed)
        }))
    }

    /// Ends the run, and tries again while the store fails. Its lease is renewed meanwhile.
    async fn end(&mut self, last: &Block, end: End) {
        let (mut failing_since, mut failures) = (None, 0);
        loop {
            let error = match self.runs.call(self.runs.store.end(&self.run, last, end)).await {
                Ok(RunEnded::Now(_)) => return self.ended(end),
                Ok(RunEnded::Before(end)) => return self.ended(end),
                Ok(RunEnded::Missing | RunEnded::Leased(_)) => {
                    self.is_over = true;
                    return;
                }
                Err(error) => error,
            };
            let now = Instant::now();
            let left = (*failing_since.get_or_insert(now) + self.runs.settings.outage).saturating_duration_since(now);
            if left.is_zero() || self.control.current().is_abandoned {
                // Its lease expires, so it is lost.
                return trace::end_failed(&self.run, end, &source_of(&error));
            }
            sleep(retry_pause(failures).min(left)).await;
            failures = failures.saturating_add(1);
        }
    }

    /// Ends the run of a process that is shutting down.
    async fn end_as_lost(&mut self) {
        match timeout(LAST_CALL, self.runs.end_as_lost(&self.run)).await {
            Ok(Ok(_)) => self.ended(End::Lost),
            Ok(Err(error)) => trace::end_failed(&self.run, End::Lost, &source_of(&error)),
            Err(_) => trace::end_failed(&self.run, End::Lost, &"the store did not answer"),
        }
    }

    fn ended(&mut self, end: End) {
        trace::ended(&self.run, end);
        self.is_over = true;
        self.control.set_ended(Some(end));
    }

    /// The key belongs to another run, or the claim failed.
    pub(super) fn give_up(mut self) {
        self.is_over = true;
    }
}

/// Uses a value of a producer, and drops it. `None` if its code panics when it is used.
fn use_up<T, O>(value: T, use_value: impl FnOnce(&T) -> O) -> Option<O> {
    let output = catch_panic(|| use_value(&value));
    // So may its drop.
    let _ = catch_panic(|| drop(value));
    output
}

/// How long a process that is shutting down waits for the end of a run.
const LAST_CALL: Duration = Duration::from_secs(1);

fn source_of(error: &RunsError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Drop for OwnRun<E, S> {
    fn drop(&mut self) {
        self.control.set_ended(None);
        if !self.is_over {
            self.runs.store.abandon(&self.run, self.runs.end_events.lost());
        }
        self.runs.registry.remove(&self.run);
    }
}
