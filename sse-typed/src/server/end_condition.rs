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

use super::{Ended, policy::draw};
use crate::{codec::Encoded, wake::Registration};

/// The output of a future given to [`Sse::until`](super::Sse::until), and thereby the last event of the stream.
///
/// `()` is no event, [`Encoded`] is one, `Option<Encoded>` may be one. [`Encoded::new`] encodes any event. The trait is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no last event of a stream",
    label = "the future given to `Sse::until` has this output",
    note = "the output of the future is `()`, `Encoded` or `Option<Encoded>`: `Encoded::new(&event)` makes one of any event"
)]
pub trait LastEvent: sealed::Sealed {}

impl LastEvent for () {}
impl LastEvent for Encoded {}
impl LastEvent for Option<Encoded> {}

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

/// A condition of one response that ends its stream. It is polled with the body, before the stream, and not after it was
/// ready.
pub(super) trait EndCondition {
    /// Ready with the last event and the reason when the stream ends.
    fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, Ended)>;
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

impl<F: Future<Output: LastEvent>> EndCondition for Until<F> {
    fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, Ended)> {
        // A stream that is always ready spends the task's budget: the end must be noticed beside it.
        let output = ready!(pin!(unconstrained(self.project().future)).poll(cx));
        Poll::Ready((sealed::Sealed::into_encoded(output), Ended::Until))
    }
}

/// A shorter interval would be a busy loop.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

pin_project! {
    /// Ends the stream when a question that is asked at intervals is answered with `false`.
    pub(super) struct Recheck<F, Fut> {
        every: Duration,
        ask: F,
        // Set while the answer is awaited.
        #[pin]
        answer: Option<Fut>,
        // Set while no answer is awaited, from the first poll on.
        #[pin]
        timer: Option<Sleep>,
        registration: Registration,
        is_never: bool,
    }
}

impl<F, Fut> Recheck<F, Fut> {
    pub(super) fn new(every: Duration, ask: F) -> Self {
        Self {
            every: every.max(SHORTEST_INTERVAL),
            ask,
            answer: None,
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
    fn poll_end(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, Ended)> {
        let mut this = self.project();
        let mut wait = None;
        loop {
            if let Some(answer) = this.answer.as_mut().as_pin_mut() {
                let goes_on = ready!(pin!(unconstrained(answer)).poll(cx));
                this.answer.set(None);
                if !goes_on {
                    return Poll::Ready((None, Ended::Recheck));
                }
                wait = Some(*this.every);
            }
            if *this.is_never {
                return Poll::Pending;
            }
            let Some(timer) = this.timer.as_mut().as_pin_mut() else {
                // The first is drawn, so that streams which began together do not ask together.
                let wait = wait.take().unwrap_or_else(|| draw(&(*this.every / 2..=*this.every)));
                match Instant::now().checked_add(wait) {
                    Some(next) => this.timer.set(Some(sleep_until(next))),
                    // Past the end of time.
                    None => *this.is_never = true,
                }
                continue;
            };
            ready!(this.registration.poll_timer(timer, cx));
            this.timer.set(None);
            this.answer.set(Some((this.ask)()));
        }
    }
}
