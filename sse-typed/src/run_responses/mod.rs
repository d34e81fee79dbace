//! HTTP responses for runs: to a GET that reads a run, a POST that starts one, and a DELETE that stops one.
//!
//! This module joins `runs` and `server`, which do not use each other. It only has methods of types of `runs`.

#[cfg(feature = "axum")]
mod axum;

use std::{future::IntoFuture, time::Duration};

use futures_core::Stream;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use tokio::time::timeout;

use crate::{
    codec::HubEvent,
    event::LastEventId,
    hub::Subscription,
    runs::{Run, RunStore, RunsError, Scope, StartRun, Started},
    server::Sse,
    wake::runtime_with_timer,
};

/// How long a response waits until a store shows whether there is anything to send.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// The range of `Retry-After`, in seconds, so that clients do not return at the same time.
const RETRY_SECONDS: std::ops::RangeInclusive<u8> = 1..=5;

const NO_RUN: &str = "the key has no run";

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Scope<E, S> {
    /// The response to a GET that reads the run of a key: its events after the client's last event ID, or from the beginning.
    ///
    /// | response | when |
    /// |---|---|
    /// | 200 | the events, and the end once the run has ended |
    /// | 204 | the run has ended and the client has everything, so it does not reconnect |
    /// | 400 | the key is empty or too long |
    /// | 404 | the key has no run in this scope, or its run is no longer kept |
    /// | 503 | the store does not answer; with `Retry-After` |
    ///
    /// An axum handler returns the result as it is (feature `axum`), and so does a service below
    /// [`SseLayer`](crate::server::SseLayer). For plain hyper convert the [`Sse`] by `http::Response::from`. Settings of the
    /// stream go on the `Sse`: `answers.respond(key, id).await.map(|sse| sse.recheck(..))`.
    ///
    /// `B` is the body of the other responses, a text for people: `axum::body::Body`, `Full<Bytes>` or `String`.
    ///
    #[cfg_attr(all(feature = "axum", feature = "derive"), doc = "```")]
    #[cfg_attr(not(all(feature = "axum", feature = "derive")), doc = "```ignore")]
    /// use axum::{Router, body::Bytes, extract::{Path, State}, response::IntoResponse, routing::get};
    /// use sse_typed::{LastEventId, SseEvent, SseLayer, hub::MemoryStore, runs::{RunWriter, Runs, Scope}};
    ///
    /// #[derive(SseEvent)]
    /// enum Answer {
    ///     Token(String),
    ///     #[sse(terminal)]
    ///     Done,
    ///     #[sse(terminal)]
    ///     Aborted { reason: String },
    /// }
    ///
    /// type Answers = Runs<Answer, MemoryStore>;
    ///
    /// // In a real server the subject comes from the session.
    /// fn of_user(answers: &Answers) -> Scope<Answer, MemoryStore> {
    ///     answers.public()
    /// }
    ///
    /// async fn answer(run: RunWriter<Answer, MemoryStore>) -> Result<Answer, sse_typed::runs::BoxError> {
    ///     run.publish(&Answer::Token("Hello".to_owned())).await?;
    ///     Ok(Answer::Done)
    /// }
    ///
    /// async fn read(State(answers): State<Answers>, Path(key): Path<String>, id: LastEventId) -> impl IntoResponse {
    ///     of_user(&answers).respond::<axum::body::Body>(&key, id).await
    /// }
    ///
    /// async fn ask(State(answers): State<Answers>, Path(key): Path<String>, id: LastEventId, body: Bytes) -> impl IntoResponse {
    ///     of_user(&answers).start(key, answer).input(&body).respond::<axum::body::Body>(id).await
    /// }
    ///
    /// async fn stop(State(answers): State<Answers>, Path(key): Path<String>) -> impl IntoResponse {
    ///     of_user(&answers).respond_to_stop::<axum::body::Body>(&key).await
    /// }
    ///
    /// let aborted = |reason: &str| Answer::Aborted { reason: reason.to_owned() };
    /// let answers = Runs::builder()
    ///     .failed(|reason| Answer::Aborted { reason })
    ///     .stopped(move || aborted("stopped"))
    ///     .lost(move || aborted("the server was restarted"))
    ///     .build_on(MemoryStore::default(), "answers");
    /// let app: Router = Router::new()
    ///     .route("/answers/{key}", get(read).post(ask).delete(stop))
    ///     .layer(SseLayer::new())
    ///     .with_state(answers);
    /// # drop(app);
    /// ```
    ///
    /// # Errors
    ///
    /// The response that is not a stream: see the table.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is harmless.
    pub async fn respond<B: From<String>>(
        &self,
        key: &str,
        last_event_id: LastEventId,
    ) -> Result<Sse<Subscription<E>>, Response<B>> {
        let found = async {
            loop {
                let Some(run) = self.get(key).await.map_err(|error| error.to_response())? else {
                    return Err(text(StatusCode::NOT_FOUND, NO_RUN.to_owned()));
                };
                // If the run was removed meanwhile, the key may have another one.
                if let Some(subscription) = subscribe_if_kept(&run, last_event_id.clone()).await? {
                    return Ok(subscription);
                }
            }
        };
        in_time(found).await
    }

    /// The response to a DELETE that stops the run of a key: see [`Run::stop`](crate::runs::Run::stop).
    ///
    /// | response | when |
    /// |---|---|
    /// | 204 | the run has ended, by this request or before |
    /// | 400 | the key is empty or too long |
    /// | 404 | the key has no run in this scope, or its run is no longer kept |
    /// | 503 | the store does not answer; with `Retry-After` |
    ///
    /// [`respond`](Self::respond) has an example.
    ///
    /// # Cancel safety
    ///
    /// See [`Run::stop`](crate::runs::Run::stop).
    pub async fn respond_to_stop<B: From<String>>(&self, key: &str) -> Response<B> {
        match self.stop(key).await {
            Ok(Some(_)) => status(StatusCode::NO_CONTENT, String::new()),
            Ok(None) => text(StatusCode::NOT_FOUND, NO_RUN.to_owned()),
            Err(error) => error.to_response(),
        }
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore, F> StartRun<E, S, F>
where
    Self: IntoFuture<Output = Result<Started<E, S>, RunsError>>,
{
    /// The response to a POST that starts the run, or joins the one of the key: its events, as [`Scope::respond`] sends them.
    ///
    /// A client may repeat the POST with its last event ID, as a fetch that reconnects does: the run is joined, and the response
    /// resumes.
    ///
    /// | response | when |
    /// |---|---|
    /// | 200 | the events, and the end once the run has ended |
    /// | 204 | the run has ended and the client has everything |
    /// | 400 | the key is empty or too long |
    /// | 409 | the key has a run of another [input](Self::input) |
    /// | 503 | the store does not answer, the process is shutting down, or the run was removed before its first event was read; with `Retry-After` |
    ///
    /// # Errors
    ///
    /// The response that is not a stream: see the table.
    ///
    /// # Cancel safety
    ///
    /// The same as of [`StartRun`]: once it is polled, the run is started.
    pub async fn respond<B: From<String>>(
        self,
        last_event_id: LastEventId,
    ) -> Result<Sse<Subscription<E>>, Response<B>> {
        let started = async {
            let started = self.await.map_err(|error| error.to_response())?;
            // The request that the client repeats joins the next run of the key, or starts it.
            let subscription = subscribe_if_kept(&started.run, last_event_id).await?;
            subscription.ok_or_else(|| unavailable("the run is no longer kept".to_owned()))
        };
        in_time(started).await
    }
}

/// Subscribes to a run. `None` if it is no longer kept: its subscription is as empty as that of a client that has everything, and
/// a 204 would keep the client from reconnecting.
async fn subscribe_if_kept<E: HubEvent + Send + Sync + 'static, S: RunStore, B: From<String>>(
    run: &Run<E, S>,
    last_event_id: LastEventId,
) -> Result<Option<Subscription<E>>, Response<B>> {
    let subscription = run.subscribe(last_event_id).await;
    if subscription.size_hint() != (0, Some(0)) {
        return Ok(Some(subscription));
    }
    let status = run.status().await.map_err(|error| error.to_response())?;
    Ok(status.map(|_| subscription))
}

/// The response of a stream. 503 if the store does not answer in time.
async fn in_time<E: HubEvent + Send + Sync + 'static, B: From<String>>(
    subscribed: impl Future<Output = Result<Subscription<E>, Response<B>>>,
) -> Result<Sse<Subscription<E>>, Response<B>> {
    if runtime_with_timer().is_none() {
        return Err(unavailable("a response of a run needs a Tokio runtime with its timer".to_owned()));
    }
    match timeout(READY_TIMEOUT, subscribed).await {
        Ok(subscription) => subscription.map(Sse::new),
        Err(_) => Err(unavailable("the store of the runs does not answer".to_owned())),
    }
}

impl RunsError {
    /// The response for this error: 400 for a key that is empty or too long, 409 for another input, and 503
    /// with a `Retry-After` of one to five seconds for all others, which may succeed later. The text of the error is the body; it
    /// does not contain the error of the store.
    ///
    /// With the feature `axum`, a handler can return the error itself.
    #[must_use]
    pub fn to_response<B: From<String>>(&self) -> Response<B> {
        let reason = self.to_string();
        if self.is_invalid_key() {
            text(StatusCode::BAD_REQUEST, reason)
        } else if self.is_other_input() {
            text(StatusCode::CONFLICT, reason)
        } else {
            unavailable(reason)
        }
    }
}

fn unavailable<B: From<String>>(reason: String) -> Response<B> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, reason);
    let seconds = u16::from(fastrand::u8(RETRY_SECONDS));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

fn text<B: From<String>>(code: StatusCode, text: String) -> Response<B> {
    let mut response = status(code, text);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// A response that no cache reuses.
fn status<B: From<String>>(code: StatusCode, body: String) -> Response<B> {
    let mut response = Response::new(B::from(body));
    *response.status_mut() = code;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
