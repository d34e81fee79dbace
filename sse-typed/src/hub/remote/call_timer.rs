use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    runtime::{Handle, Id},
    time::{Instant, Sleep, sleep_until},
};

use crate::wake::{poll_timer, runtime_with_timer};

/// A timer of a call that may be polled in one runtime after another: a subscription can outlive the runtime in which
/// it has begun a call. Outside of a runtime, and in a runtime without a timer, it waits.
pub(super) struct CallTimer {
    deadline: Instant,
    /// A timer works only for as long as its runtime does. A runtime may have none.
    sleep: Option<(Id, Option<Pin<Box<Sleep>>>)>,
}

impl CallTimer {
    pub(super) const fn at(deadline: Instant) -> Self {
        Self { deadline, sleep: None }
    }

    pub(super) fn after(pause: Duration) -> Self {
        Self::at(Instant::now() + pause)
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Ok(runtime) = Handle::try_current() else { return Poll::Pending };
        let id = runtime.id();
        let (_, sleep) = match &mut self.sleep {
            Some(known) if known.0 == id => known,
            other => {
                let sleep = runtime_with_timer().map(|_| Box::pin(sleep_until(self.deadline)));
                other.insert((id, sleep))
            }
        };
        sleep.as_mut().map_or(Poll::Pending, |sleep| poll_timer(sleep.as_mut(), cx))
    }

    pub(super) async fn wait(mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }
}
