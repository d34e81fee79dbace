//! The task that renews the leases of a process's runs, and watches the runs that it reads.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    control::Control,
    registry::Renewals,
    run_store::{ReadRun, Renewed, RunEnded, RunRef, RunStore},
    runs::RunsInner,
    trace,
};
use crate::{
    codec::HubEvent,
    hub::{End, retry_pause},
    panics::catch_panic,
    wake::runtime_with_timer,
};

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> RunsInner<E, S> {
    /// Spawns the keeper, unless there is one. Without a runtime with a timer here nothing happens.
    pub(super) fn ensure_keeper(self: &Arc<Self>) {
        let Some(runtime) = runtime_with_timer() else { return };
        if self.registry.take_keeper(&runtime) {
            self.spawn_keeper(&runtime);
        }
    }

    /// Spawns the keeper. If the runtime has ended, the keeper is dropped, and another runtime takes over.
    fn spawn_keeper(self: &Arc<Self>, runtime: &Handle) {
        let mut keeper = Keeper::new(Arc::clone(self), runtime.clone());
        runtime.spawn(async move { keeper.keep_through_panics().await });
    }
}

/// The state of the task.
struct Keeper<E: HubEvent + Send + Sync + 'static, S: RunStore> {
    runs: Arc<RunsInner<E, S>>,
    runtime: Handle,
    /// When the leases are renewed next.
    renews_at: Instant,
    /// When a run that is read here can be lost.
    looks_at: Option<Instant>,
    failures: u32,
    /// The task has found nothing to do and ends. Another one is spawned when it is needed.
    is_over: bool,
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Keeper<E, S> {
    fn new(runs: Arc<RunsInner<E, S>>, runtime: Handle) -> Self {
        let renews_at = Instant::now() + runs.settings.lease / 3;
        Self { runs, runtime, renews_at, looks_at: None, failures: 0, is_over: false }
    }

    /// A panic of the store is an error of the call.
    async fn keep_through_panics(&mut self) {
        loop {
            let mut keep = pin!(self.keep());
            let kept = poll_fn(|cx| match catch_panic(|| keep.as_mut().poll(cx)) {
                Some(polled) => polled.map(Some),
                None => Poll::Ready(None),
            });
            if kept.await.is_some() {
                return;
            }
            trace::renewal_failed(&"the store panicked");
        }
    }

    async fn keep(&mut self) {
        let grace = self.runs.settings.cancel_on_disconnect;
        loop {
            let now = Instant::now();
            let Some(survey) = self.runs.registry.survey(now, grace) else {
                self.is_over = true;
                return;
            };
            survey.unread.iter().for_each(|control| control.ask_stop());
            let next_call = self.looks_at.map_or(self.renews_at, |at| at.min(self.renews_at));
            if survey.must_renew || next_call <= now {
                self.renew().await;
            } else {
                self.wait(survey.next.map_or(next_call, |at| at.min(next_call))).await;
            }
        }
    }

    /// Renews all leases and looks at the runs that are read, in one round trip.
    async fn renew(&mut self) {
        let (runs, period) = (Arc::clone(&self.runs), self.runs.settings.lease / 3);
        let Renewals { own, controls, read } = runs.registry.renewals();
        (self.looks_at, self.renews_at) = (None, Instant::now() + period);
        if own.is_empty() && read.is_empty() {
            return;
        }
        let renewed = runs.store.renew(&runs.reader, runs.settings.lease, &own, &read);
        let answer = match timeout(period, renewed).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the store did not answer".to_owned()),
        };
        let now = Instant::now();
        match answer {
            Ok((renewed, found)) => {
                (self.failures, self.renews_at) = (0, now + period);
                runs.trust.record_success();
                controls.iter().zip(renewed).for_each(|(control, renewed)| note_renewed(control, renewed, now));
                for (run, found) in read.iter().zip(found) {
                    // A store that does not answer must not keep the leases from being renewed.
                    let left = timeout_at(now + period, self.note_read(run, found)).await.ok().flatten();
                    let left = left.and_then(|left| now.checked_add(left));
                    self.looks_at = [self.looks_at, left].into_iter().flatten().min();
                }
            }
            Err(error) => {
                trace::renewal_failed(&error);
                runs.trust.record_failure();
                // Nobody knows whether readers elsewhere have left.
                controls.iter().for_each(|control| control.keep_read_elsewhere(now));
                self.renews_at = now + retry_pause(self.failures).min(period);
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// Ends a run that is read here as lost if its lease has expired. Returns when to look again, if it goes on.
    async fn note_read(&self, run: &RunRef, read: ReadRun) -> Option<Duration> {
        let runs = &self.runs;
        match read {
            ReadRun::Ended(_) => return None,
            ReadRun::Missing => {
                // No event follows. The subscriptions end, and clients that reconnect get a 404.
                runs.registry.remove_hub(run);
                return None;
            }
            ReadRun::Running(left) => {
                let left = left.max(runs.trusted_in());
                if left > Duration::ZERO {
                    return Some(left);
                }
            }
        }
        match runs.store.end(run, runs.end_events.lost(), End::Lost).await {
            Ok(RunEnded::Leased(left)) => Some(left),
            Ok(RunEnded::Now(_)) => {
                trace::ended(run, End::Lost);
                None
            }
            // After an error the next renewal looks again.
            Ok(RunEnded::Before(_) | RunEnded::Missing) | Err(_) => None,
        }
    }

    /// Waits until this time, or until there is something to look at.
    async fn wait(&self, until: Instant) {
        let (mut notified, mut time) = (pin!(self.runs.registry.keeper.notified()), pin!(sleep_until(until)));
        poll_fn(|cx| match notified.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => time.as_mut().poll(cx),
        })
        .await;
    }
}

fn note_renewed(control: &Control, renewed: Renewed, now: Instant) {
    match renewed {
        Renewed::Held { is_stop_asked, is_read_elsewhere } => {
            if is_stop_asked {
                control.ask_stop();
            }
            control.set_read_elsewhere(is_read_elsewhere, now);
        }
        Renewed::Ended(end) => control.set_ended(Some(end)),
        Renewed::Missing => control.set_ended(None),
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Drop for Keeper<E, S> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(runtime) = self.runs.registry.lose_keeper(&self.runtime) {
            self.runs.spawn_keeper(&runtime);
        }
    }
}
