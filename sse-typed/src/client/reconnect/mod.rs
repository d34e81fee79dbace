//! When to connect again. A value: no clock and no socket is in here, so that every row of its table is a test.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;

/// How a source reconnects.
///
/// The delay before an attempt is the reconnection time: one second, or what the server last said in a `retry:` line. It
/// doubles with every attempt in a row that brought no event, up to thirty seconds, and never falls under the server's
/// `retry:`, under its `Retry-After`, or under 100 ms (a server that says `retry: 0` does not make a hot loop). A server
/// may ask for up to [an hour](Self::max_server_delay). Jitter is only ever added. The first event of a connection, or 60 s of uptime, ends the row; a mere `200 OK` does not, or a
/// server that answers and hangs up would be asked for ever at full speed. Where the default
/// [`response_timeout`](super::RequestBuilder::response_timeout) has ended an attempt, the next follows after the undoubled delay.
///
/// ```
/// use std::time::Duration;
/// use sse_typed::client::ReconnectPolicy;
///
/// let policy = ReconnectPolicy::default().base(Duration::from_millis(250)).max_attempts(8);
/// # let _ = policy;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ReconnectPolicy {
    base: Duration,
    max: Duration,
    max_server_delay: Duration,
    jitter: f64,
    stable_after: Duration,
    max_attempts: Option<u32>,
    doubling: bool,
    retry_statuses: bool,
    /// How often in a row a status is retried, where that is not left to [`may_pass`]. `None` is without a limit.
    status_limits: BTreeMap<StatusCode, Option<u32>>,
    seed: Option<u64>,
}

/// No delay is shorter.
const FLOOR: Duration = Duration::from_millis(100);

impl ReconnectPolicy {
    /// One second, doubling to thirty, up to half as much jitter, and no limit of attempts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            base: Duration::from_secs(1),
            max: Duration::from_secs(30),
            max_server_delay: Duration::from_secs(3600),
            jitter: 0.5,
            stable_after: Duration::from_secs(60),
            max_attempts: None,
            doubling: true,
            retry_statuses: true,
            status_limits: BTreeMap::new(),
            seed: None,
        }
    }

    /// The letter of the [standard]: the reconnection time (three seconds, or the server's, however long), each time the
    /// same, and every status but 200 is the end.
    ///
    /// [standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    #[must_use]
    pub const fn browser() -> Self {
        let mut policy = Self::new();
        policy.base = Duration::from_secs(3);
        policy.max = Duration::from_secs(3);
        policy.max_server_delay = Duration::MAX;
        policy.jitter = 0.0;
        policy.doubling = false;
        policy.retry_statuses = false;
        policy
    }

    /// No reconnecting: the source is over when its first connection is.
    #[must_use]
    pub const fn never() -> Self {
        Self::new().max_attempts(0)
    }

    /// The reconnection time until the server names one. One second unless said otherwise.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Where doubling stops. Thirty seconds unless said otherwise. A server may ask for longer delays, up to
    /// [`max_server_delay`](Self::max_server_delay).
    #[must_use]
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// Up to which delay a server's `retry:` and `Retry-After` are obeyed; one that asks for more gets this much. An hour
    /// unless said otherwise: a slip of the server's, such as seconds that were taken for milliseconds, must not park its
    /// clients for ever. `Duration::MAX` obeys everything.
    #[must_use]
    pub const fn max_server_delay(mut self, max: Duration) -> Self {
        self.max_server_delay = max;
        self
    }

    /// How much is added at most to a delay, by chance, as a part of it: `0.5`, unless said otherwise, adds up to one half
    /// (of [`max`](Self::max), where the delay is longer).
    #[must_use]
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// The uptime after which a connection counts as good even without an event. 60 s unless said otherwise.
    #[must_use]
    pub const fn stable_after(mut self, uptime: Duration) -> Self {
        self.stable_after = uptime;
        self
    }

    /// How many attempts in a row may bring nothing before the source gives up, the first included. Zero is
    /// [`never`](Self::never). No limit unless said otherwise.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// How often in a row a response with this status is retried: `None` is without a limit, and zero is never. The
    /// default is `None` for 408, 425, 429 and 5xx, and zero for all others. Calling it again for the same status
    /// replaces what was set.
    ///
    /// One more response with this status ends the source, and its error has that status. The count starts anew when a
    /// response is an event stream, and when a [handle](super::Handle) restarts the source; a connection that fails and a
    /// response with another status leave it as it is. The delays are those of every other attempt, `Retry-After`
    /// included, and [`max_attempts`](Self::max_attempts) counts these attempts too.
    ///
    /// It has no effect on 204, which is always the end, and on a 200 that is no event stream, which is always an error.
    ///
    /// A feed that is missing for some seconds while a new version of the server is rolled out:
    ///
    /// ```
    /// use http::StatusCode;
    /// use sse_typed::client::ReconnectPolicy;
    ///
    /// let policy = ReconnectPolicy::new().retry_status(StatusCode::NOT_FOUND, 5);
    /// # let _ = policy;
    /// ```
    ///
    /// A token that may have run out: a 401 is answered once with a fresh one. A server that refuses this one too gets no
    /// further attempt, so that no account is locked.
    ///
    /// ```
    /// use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
    /// use sse_typed::{Client, RawEvent, client::ReconnectPolicy};
    ///
    /// # async fn cached_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # async fn fresh_token() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # let client = Client::new(axum::Router::<()>::new());
    /// let source = client
    ///     .get("/events")
    ///     .request(|attempt| async move {
    ///         let token = match attempt.previous_status() {
    ///             Some(StatusCode::UNAUTHORIZED) => fresh_token().await?,
    ///             _ => cached_token().await?,
    ///         };
    ///         let mut request = attempt.into_request();
    ///         request.headers_mut().insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
    ///         Ok(request)
    ///     })
    ///     .reconnect(ReconnectPolicy::new().retry_status(StatusCode::UNAUTHORIZED, 1))
    ///     .connect::<RawEvent>();
    /// # let _ = source;
    /// ```
    #[must_use]
    pub fn retry_status(mut self, status: StatusCode, times: impl Into<Option<u32>>) -> Self {
        self.status_limits.insert(status, times.into());
        self
    }

    /// Makes the jitter the same each time, for tests.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How often in a row a status is retried. `None` is without a limit.
    fn status_limit(&self, status: StatusCode) -> Option<u32> {
        let by_default = if self.retry_statuses && may_pass(status) { None } else { Some(0) };
        self.status_limits.get(&status).copied().unwrap_or(by_default)
    }

    /// The delay before the next attempt, without jitter.
    fn delay(&self, fruitless: u32, outcome: &Outcome) -> Duration {
        let asked = |delay: Duration| delay.min(self.max_server_delay);
        let base = outcome.retry.map_or(self.base, asked).max(FLOOR);
        let delay = if self.doubling {
            let factor = 1_u32.checked_shl(fruitless.saturating_sub(1)).unwrap_or(u32::MAX);
            base.saturating_mul(factor).min(self.max.max(base))
        } else {
            base
        };
        delay.max(outcome.retry_after.map(asked).unwrap_or_default())
    }
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// Statuses that say "later", not "no".
fn may_pass(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
        || status.is_server_error()
}

/// Why there is no connection any more, or none yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The body ended as it should.
    Ended,
    /// The body broke off.
    Broken,
    /// The service gave no response.
    NoResponse,
    /// There was no response when the time was over that is granted where none was set. The server may have no event yet.
    HeldBack,
    /// A response with a status other than 200 and 204.
    Status(StatusCode),
    /// What no repetition mends: a request that cannot be sent, a response of another content type.
    Refused,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) cause: Cause,
    /// Events that the connection brought.
    pub(super) events: u64,
    /// How long the connection was open.
    pub(super) uptime: Duration,
    /// The reconnection time that the server has set, on this connection or an earlier one.
    pub(super) retry: Option<Duration>,
    pub(super) retry_after: Option<Duration>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Retry {
        after: Duration,
    },
    /// Nothing more: the outcome is the end.
    Stop,
    /// It might pass, but so many attempts in a row brought nothing.
    GiveUp {
        attempts: u32,
    },
}

/// A policy at work.
#[derive(Debug)]
pub(super) struct Reconnect {
    policy: ReconnectPolicy,
    /// Attempts in a row that brought no event: what `max_attempts` limits.
    attempts: u32,
    /// Those of them that lengthen the delay.
    fruitless: u32,
    /// Responses with a status since the last event stream, where the policy has a limit for it.
    refusals: BTreeMap<StatusCode, u32>,
    random: fastrand::Rng,
}

impl Reconnect {
    pub(super) fn new(policy: ReconnectPolicy) -> Self {
        let random = policy.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { policy, attempts: 0, fruitless: 0, refusals: BTreeMap::new(), random }
    }

    pub(super) fn decide(&mut self, outcome: &Outcome) -> Decision {
        if self.policy.max_attempts == Some(0) || !self.retries(outcome.cause) {
            return Decision::Stop;
        }
        if outcome.events > 0 || outcome.uptime >= self.policy.stable_after {
            self.reset();
        } else {
            self.attempts = self.attempts.saturating_add(1);
            self.fruitless = if outcome.cause == Cause::HeldBack { 0 } else { self.fruitless.saturating_add(1) };
        }
        match self.policy.max_attempts {
            Some(max) if self.attempts >= max => Decision::GiveUp { attempts: self.attempts },
            _ => {
                let delay = self.policy.delay(self.fruitless, outcome);
                Decision::Retry { after: delay.saturating_add(self.jitter(delay)) }
            }
        }
    }

    /// Whether another connection may follow one that ends.
    pub(super) fn may_retry(&self) -> bool {
        self.policy.max_attempts != Some(0)
    }

    /// How many of the last attempts in a row brought nothing.
    pub(super) const fn attempts_in_vain(&self) -> u32 {
        self.attempts
    }

    /// Whether an attempt may follow. Counts the responses with a status.
    fn retries(&mut self, cause: Cause) -> bool {
        match cause {
            Cause::Ended | Cause::Broken => {
                self.refusals.clear();
                true
            }
            Cause::NoResponse | Cause::HeldBack => true,
            Cause::Status(status) => match self.policy.status_limit(status) {
                None => true,
                Some(0) => false,
                Some(limit) => {
                    let count = self.refusals.entry(status).or_default();
                    *count = count.saturating_add(1);
                    *count <= limit
                }
            },
            Cause::Refused => false,
        }
    }

    /// What was in vain is forgotten.
    pub(super) fn reset(&mut self) {
        (self.attempts, self.fruitless) = (0, 0);
        self.refusals.clear();
    }

    fn jitter(&mut self, delay: Duration) -> Duration {
        let part = self.random.f64() * self.policy.jitter;
        Duration::try_from_secs_f64(delay.min(self.policy.max).as_secs_f64() * part).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
