use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    codec::Encoded,
    server::{Drain, Ended, Shutdown, shutdown::Begun},
};

pin_project! {
    /// What ends a stream that would go on: its time, and the server's shutdown.
    #[derive(Debug)]
    pub(super) struct Lifetime {
        #[pin]
        timer: Option<Sleep>,
        // When it ends whatever comes, and what is the reason then.
        end: Option<(Instant, Ended)>,
        awaited: Vec<(Begun, Drain)>,
    }
}

/// What happens to a stream from outside.
pub(super) enum Turn {
    /// The server shuts down, and the stream may go on for a while.
    Draining,
    /// The server shuts down, and the stream ends, behind this event if there is one.
    Shutdown(Option<Encoded>),
    /// Its time is over.
    Over(Ended),
}

impl Lifetime {
    pub(super) const fn new() -> Self {
        Self { timer: None, end: None, awaited: Vec::new() }
    }

    /// The stream begins.
    pub(super) fn begin(self: Pin<&mut Self>, longest: Option<Duration>, shutdowns: Vec<(Shutdown, Drain)>) {
        let this = self.project();
        // An end past the end of time is none.
        *this.end = longest.and_then(|longest| Some((Instant::now().checked_add(longest)?, Ended::Lifetime)));
        *this.awaited = shutdowns.into_iter().map(|(shutdown, drain)| (shutdown.begun(), drain)).collect();
    }

    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut this = self.project();
        for at in 0..this.awaited.len() {
            let Poll::Ready(begun) = this.awaited[at].0.poll_at(cx) else { continue };
            return Poll::Ready(match this.awaited.remove(at).1 {
                Drain::Now => Turn::Shutdown(None),
                Drain::Farewell(event) => Turn::Shutdown(Some(event)),
                Drain::Finish { grace } => {
                    let last = begun.checked_add(grace);
                    if let Some(last) = last.filter(|last| this.end.as_ref().is_none_or(|(end, _)| last < end)) {
                        *this.end = Some((last, Ended::Shutdown));
                        this.timer.set(None);
                    }
                    Turn::Draining
                }
            });
        }
        let Some(end) = this.end.as_ref().map(|(end, _)| *end) else { return Poll::Pending };
        if this.timer.is_none() {
            this.timer.set(Some(sleep_until(end)));
        }
        if let Some(timer) = this.timer.as_mut().as_pin_mut() {
            ready!(timer.poll(cx));
        }
        Poll::Ready(Turn::Over(this.end.take().map_or(Ended::Lifetime, |(_, reason)| reason)))
    }
}
