use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    codec::{Encoded, Encoder},
    event::EncodeError,
    panics::caught,
    server::{
        Events, KeepAlive,
        events::Replace,
        hooks::Hooks,
        keep_alive::Silence,
        limit::Place,
        observer::{Ended, Observed, Totals},
        policy::Ids,
        slot::Handover,
        trace,
    },
};

/// A stream that is being sent: what was encoded, and what is known of it.
#[derive(Debug)]
pub(super) struct Open {
    encoder: Encoder,
    batch: usize,
    keep_alive: Option<Arc<KeepAlive>>,
    /// Events that were signs of life and no more.
    signs: u64,
    /// Bytes that were handed out.
    sent: u64,
    places: Vec<Place>,
    observed: Observed,
}

impl Open {
    pub(super) fn begin(handover: Handover) -> Self {
        let Handover { policy, observers, places, .. } = handover;
        let mut encoder = Encoder::new();
        if let Some(retry) = policy.retry() {
            encoder.retry(retry);
        }
        match policy.ids {
            Some(Ids::OfThisResponse) => encoder.number(format!("{:016x}-", fastrand::u64(..)), 1),
            Some(Ids::From(first)) => encoder.number(String::new(), first),
            None => {}
        }
        Self {
            encoder,
            batch: policy.batch(),
            keep_alive: policy.keep_alive(),
            signs: 0,
            sent: 0,
            places,
            observed: Observed::open(observers),
        }
    }

    /// Whether nothing waits to be sent.
    pub(super) const fn is_empty(&self) -> bool {
        self.encoder.is_empty()
    }

    /// Whether what waits to be sent is enough for a frame.
    pub(super) const fn is_full(&self) -> bool {
        self.encoder.is_full(self.batch)
    }

    /// Encodes the next event, and says if the stream ends by it. Whatever happens in the stream, what was encoded before
    /// stays.
    pub(super) fn poll_event<St: Events>(
        &mut self,
        events: Pin<&mut St>,
        hooks: &mut Hooks,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Ended>> {
        let (len, events_before) = (self.encoder.len(), self.encoder.events());
        // The stream is not polled again after a panic, so what it left half done is not seen.
        let polled = caught(|| events.poll_event(cx, &mut self.encoder));
        Poll::Ready(match polled {
            Some(event) => match ready!(event) {
                Some((Ok(()), false)) => None,
                Some((Ok(()), true)) => Some(Ended::Terminal),
                Some((Err(error), is_terminal)) => {
                    self.encoder.take_back(len, events_before);
                    self.replace(error, is_terminal, hooks.replace())
                }
                None => Some(Ended::Finished),
            },
            None => {
                self.encoder.take_back(len, events_before);
                Some(Ended::Panicked)
            }
        })
    }

    /// Encodes what stands in the place of an event that could not be sent, and says if the stream ends by it. A terminal
    /// event ends it sent or not, for nothing is meant to follow.
    #[cold]
    fn replace(&mut self, error: EncodeError, is_terminal: bool, replace: Option<&mut Replace>) -> Option<Ended> {
        self.observed.unsendable(&error);
        let Some(replace) = replace else { return Some(Ended::Failed(error)) };
        trace::unsendable(&error);
        let (len, events_before) = (self.encoder.len(), self.encoder.events());
        // It is not called again after a panic, as the stream is not polled.
        let Some(replaced) = caught(|| self.encoder.replace(|encoder| replace(&error, encoder))) else {
            self.encoder.take_back(len, events_before);
            return Some(Ended::Panicked);
        };
        match replaced {
            Some((Ok(()), true)) => Some(Ended::Terminal),
            Some((Ok(()), false)) | None => is_terminal.then_some(Ended::Failed(error)),
            Some((Err(second), ends)) => {
                self.encoder.take_back(len, events_before);
                self.observed.unsendable(&second);
                trace::unsendable(&second);
                (is_terminal || ends).then_some(Ended::Failed(second))
            }
        }
    }

    /// Encodes a sign of life, and says if the stream ends by it.
    pub(super) fn keep_alive(&mut self) -> bool {
        let before = self.encoder.events();
        let terminal = self.keep_alive.as_ref().is_some_and(|keep_alive| keep_alive.write(&mut self.encoder));
        self.signs += self.encoder.events() - before;
        terminal
    }

    /// Tells the client a reconnection time, by which it comes back at another moment than the others.
    pub(super) fn come_back(&mut self, after: Duration) {
        self.encoder.retry(after);
    }

    /// Encodes the last word of a server that shuts down.
    pub(super) fn say_farewell(&mut self, farewell: Option<&Encoded>, come_back: Duration) {
        if farewell.is_none_or(|farewell| !farewell.is_terminal()) {
            self.come_back(come_back);
        }
        self.say_last(farewell);
    }

    /// Encodes the last event of a stream that ends before its own end.
    pub(super) fn say_last(&mut self, last: Option<&Encoded>) {
        if let Some(last) = last {
            // Bytes that are encoded already cannot fail.
            let _ = self.encoder.encode(last);
        }
    }

    pub(super) fn restart_silence(&self, silence: Pin<&mut Silence>) {
        if let Some(keep_alive) = &self.keep_alive {
            silence.broken(keep_alive);
        }
    }

    /// Hands out what was encoded.
    pub(super) fn take(&mut self) -> Bytes {
        self.count();
        let bytes = self.encoder.take();
        self.sent += bytes.len() as u64;
        bytes
    }

    /// The stream has ended. What is left is sent still, and counted already.
    pub(super) fn end(&mut self, ended: Ended) {
        self.count();
        self.observed.close(ended);
        self.places.clear();
    }

    fn count(&mut self) {
        self.observed
            .sent(Totals { events: self.encoder.events() - self.signs, bytes: self.sent + self.encoder.len() as u64 });
    }
}
