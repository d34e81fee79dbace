use std::{
    fmt,
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures_core::Stream;
use http::{StatusCode, response::Parts};

use super::{
    BoxEvents, Events, KeepAlive, SseBody, UntilError, headers,
    policy::{Ids, Policy, Switch, policy_setters},
    slot::Slot,
};
use crate::codec::EventItem;

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
        Self { events: Some(stream), policy: Policy::default() }
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
        Sse { events: self.events.map(BoxEvents::new), policy: self.policy }
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
        Self { events: None, policy: Policy::default() }
    }

    policy_setters!();

    /// Numbers the events that have no id with plain numbers, from `first` on.
    ///
    /// Only a handler that can resume after each of them should say so: `Sse::new(events_after(n)).ids_from(n + 1)`.
    #[must_use]
    pub const fn ids_from(mut self, first: u64) -> Self {
        self.policy.ids = Some(Ids::From(first));
        self
    }
}

impl<St: Events> Sse<St> {
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
            SseBody::empty()
        } else {
            SseBody::new(events, slot)
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
        f.debug_struct("Sse").field("stop", &self.events.is_none()).field("policy", &self.policy).finish()
    }
}
