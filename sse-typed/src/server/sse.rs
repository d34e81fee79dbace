use std::{
    fmt,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_core::Stream;
use http::{StatusCode, response::Parts};

use super::{
    BoxEvents, Events, KeepAlive, SseBody, UntilError,
    events::Replace,
    headers,
    policy::{Ids, Policy, Switch, policy_setters},
    slot::Slot,
};
use crate::{codec::EventItem, event::EncodeError};

/// A response that is a stream of events. See the [module](super) for an example.
///
/// A service under [`SseLayer`](super::SseLayer) answers with it, an axum handler returns it (feature `axum`), and
/// `http::Response::from(sse)` is what any other server of HTTP takes. What is set here wins over what layers say.
///
/// A stream that says by its `size_hint` that it is over, before it was polled, is answered with 204, like
/// [`Sse::stop`]: clients take an empty stream as a reason to come back, and would do so for ever. (`futures::stream::pending()` says so
/// too, rightly: it has nothing to send.)
pub struct Sse<St> {
    /// `None` is the word not to come back.
    events: Option<St>,
    replace: Option<Replace>,
    policy: Policy,
}

impl<St> Sse<St>
where
    St: Stream,
    St::Item: EventItem,
{
    /// Sends the events of `stream`: values of a type with `#[derive(SseEvent)]`, [`Event`](crate::Event)s that carry an
    /// id besides, or [`Encoded`](crate::Encoded) ones.
    ///
    /// A stream of `Result`s is given to [`until_error`](Sse::until_error).
    ///
    /// The stream is polled when the body is. It is dropped at its end, behind a terminal event, and as soon as the
    /// connection is gone.
    #[must_use]
    pub fn new(stream: St) -> Self {
        Self { events: Some(stream), replace: None, policy: Policy::default() }
    }

    /// Makes streams of different types into responses of one type, so that branches can return either.
    ///
    /// ```
    /// # use futures_util::stream;
    /// use sse_typed::{RawEvent, Sse, server::BoxEvents};
    ///
    /// fn greet(twice: bool) -> Sse<BoxEvents<RawEvent>> {
    ///     let hello = RawEvent::new("greeting", "hello");
    ///     if twice {
    ///         Sse::new(stream::iter([hello.clone(), hello])).boxed()
    ///     } else {
    ///         Sse::new(stream::once(async { hello })).boxed()
    ///     }
    /// }
    /// # greet(true);
    /// ```
    #[must_use]
    pub fn boxed(self) -> Sse<BoxEvents<<St::Item as EventItem>::Event>>
    where
        St: Send + 'static,
    {
        Sse { events: self.events.map(BoxEvents::new), replace: self.replace, policy: self.policy }
    }
}

impl<St, F> Sse<UntilError<St, F>> {
    /// Sends the events of `stream` up to its first error, which `last` turns into the last event; with `None` the
    /// stream just ends.
    ///
    /// A client takes the end of a stream as a reason to come back. If coming back is of no use, let the last event be
    /// one marked `#[sse(terminal)]`.
    ///
    /// ```
    /// # use futures_util::stream;
    /// use sse_typed::{RawEvent, Sse};
    ///
    /// let lines = stream::iter([Ok(RawEvent::new("line", "1")), Err("disk on fire")]);
    /// let sse = Sse::until_error(lines, |error| Some(RawEvent::new("failed", error)));
    /// # drop(sse);
    /// ```
    #[must_use]
    pub fn until_error<I, Err>(stream: St, last: F) -> Self
    where
        St: Stream<Item = Result<I, Err>>,
        I: EventItem,
        F: FnOnce(Err) -> Option<I::Event>,
    {
        Self::new(UntilError::new(stream, last))
    }
}

impl<St> Sse<St> {
    /// Tells the client not to come back: a 204 without a body. Its `cache-control: no-cache` keeps caches from telling others.
    ///
    /// The type of stream is that of the other branch:
    ///
    /// ```
    /// # use futures_core::Stream;
    /// # use futures_util::stream;
    /// use sse_typed::{RawEvent, Sse};
    ///
    /// fn job(finished: bool) -> Sse<impl Stream<Item = RawEvent>> {
    ///     if finished { Sse::stop() } else { Sse::new(stream::iter([RawEvent::new("progress", "50 %")])) }
    /// }
    /// # job(true);
    /// ```
    #[must_use]
    pub fn stop() -> Self {
        Self { events: None, replace: None, policy: Policy::default() }
    }

    policy_setters!();

    /// Numbers the events that have no id with plain numbers, from `first` on.
    ///
    /// Only a handler that can resume after each of them should say so: `Sse::new(events_after(n)).ids_from(n + 1)`. An event
    /// that [cannot be sent](Self::on_unsendable) has its number, too.
    #[must_use]
    pub const fn ids_from(mut self, first: u64) -> Self {
        self.policy.ids = Some(Ids::From(first));
        self
    }
}

impl<St: Events> Sse<St> {
    /// Lets the stream go on behind an event that cannot be sent: `replace` gives another event for its place, or skips it
    /// with `None`.
    ///
    /// Without it such an event ends the stream, and a client that comes back to where it was gets the same event again. An
    /// event cannot be sent when its data cannot be serialised, when its id has a line end, or when its event type belongs to
    /// another variant: see [`EncodeErrorKind`](crate::event::EncodeErrorKind). No byte of it is on the wire.
    ///
    /// A terminal event ends the stream, be it the one that `replace` gives or the one that could not be sent. A replacement
    /// that cannot be sent either is skipped. A panic of `replace` ends the stream as a panic of the stream itself does. With
    /// [`ids_from`](Self::ids_from) and [`ids`](Self::ids) the event behind keeps its number.
    ///
    /// [`SseLayer::on_unsendable`](super::SseLayer::on_unsendable) and [`Stats::unsendable`](super::Stats::unsendable) tell of
    /// each event that cannot be sent.
    ///
    /// ```
    /// # #[cfg(not(feature = "derive"))]
    /// # fn main() {}
    /// # #[cfg(feature = "derive")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::collections::HashMap;
    ///
    /// use futures_util::stream;
    /// use http_body_util::BodyExt;
    /// use sse_typed::{Sse, SseEvent};
    ///
    /// #[derive(SseEvent)]
    /// #[sse(rename_all = "snake_case")]
    /// enum Reading {
    ///     Values(HashMap<Vec<u8>, f64>),
    ///     Unreadable { reason: String },
    /// }
    ///
    /// // The keys of a JSON object are strings: this map has none.
    /// let readings = [Reading::Values(HashMap::from([(vec![1], 20.5)])), Reading::Values(HashMap::new())];
    /// let sse = Sse::new(stream::iter(readings)).on_unsendable(|error| {
    ///     let reason = format!("a reading of type {} was lost", error.event_type());
    ///     Some(Reading::Unreadable { reason })
    /// });
    ///
    /// let bytes = http::Response::from(sse).into_body().collect().await?.to_bytes();
    /// assert_eq!(
    ///     bytes,
    ///     "event: unreadable\ndata: {\"reason\":\"a reading of type values was lost\"}\n\n\
    ///      event: values\ndata: {}\n\n"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_unsendable<F>(mut self, mut replace: F) -> Self
    where
        F: FnMut(&EncodeError) -> Option<St::Event> + Send + Sync + 'static,
    {
        self.replace = Some(Box::new(move |error, encoder| {
            replace(error).map(|event| (encoder.encode(&event), event.is_terminal()))
        }));
        self
    }

    /// The response with this head. After a HEAD request the stream is dropped at once, unpolled.
    pub(super) fn respond(self, mut head: Parts, head_only: bool) -> http::Response<SseBody<St>> {
        // A stream whose hint panics may panic again when it is polled: the body sees to that.
        let is_over = |events: &St| catch_unwind(AssertUnwindSafe(|| events.is_over())).unwrap_or(false);
        let bodiless =
            matches!(head.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
        let Some(events) = self.events.and_then(|events| {
            if !bodiless && !is_over(&events) {
                return Some(events);
            }
            drop_unsent(events);
            None
        }) else {
            drop_unsent(self.replace);
            if head.status == StatusCode::OK {
                head.status = StatusCode::NO_CONTENT;
            }
            // A 304 is about what a cache has already.
            if head.status != StatusCode::NOT_MODIFIED {
                headers::forbid_caching(&mut head.headers);
            }
            return http::Response::from_parts(head, SseBody::empty());
        };
        headers::describe(&mut head.headers);
        let slot = Slot::insert(&mut head, self.policy, head_only);
        let body = if head_only {
            drop_unsent(events);
            drop_unsent(self.replace);
            SseBody::empty()
        } else {
            SseBody::new(events, self.replace, slot)
        };
        http::Response::from_parts(head, body)
    }
}

/// Drops a stream that nobody will hear of. If it panics, that is nobody's either.
pub(super) fn drop_unsent<St>(events: St) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(events)));
}

/// The response with the headers of an event stream, for servers without Tower. It needs no layer.
impl<St: Events> From<Sse<St>> for http::Response<SseBody<St>> {
    fn from(sse: Sse<St>) -> Self {
        sse.respond(http::Response::new(()).into_parts().0, false)
    }
}

impl<St> fmt::Debug for Sse<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse")
            .field("stop", &self.events.is_none())
            .field("on_unsendable", &self.replace.is_some())
            .field("policy", &self.policy)
            .finish()
    }
}
