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
    server::{Drain, Ended, Shutdown, policy::draw, shutdown::Begun},
    wake::Registration,
};

pin_project! {
    /// What ends a stream that would go on: its time, and the server's shutdown.
    #[derive(Debug)]
    pub(super) struct Lifetime {
        #[pin]
        timer: Option<Sleep>,
        registration: Registration,
        // When it ends whatever comes, and what is the reason then.
        end: Option<(Instant, Ended)>,
        awaited: Vec<(Begun, Drain)>,
        // When clients come back whose streams end at the same moment.
        spread: RangeInclusive<Duration>,
    }
}

/// What happens to a stream from outside.
pub(super) enum Turn {
    /// The server shuts down, and the stream may go on for a while. The client is told when to come back.
    Draining(Duration),
    /// The server shuts down, and the stream ends, behind this event if there is one. The client is told when to come back.
    Shutdown(Option<Encoded>, Duration),
    /// Its time is over.
    Over(Ended),
}

impl Lifetime {
    /// The stream begins. None if nothing ends it from outside, as is so of most.
    pub(super) fn begin(
        longest: Option<Duration>,
        shutdowns: Vec<(Shutdown, Drain)>,
        spread: RangeInclusive<Duration>,
    ) -> Option<Pin<Box<Self>>> {
        // An end past the end of time is none.
        let end = longest.and_then(|longest| Some((Instant::now().checked_add(longest)?, Ended::Lifetime)));
        let awaited: Vec<_> = shutdowns.into_iter().map(|(shutdown, drain)| (shutdown.begun(), drain)).collect();
        let is_any = end.is_some() || !awaited.is_empty();
        is_any.then(|| Box::pin(Self { timer: None, registration: Registration::new(), end, awaited, spread }))
    }

    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut this = self.project();
        for at in 0..this.awaited.len() {
            let Poll::Ready(begun) = this.awaited[at].0.poll_at(cx) else { continue };
            return Poll::Ready(match this.awaited.remove(at).1 {
                Drain::Now => Turn::Shutdown(None, draw(this.spread)),
                Drain::Farewell(event) => Turn::Shutdown(Some(event), draw(this.spread)),
                Drain::Finish { grace } => {
                    let last = begun.checked_add(grace);
                    if let Some(last) = last.filter(|last| this.end.as_ref().is_none_or(|(end, _)| last < end)) {
                        *this.end = Some((last, Ended::Shutdown));
                        this.timer.set(None);
                        *this.registration = Registration::new();
                    }
                    Turn::Draining(draw(this.spread))
                }
            });
        }
        let Some(end) = this.end.as_ref().map(|(end, _)| *end) else { return Poll::Pending };
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(end)));
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(this.registration.poll_timer(timer, cx));
        }
        Poll::Ready(Turn::Over(this.end.take().map_or(Ended::Lifetime, |(_, reason)| reason)))
    }
}
