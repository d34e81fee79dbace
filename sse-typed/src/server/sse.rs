use std::{fmt, ops::RangeInclusive, time::Duration};

use futures_core::Stream;
use http::{StatusCode, response::Parts};

use super::{
    BoxEvents, Events, KeepAlive, SseBody, UntilError,
    end_condition::{LastEvent, Recheck, Until},
    headers,
    hooks::Hooks,
    policy::{Ids, Policy, Switch, policy_setters},
    slot::Slot,
};
use crate::{
    codec::{Encoded, EventItem},
    event::EncodeError,
    panics::caught,
};

/// A response that is a stream of events. See the [module](super) for an example.
///
/// A service under [`SseLayer`](super::SseLayer) answers with it, an axum handler returns it (feature `axum`), and
/// `http::Response::from(sse)` is what any other server of HTTP takes. What is set here wins over what layers say.
///
/// A stream that says by its `size_hint` that it is over, before it was polled, is answered with 204, like
/// [`Sse::stop`]: clients take an empty stream as a reason to come back, and would do so for ever. (`futures::stream::pending()` says so
/// too, rightly: it has nothing to send.)
///
/// # In axum
///
/// Without the feature `axum` an `Sse` is no response there: the compiler says that `IntoResponse` is not implemented for it, or
/// that a handler which returns it, or takes a [`LastEventId`](crate::LastEventId), is no `Handler`. Enable the feature in
/// `Cargo.toml`: `sse-typed = { version = "..", features = ["axum"] }`.
#[doc(alias = "IntoResponse")]
pub struct Sse<St> {
    /// `None` is the word not to come back.
    events: Option<St>,
    hooks: Hooks,
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
    /// Two subscriptions of hubs must not be put side by side by `stream::select` or the like: the client's last event ID is then
    /// the id of one hub, the other does not know it, and resuming breaks without an error. For events of several hubs there is
    /// `hub::Merge`, for a choice of one hub's events `only` on its subscription, and for several event types in one order one
    /// hub of an enum with `#[sse(nested)]` variants.
    ///
    /// The stream is polled when the body is. It is dropped at its end, behind a terminal event, and as soon as the
    /// connection is gone.
    #[must_use]
    pub fn new(stream: St) -> Self {
        Self { events: Some(stream), hooks: Hooks::none(), policy: Policy::default() }
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
        Sse { events: self.events.map(BoxEvents::new), hooks: self.hooks, policy: self.policy }
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
        Self { events: None, hooks: Hooks::none(), policy: Policy::default() }
    }

    policy_setters!();

    /// Numbers the events that have no id with plain numbers, from `first` on.
    ///
    /// Only a handler that can resume after each of them should say so: `Sse::new(events_after(n)).ids_from(n + 1)`. An event
    /// without an id that [cannot be sent](Self::on_unsendable) has its number, too.
    #[must_use]
    pub const fn ids_from(mut self, first: u64) -> Self {
        self.policy.ids = Some(Ids::From(first));
        self
    }

    /// Ends the stream when `future` is ready. Its output is the last event: `()` is none, [`Encoded`] is one, and
    /// `Option<Encoded>` may be one.
    ///
    /// Several of them, and of [`recheck`](Self::recheck), add up: the first that is ready ends the stream.
    /// [`Ended::Until`](super::Ended::Until) is the reason that observers are given. [`Shutdown`](super::Shutdown) does the same
    /// for all streams of a layer.
    ///
    /// ```
    /// # use futures_util::{Stream, stream};
    /// use sse_typed::{Encoded, RawEvent, Sse};
    /// use tokio::sync::watch;
    ///
    /// # fn prices() -> impl Stream<Item = RawEvent> { stream::iter([RawEvent::new("price", "1")]) }
    /// /// Prices for as long as the market is open.
    /// fn market(mut is_open: watch::Receiver<bool>) -> Sse<impl Stream<Item = RawEvent>> {
    ///     Sse::new(prices()).until(async move {
    ///         // An error means that the sender is gone: the market is closed, too.
    ///         let _ = is_open.wait_for(|is_open| !is_open).await;
    ///         Encoded::new(&RawEvent::new("closed", "")).ok()
    ///     })
    /// }
    /// # drop(market(watch::channel(true).1));
    /// ```
    ///
    /// # When it is polled
    ///
    /// With each poll of the body, before the stream: events that are ready at the same moment are not sent, a terminal one
    /// included. A shutdown, and a lifetime that is over, come first. It is polled whatever is left of the task's coop budget,
    /// so a stream that is always ready does not hold it up. A body is not polled while its client does not read, and then
    /// the stream does not end: [`ConnectionGuard`](super::ConnectionGuard) ends its connection.
    ///
    /// A future that is ready at once leaves a 200 with the last event alone, or without any event: the head is made before
    /// the first poll. Answer with [`Sse::stop`] or an error instead if it is known beforehand. A HEAD request, a 204 and a
    /// refusal drop the future unpolled. A future that panics ends the stream as a panic of the stream does.
    ///
    /// # What clients do
    ///
    /// Unless the last event is a terminal one, they reconnect, after their own reconnection time or the one of
    /// [`retry`](Self::retry). If one future ends many streams, let [`retry_between`](Self::retry_between) spread their
    /// clients. The request that follows is the handler's to answer: with a stream, an error such as a 401, or
    /// [`Sse::stop`].
    #[must_use]
    pub fn until<F>(mut self, future: F) -> Self
    where
        F: Future<Output: LastEvent> + Send + 'static,
    {
        self.hooks.add_end_condition(Until::new(future));
        self
    }

    /// Asks `is_valid` again and again while the stream is open, and ends the stream when it answers `false`: for a session
    /// that was revoked, or a token that has expired.
    ///
    /// The first question comes after 50 to 100 % of `every`, drawn for each stream so that streams which began together do
    /// not ask together. The next comes `every` after an answer. So a stream ends within `every`, and the time that the answer
    /// takes, of the moment at which the answer would be `false`. Intervals under 100 ms, zero included, count as 100 ms.
    ///
    /// Clients reconnect, and the handler's own check of the request refuses them: a 401 ends the attempts of a browser's
    /// `EventSource` and of our client.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::{
    ///     collections::HashSet,
    ///     sync::{Arc, Mutex, PoisonError},
    ///     time::Duration,
    /// };
    ///
    /// use futures_util::{Stream, StreamExt, stream};
    /// use http::StatusCode;
    /// use http_body_util::BodyExt;
    /// use sse_typed::{RawEvent, Sse};
    ///
    /// #[derive(Clone)]
    /// struct Sessions(Arc<Mutex<HashSet<u64>>>);
    ///
    /// impl Sessions {
    ///     async fn is_valid(&self, session: u64) -> bool {
    ///         self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&session)
    ///     }
    /// }
    ///
    /// async fn news(session: u64, sessions: Sessions) -> Result<Sse<impl Stream<Item = RawEvent>>, StatusCode> {
    ///     if !sessions.is_valid(session).await {
    ///         return Err(StatusCode::UNAUTHORIZED);
    ///     }
    ///     let news = stream::iter([RawEvent::new("news", "hello")]).chain(stream::poll_fn(|_| std::task::Poll::Pending));
    ///     Ok(Sse::new(news).recheck(Duration::from_secs(60), move || {
    ///         let sessions = sessions.clone();
    ///         async move { sessions.is_valid(session).await }
    ///     }))
    /// }
    ///
    /// let sessions = Sessions(Arc::new(Mutex::new(HashSet::from([7]))));
    /// let news_of_7 = news(7, sessions.clone()).await.map_err(|status| status.to_string())?;
    /// let response = http::Response::from(news_of_7.no_keep_alive());
    /// let body = tokio::spawn(response.into_body().collect());
    /// sessions.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&7); // revoked
    /// assert_eq!(body.await??.to_bytes(), "event: news\ndata: hello\n\n"); // ended within a minute
    /// assert_eq!(news(7, sessions).await.err(), Some(StatusCode::UNAUTHORIZED)); // the client comes back
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// `is_valid` and its futures are polled as the future of [`until`](Self::until) is, and the same holds for panics, HEAD
    /// requests and clients that do not read. They run in the body's task: the stream is polled while an answer is awaited.
    /// An answer that never comes lets the stream go on for ever; bound it where that is a risk, as with
    /// `tokio::time::timeout(limit, check).await.unwrap_or(false)`. [`Ended::Recheck`](super::Ended::Recheck) is the reason
    /// that observers are given. A last event is not sent: for one, loop in a future of [`until`](Self::until).
    #[must_use]
    pub fn recheck<F, Fut>(mut self, every: Duration, is_valid: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.hooks.add_end_condition(Recheck::new(every, is_valid));
        self
    }

    /// Gives a stream that panics a last event; with `None` it just ends, as it does without this setting.
    ///
    /// A client takes the end as a reason to come back, and a stream that panics at the same event each time runs again and
    /// again, for ever. A last event that is terminal ends that.
    ///
    /// It is called when the stream, an encoding, the closure of [`on_unsendable`](Self::on_unsendable), or a future of
    /// [`until`](Self::until) or [`recheck`](Self::recheck) panics, and not when one of them panics while it is dropped after
    /// another end. Where the closure panics itself there is no last event. The reason stays
    /// [`Ended::Panicked`](super::Ended::Panicked). If it is set twice, the last one holds.
    ///
    /// ```
    /// # #[cfg(not(feature = "derive"))]
    /// # fn main() {}
    /// # #[cfg(feature = "derive")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures_util::{StreamExt, stream};
    /// use http_body_util::BodyExt;
    /// use sse_typed::{Encoded, Sse, SseEvent};
    ///
    /// #[derive(SseEvent)]
    /// #[sse(rename_all = "snake_case")]
    /// enum Share {
    ///     Percent(u32),
    ///     #[sse(terminal, error)]
    ///     Failed,
    /// }
    ///
    /// let shares = stream::iter([4, 2, 0]).map(|parts| Share::Percent(100 / parts));
    /// let sse = Sse::new(shares).on_panic(|| Encoded::new(&Share::Failed).ok());
    /// # std::panic::set_hook(Box::new(|_| {}));
    /// let bytes = http::Response::from(sse).into_body().collect().await?.to_bytes();
    /// assert_eq!(
    ///     bytes,
    ///     "event: percent\ndata: 25\n\n\
    ///      event: percent\ndata: 50\n\n\
    ///      event: failed\ndata: null\n\n"
    /// );
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn on_panic<F>(mut self, last: F) -> Self
    where
        F: FnOnce() -> Option<Encoded> + Send + 'static,
    {
        self.hooks.set_on_panic(Box::new(last));
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
    /// [`ids_from`](Self::ids_from) and [`ids`](Self::ids) the event behind keeps its number. What replaces an event that has an
    /// id of its own gets no number.
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
        self.hooks.set_replace(Box::new(move |error, encoder| {
            replace(error).map(|event| (encoder.encode(&event), event.is_terminal()))
        }));
        self
    }

    /// The response with this head. After a HEAD request the stream is dropped at once, unpolled.
    pub(super) fn respond(self, mut head: Parts, head_only: bool) -> http::Response<SseBody<St>> {
        // A stream whose hint panics may panic again when it is polled: the body sees to that.
        let is_over = |events: &St| caught(|| events.is_over()).unwrap_or(false);
        let bodiless =
            matches!(head.status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
        let Some(events) = self.events.and_then(|events| {
            if !bodiless && !is_over(&events) {
                return Some(events);
            }
            drop_unsent(events);
            None
        }) else {
            drop(self.hooks);
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
            drop(self.hooks);
            SseBody::empty()
        } else {
            SseBody::new(events, self.hooks, slot)
        };
        http::Response::from_parts(head, body)
    }
}

/// Drops a stream that nobody will hear of. If it panics, that is nobody's either.
pub(super) fn drop_unsent<St>(events: St) {
    caught(|| drop(events));
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
            .field("hooks", &self.hooks)
            .field("policy", &self.policy)
            .finish()
    }
}
