use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;

use super::StreamTimer;
use crate::{
    codec::{Encoded, Encoder},
    event::EncodeError,
    panics::catch_panic,
    server::{
        Events, KeepAlive,
        events::ReplaceUnsendable,
        hooks::Hooks,
        keep_alive::Silence,
        observer::{EndReason, ObservedStream, Totals},
        response_settings::ResponseSettings,
        stream_settings::EventIds,
        trace,
    },
};

/// The maximum number of events taken from a stream in one poll of the body, whatever their size.
const MAX_EVENTS_PER_POLL: usize = 1024;

/// The result of [`OpenStream::poll_events`].
pub(super) enum PolledEvents {
    /// The stream is pending.
    Pending,
    /// The frame is full, or many events were taken.
    MayHaveMore,
    /// The stream ends.
    Ended(EndReason),
}

/// A stream that is being sent: its encoded bytes, its settings and its observers.
#[derive(Debug)]
pub(super) struct OpenStream {
    encoder: Encoder,
    keep_alive: Option<Arc<KeepAlive>>,
    silence: Silence,
    /// The size of a frame of ready events. Larger sizes count as 4 GiB.
    batch: u32,
    /// The number of bytes in frames that were taken.
    bytes_taken: u64,
    observed: ObservedStream,
}

impl OpenStream {
    pub(super) fn new(settings: ResponseSettings) -> Self {
        let ResponseSettings { stream_settings, observers, permits, .. } = settings;
        let mut encoder = Encoder::new();
        if let Some(retry) = stream_settings.random_retry() {
            encoder.retry(retry);
        }
        match stream_settings.ids {
            Some(EventIds::RandomPrefix) => encoder.number_events(format!("{:016x}-", fastrand::u64(..)), 1),
            Some(EventIds::From(first)) => encoder.number_events("", first),
            None => {}
        }
        let keep_alive = stream_settings.keep_alive();
        Self {
            encoder,
            batch: u32::try_from(stream_settings.batch()).unwrap_or(u32::MAX),
            silence: Silence::new(keep_alive.as_deref()),
            keep_alive,
            bytes_taken: 0,
            observed: ObservedStream::open(observers, permits),
        }
    }

    /// Whether no encoded bytes are waiting to be taken.
    pub(super) const fn is_empty(&self) -> bool {
        self.encoder.is_empty()
    }

    /// The number of events that were encoded, without keep-alives.
    pub(super) const fn events(&self) -> u64 {
        self.encoder.events()
    }

    /// Frees the buffer, whose bytes were taken.
    pub(super) fn free_buffer(&mut self) {
        self.encoder.free();
    }

    /// Encodes the events that are ready, up to a full frame. Bytes that were encoded before are kept, whatever happens in the
    /// stream.
    pub(super) fn poll_events<St: Events>(
        &mut self,
        mut events: Pin<&mut St>,
        hooks: &mut Hooks,
        cx: &mut Context<'_>,
    ) -> PolledEvents {
        let mut left = MAX_EVENTS_PER_POLL;
        loop {
            let (encoder, batch) = (&mut self.encoder, self.batch as usize);
            // The bytes and events before the one that is polled.
            let (mut len, mut events_before) = (encoder.len(), encoder.events());
            // One `catch_unwind` for all events, because it costs as much as a poll of a stream that is pending. The stream is
            // not polled again after a panic, so a broken invariant in it cannot be observed.
            let polled = catch_panic(|| {
                while left > 0 && !encoder.is_full(batch) {
                    left -= 1;
                    (len, events_before) = (encoder.len(), encoder.events());
                    match events.as_mut().poll_event(cx, encoder) {
                        Poll::Ready(Some((Ok(()), false))) => {}
                        Poll::Ready(Some((Ok(()), true))) => return Ok(PolledEvents::Ended(EndReason::Terminal)),
                        Poll::Ready(Some((Err(error), is_terminal))) => return Err((error, is_terminal)),
                        Poll::Ready(None) => return Ok(PolledEvents::Ended(EndReason::Finished)),
                        Poll::Pending => return Ok(PolledEvents::Pending),
                    }
                }
                Ok(PolledEvents::MayHaveMore)
            });
            match polled {
                Some(Ok(polled)) => return polled,
                Some(Err((error, is_terminal))) => {
                    encoder.roll_back(len, events_before);
                    if let Some(reason) = self.replace_unsendable(error, is_terminal, hooks.on_unsendable()) {
                        return PolledEvents::Ended(reason);
                    }
                }
                None => {
                    encoder.roll_back(len, events_before);
                    return PolledEvents::Ended(EndReason::Panicked);
                }
            }
        }
    }

    /// Encodes the replacement of an event that could not be sent, and returns the reason if the stream ends with it. A
    /// terminal event ends the stream even if it could not be sent, because nothing is meant to follow it.
    #[cold]
    fn replace_unsendable(
        &mut self,
        error: EncodeError,
        is_terminal: bool,
        replace: Option<&mut ReplaceUnsendable>,
    ) -> Option<EndReason> {
        self.observed.report_unsendable(&error);
        let Some(replace) = replace else { return Some(EndReason::Failed(error)) };
        trace::unsendable(&error);
        let (len, events_before) = (self.encoder.len(), self.encoder.events());
        // The closure is not called again after a panic, because the stream is not polled again.
        let Some(replaced) = catch_panic(|| self.encoder.replace(|encoder| replace(&error, encoder))) else {
            self.encoder.roll_back(len, events_before);
            return Some(EndReason::Panicked);
        };
        match replaced {
            Some((Ok(()), true)) => Some(EndReason::Terminal),
            Some((Ok(()), false)) | None => is_terminal.then_some(EndReason::Failed(error)),
            Some((Err(second), ends)) => {
                self.encoder.roll_back(len, events_before);
                self.observed.report_unsendable(&second);
                trace::unsendable(&second);
                (is_terminal || ends).then_some(EndReason::Failed(second))
            }
        }
    }

    /// Encodes a keep-alive, and returns whether it is a terminal event.
    pub(super) fn encode_keep_alive(&mut self) -> bool {
        let before = self.encoder.events();
        let terminal = self.keep_alive.as_ref().is_some_and(|keep_alive| keep_alive.write(&mut self.encoder));
        // A keep-alive is not counted, even if it is an event.
        self.encoder.roll_back(self.encoder.len(), before);
        terminal
    }

    /// Encodes a reconnection time, so that clients whose streams end together do not reconnect together.
    pub(super) fn encode_retry(&mut self, after: Duration) {
        self.encoder.retry(after);
    }

    /// Encodes the reconnection time and the farewell of a server that shuts down. A terminal farewell has no reconnection
    /// time.
    pub(super) fn encode_farewell(&mut self, farewell: Option<&Encoded>, retry: Duration) {
        if farewell.is_none_or(|farewell| !farewell.is_terminal()) {
            self.encode_retry(retry);
        }
        self.encode_last_event(farewell);
    }

    /// Encodes the last event of a stream that ends early.
    pub(super) fn encode_last_event(&mut self, last: Option<&Encoded>) {
        if let Some(last) = last {
            // Encoding an `Encoded` event cannot fail.
            let _ = self.encoder.encode(last);
        }
    }

    /// Restarts the silence after which a keep-alive is sent, because a frame is sent.
    pub(super) fn restart_silence(&mut self) {
        if let Some(keep_alive) = &self.keep_alive {
            self.silence.restart(keep_alive);
        }
    }

    /// Ready when a keep-alive is due.
    pub(super) fn poll_silence(&mut self, timer: Pin<&mut StreamTimer>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(keep_alive) = &self.keep_alive else { return Poll::Pending };
        self.silence.poll(keep_alive, timer, cx)
    }

    /// Takes the encoded bytes as one frame.
    pub(super) fn take_frame(&mut self) -> Bytes {
        self.observed.count(self.encoder.events(), self.encoder.len());
        let bytes = self.encoder.take();
        self.bytes_taken += bytes.len() as u64;
        bytes
    }

    /// Closes the stream. Bytes that wait to be taken are still sent; they are counted here.
    pub(super) fn close(&mut self, reason: EndReason) {
        self.observed.close(reason, self.totals(), self.encoder.len());
    }

    const fn totals(&self) -> Totals {
        Totals { events: self.encoder.events(), bytes: self.bytes_taken + self.encoder.len() as u64 }
    }
}

/// A stream that is dropped before it is closed was [disconnected](EndReason::Disconnected).
impl Drop for OpenStream {
    fn drop(&mut self) {
        self.close(EndReason::Disconnected);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin};

    use futures_util::stream;
    use http_body::Body as _;

    use super::*;
    use crate::{
        RawEvent, Sse,
        server::body::{BodyState, SseBody},
    };

    #[tokio::test(start_paused = true)]
    async fn an_idle_stream_keeps_no_buffer() {
        let sse = Sse::new(stream::poll_fn(|_| Poll::<Option<RawEvent>>::Pending)).retry(Duration::from_secs(1));
        let mut body = pin!(http::Response::from(sse).into_body());
        for expected in ["retry: 1000\n\n", ": keep-alive\n\n", ": keep-alive\n\n"] {
            let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), expected);
            let BodyState::Open(open) = &body.state else { panic!("the body is not open") };
            assert_eq!(open.encoder.capacity(), 0);
        }
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn the_body_of_a_stream_is_small() {
        let body = size_of::<SseBody<stream::Pending<RawEvent>>>();
        assert!(body <= 280, "{body} bytes");
    }
}
