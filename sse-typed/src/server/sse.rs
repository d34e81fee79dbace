use std::{fmt, ops::RangeInclusive, time::Duration};

use futures_core::Stream;
use http::{StatusCode, response::Parts};

use super::{
    BoxEvents, Events, KeepAlive, ResultEvents, SseBody,
    end_condition::{IntoLastEvent, Recheck, Until},
    headers,
    hooks::Hooks,
    response_settings::SharedSettings,
    stream_settings::{EventIds, KeepAliveSetting, StreamSettings, stream_setters},
};
use crate::{
    codec::{Encoded, EventItem},
    event::EncodeError,
    panics::catch_panic,
};

/// A response that is a stream of events. See the [module](super) for an example.
///
/// A service under [`SseLayer`](super::SseLayer) answers with it, an axum handler returns it (feature `axum`), and
/// `http::Response::from(sse)` converts it for any other HTTP server. Its settings win over those of layers.
///
/// A stream whose `size_hint` is `(0, Some(0))` before the first poll is answered with 204, like [`Sse::stop`]. Clients
/// reconnect after an empty stream, and would do so forever. `futures::stream::pending()` has this size hint, too: it has
/// nothing to send.
///
/// # In axum
///
/// Handlers need the feature `axum`. Without it the compiler reports that `IntoResponse` is not implemented for `Sse`, or that
/// a handler which returns an `Sse` or takes a [`LastEventId`](crate::LastEventId) does not implement `Handler`. Enable the
/// feature in `Cargo.toml`: `sse-typed = { version = "..", features = ["axum"] }`.
#[doc(alias = "IntoResponse")]
pub struct Sse<St> {
    /// `None` for a 204, which tells the client not to reconnect.
    events: Option<St>,
    hooks: Hooks,
    stream_settings: StreamSettings,
}

impl<St> Sse<St>
where
    St: Stream,
    St::Item: EventItem,
{
    /// Sends the events of `stream`: values of a type with `#[derive(SseEvent)]`, [`Event`](crate::Event)s that also have an
    /// id, or [`Encoded`](crate::Encoded) events.
    ///
    /// For a stream of `Result`s, use [`from_results`](Sse::from_results).
    ///
    /// Do not combine subscriptions of two hubs by `stream::select` or a similar combinator. The client's last event ID is then
    /// an id of one hub, which the other does not know, and resuming fails without an error. For events of several hubs use
    /// `hub::Merge`; for a part of one hub's events use `only` on its subscription; for several event types in one order use
    /// one hub of an enum with `#[sse(nested)]` variants.
    ///
    /// The stream is polled by the body. It is dropped when it ends, after a terminal event, and as soon as the connection is
    /// closed.
    #[must_use]
    pub fn new(stream: St) -> Self {
        Self { events: Some(stream), hooks: Hooks::none(), stream_settings: StreamSettings::default() }
    }

    /// Boxes the stream, so that branches with streams of different types return the same response type.
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
        Sse { events: self.events.map(BoxEvents::new), hooks: self.hooks, stream_settings: self.stream_settings }
    }
}

impl<St, F> Sse<ResultEvents<St, F>> {
    /// Sends the events of a stream of `Result`s, up to its first error. `on_error` turns the error into the last event; with
    /// `None` the stream ends without one.
    ///
    /// A client reconnects when a stream ends. If reconnecting is of no use, return an event marked `#[sse(terminal)]`.
    ///
    /// ```
    /// # use futures_util::stream;
    /// use sse_typed::{RawEvent, Sse};
    ///
    /// let lines = stream::iter([Ok(RawEvent::new("line", "1")), Err("disk on fire")]);
    /// let sse = Sse::from_results(lines, |error| Some(RawEvent::new("failed", error)));
    /// # drop(sse);
    /// ```
    #[must_use]
    pub fn from_results<I, Err>(stream: St, on_error: F) -> Self
    where
        St: Stream<Item = Result<I, Err>>,
        I: EventItem,
        F: FnOnce(Err) -> Option<I::Event>,
    {
        Self::new(ResultEvents::new(stream, on_error))
    }
}

impl<St> Sse<St> {
    /// Tells the client not to reconnect, by a 204 without a body. Its `cache-control: no-cache` keeps caches from answering
    /// other clients with it.
    ///
    /// The stream type is inferred from the other branch:
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
        Self { events: None, hooks: Hooks::none(), stream_settings: StreamSettings::default() }
    }

    stream_setters!();

    /// Numbers the events that have no id, as plain numbers from `first` on.
    ///
    /// Use it only if the handler can resume after each number: `Sse::new(events_after(n)).ids_from(n + 1)`. An event
    /// without an id takes a number even if the event [cannot be sent](Self::on_unsendable).
    #[must_use]
    pub const fn ids_from(mut self, first: u64) -> Self {
        self.stream_settings.ids = Some(EventIds::From(first));
        self
    }

    /// Ends the stream when `future` is ready. The output of the future is the last event: none for `()`, one for [`Encoded`],
    /// and either for `Option<Encoded>`.
    ///
    /// A response may have several of these futures and several [`recheck`](Self::recheck)s: the first that is ready ends
    /// the stream. Observers get the reason [`EndReason::Until`](super::EndReason::Until). To end all streams of a layer,
    /// use a [`Shutdown`](super::Shutdown).
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
    ///         // An error means that the sender was dropped: the market is closed, too.
    ///         let _ = is_open.wait_for(|is_open| !is_open).await;
    ///         Encoded::new(&RawEvent::new("closed", "")).ok()
    ///     })
    /// }
    /// # drop(market(watch::channel(true).1));
    /// ```
    ///
    /// # Polling
    ///
    /// The future is polled with each poll of the body, before the stream. Events that are ready at the same moment are not
    /// sent, not even a terminal one. A shutdown and the end of the lifetime are checked before the future. The future is
    /// polled even if the task's coop budget is spent, so a stream that is always ready does not delay it. While the client
    /// does not read, the body is not polled and the stream does not end: use a
    /// [`ConnectionGuard`](super::ConnectionGuard), which ends the connection.
    ///
    /// If the future is ready at once, the response is a 200 with only the last event, or with no event, because the head is
    /// sent before the first poll. If the end is known beforehand, answer with [`Sse::stop`] or an error instead. On a HEAD
    /// request, a 204 or a refusal the future is dropped unpolled. A panic of the future ends the stream like a panic of the
    /// stream.
    ///
    /// # Reconnecting clients
    ///
    /// Clients reconnect unless the last event is terminal. They wait for their own reconnection time or that of
    /// [`retry`](Self::retry). If one future ends many streams, spread their clients with
    /// [`retry_between`](Self::retry_between). The handler answers the next request as it sees fit: with a stream, an error
    /// such as a 401, or [`Sse::stop`].
    #[must_use]
    pub fn until<F>(mut self, future: F) -> Self
    where
        F: Future<Output: IntoLastEvent> + Send + 'static,
    {
        self.hooks.add_end_condition(Until::new(future));
        self
    }

    /// Calls `is_valid` at intervals while the stream is open, and ends the stream when it returns `false`. It is meant for
    /// sessions that may be revoked and tokens that expire.
    ///
    /// The first check is after a random 50 to 100 % of `every`, so that streams which began together do not check
    /// together. Each further check is `every` after the previous result. Once `is_valid` would return `false`, the
    /// stream therefore ends within `every` plus the duration of a check. Intervals under 100 ms, including zero, count
    /// as 100 ms.
    ///
    /// Clients then reconnect, and the handler must check the new request and refuse it. A 401 stops both a browser's
    /// `EventSource` and the client of this crate.
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
    /// assert_eq!(news(7, sessions).await.err(), Some(StatusCode::UNAUTHORIZED)); // the client reconnects and is refused
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The futures of `is_valid` are polled like the future of [`until`](Self::until), with the same rules for panics, HEAD
    /// requests and clients that do not read. They run in the body's task, and the stream is polled while a check runs. If a
    /// check never finishes, the stream is never ended by it; to avoid that, add a timeout such as
    /// `tokio::time::timeout(limit, check).await.unwrap_or(false)`. Observers get the reason
    /// [`EndReason::Recheck`](super::EndReason::Recheck). No last event is sent; to send one, run the checks in a loop inside
    /// a future of [`until`](Self::until).
    #[must_use]
    pub fn recheck<F, Fut>(mut self, every: Duration, is_valid: F) -> Self
    where
        F: FnMut() -> Fut + Send + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.hooks.add_end_condition(Recheck::new(every, is_valid));
        self
    }

    /// Sends a last event after a panic of the stream. With `None` the stream ends without one, as it does by default.
    ///
    /// A client reconnects when the stream ends. If the stream panics at the same event each time, clients reconnect to
    /// it forever. A terminal last event prevents that.
    ///
    /// `last` is called when the stream, the encoding of an event, the closure of
    /// [`on_unsendable`](Self::on_unsendable), or a future of [`until`](Self::until) or [`recheck`](Self::recheck)
    /// panics. It is not called if one of these panics while it is dropped, after the stream has ended for another
    /// reason. If `last` panics itself, no last event is sent. The reason is
    /// [`EndReason::Panicked`](super::EndReason::Panicked) in all cases. If it is set twice, the last one wins.
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
    /// Continues the stream after an event that cannot be sent. `replace` returns an event to send instead, or `None` to skip
    /// it.
    ///
    /// By default an event that cannot be sent ends the stream, and a client that resumes may get the same event again.
    /// An event cannot be sent when its data cannot be serialised, when its id has a line end, or when its event type
    /// is one that the enum decodes as another variant: see [`EncodeErrorKind`](crate::event::EncodeErrorKind). No byte
    /// of it is on the wire.
    ///
    /// A terminal event ends the stream, whether it is the replacement or the event that could not be sent. A
    /// replacement that cannot be sent is skipped. A panic of `replace` ends the stream like a panic of the stream.
    /// With [`ids_from`](Self::ids_from) and [`ids`](Self::ids), the numbers of later events do not change. If the
    /// event that could not be sent had an id of its own, its replacement gets no number.
    ///
    /// [`SseLayer::on_unsendable`](super::SseLayer::on_unsendable) and [`Stats::unsendable`](super::Stats::unsendable) report
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
    /// // The keys of a JSON object are strings, and the keys of this map are not.
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
        self.hooks.set_on_unsendable(Box::new(move |error, encoder| {
            replace(error).map(|event| (encoder.encode(&event), event.is_terminal()))
        }));
        self
    }

    /// Converts it into a response with this head. On a HEAD request the stream is dropped at once, unpolled.
    pub(super) fn respond(self, mut head: Parts, head_only: bool) -> http::Response<SseBody<St>> {
        // A panic of the size hint is ignored here: if the stream panics again when it is polled, the body catches it.
        let is_over = |events: &St| catch_panic(|| events.is_over()).unwrap_or(false);
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
            // A 304 describes a response that the cache already has.
            if head.status != StatusCode::NOT_MODIFIED {
                headers::forbid_caching(&mut head.headers);
            }
            return http::Response::from_parts(head, SseBody::empty());
        };
        headers::insert_stream_headers(&mut head.headers);
        let settings = SharedSettings::insert(&mut head, self.stream_settings, head_only);
        let body = if head_only {
            drop_unsent(events);
            drop(self.hooks);
            SseBody::empty()
        } else {
            SseBody::new(events, self.hooks, settings)
        };
        http::Response::from_parts(head, body)
    }
}

/// Drops a stream that is never sent. A panic of its drop is caught and not reported.
pub(super) fn drop_unsent<St>(events: St) {
    catch_panic(|| drop(events));
}

/// Converts it into a response with the headers of an event stream, for servers without Tower. It needs no layer.
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
            .field("stream_settings", &self.stream_settings)
            .finish()
    }
}
