use std::{
    mem,
    ops::RangeInclusive,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use super::StreamTimer;
use crate::{
    codec::Encoded,
    server::{Drain, EndReason, Shutdown, stream_settings::random_in},
    wake::Ticket,
};

/// The server's own reasons to end a stream: its maximum lifetime and the shutdowns of its layers.
#[derive(Debug)]
pub(super) struct ServerSignals {
    /// When the stream ends at the latest.
    deadline: Option<Instant>,
    /// Why it then ends.
    limit: Limit,
    /// The random reconnection time for the client if a shutdown begins, in milliseconds: the clients whose streams end then
    /// shall not reconnect at the same moment. A longer time counts as 49 days.
    reconnect_millis: u32,
    shutdowns: Box<[LayerShutdown]>,
}

/// What limits the time of a stream.
#[derive(Clone, Copy, Debug)]
enum Limit {
    Lifetime,
    Grace,
}

/// The shutdown of a layer, which has not begun.
#[derive(Debug)]
struct LayerShutdown {
    shutdown: Arc<(Shutdown, Drain)>,
    ticket: Ticket,
}

impl Drop for LayerShutdown {
    fn drop(&mut self) {
        self.shutdown.0.deregister(&mut self.ticket);
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
        shutdowns: Vec<Arc<(Shutdown, Drain)>>,
        reconnect_range: &RangeInclusive<Duration>,
    ) -> Option<Box<Self>> {
        // A deadline later than `Instant` can express is none.
        let deadline = max_lifetime.and_then(|limit| Instant::now().checked_add(limit));
        let is_needed = deadline.is_some() || !shutdowns.is_empty();
        is_needed.then(|| {
            let shutdowns = shutdowns.into_iter().map(|shutdown| LayerShutdown { shutdown, ticket: Ticket::default() });
            let millis = random_in(reconnect_range).as_nanos().div_ceil(1_000_000);
            let reconnect_millis = u32::try_from(millis).unwrap_or(u32::MAX);
            Box::new(Self { deadline, limit: Limit::Lifetime, reconnect_millis, shutdowns: shutdowns.collect() })
        })
    }

    pub(super) fn poll(&mut self, timer: Pin<&mut StreamTimer>, cx: &mut Context<'_>) -> Poll<ServerSignal> {
        for index in 0..self.shutdowns.len() {
            let LayerShutdown { shutdown, ticket } = &mut self.shutdowns[index];
            let Poll::Ready(begun) = shutdown.0.poll_begun(ticket, cx) else { continue };
            let mut shutdowns = mem::take(&mut self.shutdowns).into_vec();
            let begun_shutdown = shutdowns.remove(index);
            self.shutdowns = shutdowns.into();
            let reconnect_time = Duration::from_millis(self.reconnect_millis.into());
            return Poll::Ready(match &begun_shutdown.shutdown.1 {
                Drain::Now => ServerSignal::Shutdown(None, reconnect_time),
                Drain::Farewell(event) => ServerSignal::Shutdown(Some(event.clone()), reconnect_time),
                Drain::Finish { grace } => {
                    let grace_end = begun.checked_add(*grace);
                    if grace_end.is_some_and(|end| self.deadline.is_none_or(|deadline| end < deadline)) {
                        (self.deadline, self.limit) = (grace_end, Limit::Grace);
                    }
                    ServerSignal::GraceStarted(reconnect_time)
                }
            });
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        ready!(timer.poll(deadline, cx));
        self.deadline = None;
        Poll::Ready(ServerSignal::TimeOver(match self.limit {
            Limit::Lifetime => EndReason::Lifetime,
            Limit::Grace => EndReason::Shutdown,
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio_test::task;

    use super::*;

    #[test]
    fn the_reconnection_time_of_a_shutdown_is_rounded_up_and_at_most_49_days() {
        for (set, millis) in [
            (Duration::ZERO, 0),
            (Duration::from_micros(1), 1),
            (Duration::from_micros(1_500), 2),
            (Duration::MAX, u32::MAX),
        ] {
            let shutdown = Shutdown::new();
            let layer = Arc::new((shutdown.clone(), Drain::Now));
            let mut signals = ServerSignals::new(None, vec![layer], &(set..=set)).unwrap();
            shutdown.begin();
            let (mut timer, mut task) = (pin!(StreamTimer::new()), task::spawn(()));
            let polled = task.enter(|cx, _| signals.poll(timer.as_mut(), cx));
            let Poll::Ready(ServerSignal::Shutdown(None, sent)) = polled else { panic!("the shutdown has begun") };
            assert_eq!(sent, Duration::from_millis(millis.into()), "{set:?}");
        }
    }

    #[test]
    fn a_shutdown_does_not_wake_the_task_of_a_stream_that_has_ended() {
        let shutdown = Shutdown::new();
        let layer = Arc::new((shutdown.clone(), Drain::Now));
        let mut signals = ServerSignals::new(None, vec![layer], &(Duration::ZERO..=Duration::ZERO)).unwrap();
        let (mut timer, mut task) = (pin!(StreamTimer::new()), task::spawn(()));
        task.enter(|cx, _| assert!(signals.poll(timer.as_mut(), cx).is_pending()));
        drop(signals);
        shutdown.begin();
        assert!(!task.is_woken());
    }
}
