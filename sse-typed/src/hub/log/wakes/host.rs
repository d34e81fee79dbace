//! The task that runs the followers of a store.

use std::{
    any::Any,
    future::Future,
    mem,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, Waker},
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    follower::{News, StepFuture, StepOutcome},
    state::{Shared, wake_all},
};
use crate::{panics, wake::poll_timer};

/// The most followers that read at the same time.
const MAX_STEPS: usize = 64;

/// The task. It ends when there are no followers.
///
/// It has a future for each follower that is reading, and none for the others. Pauses and dormancy share one timer, which
/// exists only while something is due.
pub(super) struct Host {
    steps: Vec<StepSlot>,
    running: usize,
    timer: Option<Pin<Box<Sleep>>>,
    guard: HostGuard,
}

/// A slot for a running step, with the waker of the slot.
struct StepSlot {
    step: Option<RunningStep>,
    waker: Waker,
}

struct RunningStep {
    number: u64,
    news: News,
    future: StepFuture,
}

impl Host {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { steps: Vec::new(), running: 0, timer: None, guard: HostGuard { shared, has_ended: false } }
    }

    /// Handles due timers and begins steps. False if there are no followers: then the task has ended.
    fn begin_steps(&mut self) -> bool {
        let now = Instant::now();
        let mut dormant: Vec<Box<dyn Any + Send>> = Vec::new();
        let mut removed = Vec::new();
        let mut interest = Vec::new();
        let mut begun = Vec::new();
        let mut state = self.guard.shared.lock();
        for number in state.schedule.take_due(now) {
            if let Some(entry) = state.schedule.get(number) {
                dormant.push(entry.follower.become_dormant());
            }
            let (entry, waker) = state.remove_follower(number);
            removed.extend(entry);
            interest.extend(waker);
        }
        let cancelled = state.schedule.take_cancelled();
        if state.schedule.is_empty() {
            self.guard.shared.is_hosted.store(false, Ordering::Release);
            self.guard.has_ended = true;
        }
        while self.running + begun.len() < MAX_STEPS {
            let Some(step) = state.schedule.next_step() else { break };
            begun.push(step);
        }
        drop(state);
        for step in &mut self.steps {
            if let Some(running) = step.step.take_if(|step| cancelled.contains(&step.number)) {
                self.running -= 1;
                // It is code of the log.
                let _ = panics::catch_panic(|| drop(running));
            }
        }
        for next in begun {
            let (number, news) = (next.number, next.news.clone());
            let future = next.follower.step(next.news, next.pause);
            self.add(RunningStep { number, news, future });
        }
        // Both are code of the log and of users.
        drop_each(dormant);
        drop_each(removed);
        wake_all(interest);
        !self.guard.has_ended
    }

    fn add(&mut self, step: RunningStep) {
        let free = self.steps.iter().position(|slot| slot.step.is_none());
        let index = free.unwrap_or_else(|| {
            let waker = self.guard.shared.signal.step_waker(self.steps.len());
            self.steps.push(StepSlot { step: None, waker });
            self.steps.len() - 1
        });
        self.steps[index].step = Some(step);
        self.guard.shared.signal.set_ready(index);
        self.running += 1;
    }

    /// Polls the steps that were woken, once each.
    fn poll_steps(&mut self) {
        let ready = self.guard.shared.signal.take_ready();
        let mut finished = Vec::new();
        for (_, slot) in self.steps.iter_mut().enumerate().filter(|(index, _)| ready >> index & 1 == 1) {
            let Some(step) = &mut slot.step else { continue };
            let mut cx = Context::from_waker(&slot.waker);
            let outcome = match panics::catch_panic(|| step.future.as_mut().poll(&mut cx)) {
                Some(Poll::Pending) => continue,
                Some(Poll::Ready(outcome)) => outcome,
                None => StepOutcome::Failed,
            };
            if let Some(RunningStep { number, news, future }) = slot.step.take() {
                let _ = panics::catch_panic(|| drop(future));
                finished.push((number, news, outcome));
            }
        }
        if finished.is_empty() {
            return;
        }
        self.running -= finished.len();
        let now = Instant::now();
        let (mut removed, mut interest) = (Vec::new(), Vec::new());
        let mut state = self.guard.shared.lock();
        for (number, news, outcome) in finished {
            if state.schedule.finish_step(number, news, outcome, now) {
                let (entry, waker) = state.remove_follower(number);
                removed.extend(entry);
                interest.extend(waker);
            }
        }
        drop(state);
        drop_each(removed);
        wake_all(interest);
    }

    /// Whether there is something to do at once. If not, the task is woken when something is due.
    fn has_work(&mut self, cx: &mut Context<'_>) -> bool {
        let state = self.guard.shared.lock();
        let has_work = self.guard.shared.signal.has_ready()
            || state.schedule.is_empty()
            || state.schedule.has_queued() && self.running < MAX_STEPS;
        let due = state.schedule.next_due();
        drop(state);
        let Some(due) = due else {
            self.timer = None;
            return has_work;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        poll_timer(timer.as_mut(), cx).is_ready() || has_work
    }
}

impl Future for Host {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.guard.shared.signal.set_task(cx.waker());
        if !this.begin_steps() {
            return Poll::Ready(());
        }
        this.poll_steps();
        if this.has_work(cx) {
            // Once for each poll, so that logs whose answers are always ready do not occupy a thread.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// The steps are dropped before the guard.
impl Drop for Host {
    fn drop(&mut self) {
        drop_each(mem::take(&mut self.steps));
    }
}

/// Drops values one by one. If the drop of one panics, the others are still dropped. A second panic during a drop would end the
/// process.
fn drop_each<T>(values: Vec<T>) {
    for value in values {
        let _ = panics::catch_panic(|| drop(value));
    }
}

/// Owned by the task. When the task is dropped with its runtime, the subscriptions are woken, and the first one that is
/// polled starts another.
struct HostGuard {
    shared: Arc<Shared>,
    has_ended: bool,
}

impl Drop for HostGuard {
    fn drop(&mut self) {
        if mem::replace(&mut self.has_ended, true) {
            return;
        }
        let mut state = self.shared.lock();
        state.schedule.interrupt();
        self.shared.is_hosted.store(false, Ordering::Release);
        let followers: Vec<_> = state.schedule.followers().cloned().collect();
        drop(state);
        for follower in followers {
            let _ = panics::catch_panic(|| follower.wake_subscriptions());
            let _ = panics::catch_panic(|| drop(follower));
        }
    }
}
