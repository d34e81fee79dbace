//! The task that renews the leases of a process's runs, and watches the runs that it reads.

use std::{collections::HashMap, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, sleep_until, timeout},
};

use super::{
    registry::Kept,
    run_store::{ReadRun, Renewed, RunEnded, RunRef, RunStore},
    runs::RunsInner,
    trace,
};
use crate::{
    codec::HubEvent,
    hub::{End, retry_pause},
};

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> RunsInner<E, S> {
    /// Spawns the keeper, unless there is one. Without a runtime here nothing happens.
    pub(super) fn ensure_keeper(self: &Arc<Self>) {
        if self.registry.has_keeper() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        if self.registry.take_keeper() {
            let mut keeper = Keeper::new(Arc::clone(self));
            runtime.spawn(async move { keeper.keep().await });
        }
    }
}

/// The state of the task.
struct Keeper<E: HubEvent + Send + Sync + 'static, S: RunStore> {
    runs: Arc<RunsInner<E, S>>,
    /// When the leases are renewed next.
    renews_at: Instant,
    /// When a run that is read here can be lost.
    expires: HashMap<RunRef, Instant>,
    failures: u32,
    /// The task has found out that there is nothing to do, and nobody counts on it any more.
    is_over: bool,
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Keeper<E, S> {
    fn new(runs: Arc<RunsInner<E, S>>) -> Self {
        let renews_at = Instant::now() + runs.settings.lease / 3;
        Self { runs, renews_at, expires: HashMap::new(), failures: 0, is_over: false }
    }

    async fn keep(&mut self) {
        loop {
            let now = Instant::now();
            let Some(kept) = self.runs.registry.kept(now) else {
                self.is_over = true;
                return;
            };
            self.expires.retain(|run, _| kept.read.contains(run));
            let expired = self.expires.values().min().copied();
            let must_look = kept.must_renew || self.renews_at <= now || expired.is_some_and(|at| at <= now);
            if must_look && !(kept.own.is_empty() && kept.read.is_empty()) {
                self.renew(&kept).await;
                continue;
            }
            let disconnect = self.stop_unread(&kept, now);
            let next = if kept.own.is_empty() && kept.read.is_empty() {
                self.renews_at = now + self.runs.settings.lease / 3;
                None
            } else {
                Some(self.renews_at)
            };
            let next = [next, expired, disconnect, kept.hub_expires].into_iter().flatten().min();
            self.wait(next).await;
        }
    }

    /// Renews all leases and looks at the runs that are read, in one round trip.
    async fn renew(&mut self, kept: &Kept) {
        let (runs, lease) = (Arc::clone(&self.runs), self.runs.settings.lease);
        let own: Vec<_> = kept.own.iter().map(|(run, _)| run.clone()).collect();
        let renewed = runs.store.renew(&runs.owner, lease, &own, &kept.read);
        let answer = match timeout(lease / 3, renewed).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the store did not answer".to_owned()),
        };
        let now = Instant::now();
        match answer {
            Ok((renewed, read)) => {
                (self.failures, self.renews_at) = (0, now + lease / 3);
                runs.trust.record_success();
                kept.own.iter().zip(renewed).for_each(|((_, control), renewed)| match renewed {
                    Renewed::Held { is_stop_asked, is_read_elsewhere } => {
                        if is_stop_asked {
                            control.ask_stop();
                        }
                        if is_read_elsewhere {
                            control.record_read(now);
                        }
                    }
                    Renewed::Ended(end) => control.set_ended(Some(end)),
                    Renewed::Missing => control.set_ended(None),
                });
                for (run, read) in kept.read.iter().zip(read) {
                    self.note_read(run, read).await;
                }
            }
            Err(error) => {
                trace::renewal_failed(&error);
                runs.trust.record_failure();
                let pause = retry_pause(self.failures).min(lease / 3);
                self.failures = self.failures.saturating_add(1);
                self.renews_at = now + pause;
                self.expires.clear();
            }
        }
    }

    /// Notes how long the lease of a run that is read here holds, and ends it as lost if it has expired.
    async fn note_read(&mut self, run: &RunRef, read: ReadRun) {
        let left = match read {
            ReadRun::Ended(_) => {
                self.expires.remove(run);
                return;
            }
            ReadRun::Missing => {
                // Nothing more comes. Its readers end, and their clients find out that it is gone.
                self.expires.remove(run);
                self.runs.registry.remove_hub(run);
                return;
            }
            ReadRun::Running(left) => left.max(self.runs.trusted_in()),
        };
        let left = if left > Duration::ZERO {
            left
        } else {
            match self.runs.store.end(run, self.runs.end_events.lost(), End::Lost).await {
                Ok(RunEnded::Leased(left)) => left,
                Ok(RunEnded::Now(_) | RunEnded::Before(_) | RunEnded::Missing) => {
                    self.expires.remove(run);
                    return;
                }
                Err(_) => self.runs.settings.lease / 3,
            }
        };
        self.expires.insert(run.clone(), Instant::now() + left);
    }

    /// Stops the runs that have had no reader for too long. Returns when the next one may have to be stopped.
    fn stop_unread(&self, kept: &Kept, now: Instant) -> Option<Instant> {
        let grace = self.runs.settings.cancel_on_disconnect?;
        let due = kept.own.iter().filter(|(_, control)| !control.current().is_stop_asked).filter_map(|(_, control)| {
            let due = control.last_read() + grace;
            if due <= now {
                control.ask_stop();
                return None;
            }
            Some(due)
        });
        due.min()
    }

    /// Waits until this time, or until there is something to look at.
    async fn wait(&self, until: Option<Instant>) {
        let mut notified = pin!(self.runs.registry.keeper.notified());
        let mut time = pin!(async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        });
        poll_fn(|cx| match notified.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => time.as_mut().poll(cx),
        })
        .await;
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Drop for Keeper<E, S> {
    fn drop(&mut self) {
        if !self.is_over {
            self.runs.registry.lose_keeper();
        }
    }
}
