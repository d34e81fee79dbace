use std::{
    ops::RangeInclusive,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    codec::Encoded,
    server::{Drain, EndReason, Shutdown, shutdown::Begun, stream_settings::random_in},
    wake::Registration,
};

pin_project! {
    /// The server's own reasons to end a stream: its maximum lifetime and the shutdowns of its layers.
    #[derive(Debug)]
    pub(super) struct ServerSignals {
        #[pin]
        timer: Option<Sleep>,
        registration: Registration,
        // When the stream ends at the latest, and the reason it then ends for.
        deadline: Option<(Instant, EndReason)>,
        shutdowns: Vec<(Begun, Drain)>,
        // The range of reconnection times for clients whose streams end at the same moment.
        reconnect_range: RangeInclusive<Duration>,
    }
}

/// What the server asks of an open stream.
pub(super) enum ServerSignal {
    /// A shutdown has begun and the stream may continue for a grace period. The client is sent this reconnection
    /// time.
    GraceStarted(Duration),
    /// A shutdown has begun and the stream ends, after this event if there is one. The client is sent this reconnection
    /// time.
    Shutdown(Option<Encoded>, Duration),
    /// The maximum lifetime or the grace period is over and the stream ends.
    TimeOver(EndReason),
}

impl ServerSignals {
    /// The signals for a stream that begins now. `None` without a maximum lifetime and without a shutdown, as for most
    /// streams.
    pub(super) fn new(
        max_lifetime: Option<Duration>,
        shutdowns: Vec<(Shutdown, Drain)>,
        reconnect_range: RangeInclusive<Duration>,
    ) -> Option<Pin<Box<Self>>> {
        // A deadline later than `Instant` can express is none.
        let deadline = max_lifetime.and_then(|limit| Some((Instant::now().checked_add(limit)?, EndReason::Lifetime)));
        let shutdowns: Vec<_> = shutdowns.into_iter().map(|(shutdown, drain)| (shutdown.begun(), drain)).collect();
        let is_needed = deadline.is_some() || !shutdowns.is_empty();
        is_needed.then(|| {
            Box::pin(Self { timer: None, registration: Registration::new(), deadline, shutdowns, reconnect_range })
        })
    }

    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ServerSignal> {
        let mut this = self.project();
        for index in 0..this.shutdowns.len() {
            let Poll::Ready(begun) = this.shutdowns[index].0.poll_at(cx) else { continue };
            return Poll::Ready(match this.shutdowns.remove(index).1 {
                Drain::Now => ServerSignal::Shutdown(None, random_in(this.reconnect_range)),
                Drain::Farewell(event) => ServerSignal::Shutdown(Some(event), random_in(this.reconnect_range)),
                Drain::Finish { grace } => {
                    let grace_end = begun.checked_add(grace);
                    if let Some(grace_end) =
                        grace_end.filter(|end| this.deadline.as_ref().is_none_or(|(deadline, _)| end < deadline))
                    {
                        *this.deadline = Some((grace_end, EndReason::Shutdown));
                        this.timer.set(None);
                        *this.registration = Registration::new();
                    }
                    ServerSignal::GraceStarted(random_in(this.reconnect_range))
                }
            });
        }
        let Some(deadline) = this.deadline.as_ref().map(|(deadline, _)| *deadline) else { return Poll::Pending };
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(deadline)));
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(this.registration.poll_timer(timer, cx));
        }
        Poll::Ready(ServerSignal::TimeOver(this.deadline.take().map_or(EndReason::Lifetime, |(_, reason)| reason)))
    }
}
