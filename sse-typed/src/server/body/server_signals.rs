use std::{
    ops::RangeInclusive,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    codec::Encoded,
    server::{Drain, EndReason, Shutdown, shutdown::Begun, stream_settings::random_in},
    wake::Registration,
};

/// The server's own reasons to end a stream: its maximum lifetime and the shutdowns of its layers.
#[derive(Debug)]
pub(super) struct ServerSignals {
    /// Boxed, because a stream without a maximum lifetime has none until a shutdown begins.
    timer: Option<Pin<Box<Sleep>>>,
    registration: Registration,
    /// When the stream ends at the latest, and the reason it then ends for.
    deadline: Option<(Instant, EndReason)>,
    shutdowns: Vec<(Begun, Drain)>,
    /// The range of reconnection times for clients whose streams end at the same moment.
    reconnect_range: RangeInclusive<Duration>,
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
    ) -> Option<Box<Self>> {
        // A deadline later than `Instant` can express is none.
        let deadline = max_lifetime.and_then(|limit| Some((Instant::now().checked_add(limit)?, EndReason::Lifetime)));
        let shutdowns: Vec<_> = shutdowns.into_iter().map(|(shutdown, drain)| (shutdown.begun(), drain)).collect();
        let is_needed = deadline.is_some() || !shutdowns.is_empty();
        is_needed.then(|| {
            Box::new(Self { timer: None, registration: Registration::new(), deadline, shutdowns, reconnect_range })
        })
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ServerSignal> {
        for index in 0..self.shutdowns.len() {
            let Poll::Ready(begun) = self.shutdowns[index].0.poll_at(cx) else { continue };
            return Poll::Ready(match self.shutdowns.remove(index).1 {
                Drain::Now => ServerSignal::Shutdown(None, random_in(&self.reconnect_range)),
                Drain::Farewell(event) => ServerSignal::Shutdown(Some(event), random_in(&self.reconnect_range)),
                Drain::Finish { grace } => {
                    let grace_end = begun.checked_add(grace);
                    if let Some(grace_end) =
                        grace_end.filter(|end| self.deadline.as_ref().is_none_or(|(deadline, _)| end < deadline))
                    {
                        self.deadline = Some((grace_end, EndReason::Shutdown));
                        self.timer = None;
                        self.registration = Registration::new();
                    }
                    ServerSignal::GraceStarted(random_in(&self.reconnect_range))
                }
            });
        }
        let Some(deadline) = self.deadline.as_ref().map(|(deadline, _)| *deadline) else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(self.registration.poll_timer(timer.as_mut(), cx));
        Poll::Ready(ServerSignal::TimeOver(self.deadline.take().map_or(EndReason::Lifetime, |(_, reason)| reason)))
    }
}
