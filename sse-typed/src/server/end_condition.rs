use std::{
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    task::coop::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

use super::{EndReason, stream_settings::random_in};
use crate::{codec::Encoded, wake::Registration};

/// The output of a future for [`Sse::until`](super::Sse::until), which becomes the last event of the stream.
///
/// With `()` there is no last event, with [`Encoded`] there is one, and with `Option<Encoded>` the future decides.
/// [`Encoded::new`] encodes any event. The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the last event of a stream",
    label = "the future given to `Sse::until` has this output",
    note = "the output of the future is `()`, `Encoded` or `Option<Encoded>`: `Encoded::new(&event)` encodes any event"
)]
pub trait IntoLastEvent: sealed::Sealed {}

impl IntoLastEvent for () {}
impl IntoLastEvent for Encoded {}
impl IntoLastEvent for Option<Encoded> {}

mod sealed {
    use crate::codec::Encoded;

    #[expect(unnameable_types, reason = "it seals the public trait")]
    pub trait Sealed {
        fn into_encoded(self) -> Option<Encoded>;
    }

    impl Sealed for () {
        fn into_encoded(self) -> Option<Encoded> {
            None
        }
    }

    impl Sealed for Encoded {
        fn into_encoded(self) -> Option<Encoded> {
            Some(self)
        }
    }

    impl Sealed for Option<Encoded> {
        fn into_encoded(self) -> Option<Encoded> {
            self
        }
    }
}

/// A condition of one response that ends its stream. It is polled with the body, before the stream, and not again after it
/// was ready.
pub(super) trait EndCondition {
    /// Ready when the stream ends, with its last event and the reason.
    fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, EndReason)>;
}

pin_project! {
    /// Ends the stream when a future is ready.
    pub(super) struct Until<F> {
        #[pin]
        future: F,
    }
}

impl<F> Until<F> {
    pub(super) const fn new(future: F) -> Self {
        Self { future }
    }
}

impl<F: Future<Output: IntoLastEvent>> EndCondition for Until<F> {
    fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, EndReason)> {
        // A stream that is always ready spends the task's coop budget, and the end must be noticed all the same.
        let output = ready!(pin!(unconstrained(self.project().future)).poll(cx));
        Poll::Ready((sealed::Sealed::into_encoded(output), EndReason::Until))
    }
}

/// The shortest interval of a check. A shorter one would be a busy loop.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

pin_project! {
    /// Ends the stream when a check that runs at intervals returns `false`.
    pub(super) struct Recheck<F, Fut> {
        every: Duration,
        check: F,
        // The future of a check that is running.
        #[pin]
        running: Option<Fut>,
        // The time until the next check, set from the first poll on while no check runs.
        #[pin]
        timer: Option<Sleep>,
        registration: Registration,
        // The next check is later than `Instant` can express.
        is_never: bool,
    }
}

impl<F, Fut> Recheck<F, Fut> {
    pub(super) fn new(every: Duration, check: F) -> Self {
        Self {
            every: every.max(MIN_INTERVAL),
            check,
            running: None,
            timer: None,
            registration: Registration::new(),
            is_never: false,
        }
    }
}

impl<F, Fut> EndCondition for Recheck<F, Fut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, EndReason)> {
        let mut this = self.project();
        let mut wait = None;
        loop {
            if let Some(running) = this.running.as_mut().as_pin_mut() {
                let is_valid = ready!(pin!(unconstrained(running)).poll(cx));
                this.running.set(None);
                if !is_valid {
                    return Poll::Ready((None, EndReason::Recheck));
                }
                wait = Some(*this.every);
            }
            if *this.is_never {
                return Poll::Pending;
            }
            let Some(timer) = this.timer.as_mut().as_pin_mut() else {
                // The first wait is random, so that streams that began together do not run their checks together.
                let wait = wait.take().unwrap_or_else(|| random_in(&(*this.every / 2..=*this.every)));
                match Instant::now().checked_add(wait) {
                    Some(next) => this.timer.set(Some(sleep_until(next))),
                    None => *this.is_never = true,
                }
                continue;
            };
            ready!(this.registration.poll_timer(timer, cx));
            this.timer.set(None);
            this.running.set(Some((this.check)()));
        }
    }
}
