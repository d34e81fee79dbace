//! Decides when to reconnect. It has no clock and no I/O, so that every decision can be tested as a value.

use std::{collections::BTreeMap, time::Duration};

use http::StatusCode;

/// When and how often a source reconnects.
///
/// The delay before an attempt is the reconnection time: one second, or the time of the server's last `retry:` line.
/// It doubles with each attempt in a row that received no event, up to thirty seconds. It is never shorter than the
/// server's `retry:`, its `Retry-After`, or 100 ms, so `retry: 0` does not make a busy loop. A server may ask for up
/// to [an hour](Self::max_server_delay). Jitter only lengthens a delay.
///
/// The first event of a connection, or 60 s of uptime, resets the doubling. A `200 OK` alone does not: a server that
/// responds and hangs up would otherwise be retried at full speed forever. After an attempt that the default
/// [`response_timeout`](super::RequestBuilder::response_timeout) has ended, the delay is not doubled.
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
    /// How often in a row a status is retried, for statuses that do not follow [`is_transient`]. `None` is
    /// unlimited.
    status_limits: BTreeMap<StatusCode, Option<u32>>,
    seed: Option<u64>,
}

/// The shortest delay.
const MIN_DELAY: Duration = Duration::from_millis(100);

impl ReconnectPolicy {
    /// Creates the default policy: one second, doubling up to thirty seconds, with up to half as much jitter and no
    /// limit of attempts.
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

    /// Creates the policy of the [standard]: the delay is always the reconnection time (three seconds, or the
    /// server's, however long), without jitter, and every status other than 200 ends the source.
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

    /// Creates a policy that does not reconnect: the source ends with its first connection.
    #[must_use]
    pub const fn never() -> Self {
        Self::new().max_attempts(0)
    }

    /// Sets the reconnection time that is used until the server sets one. The default is one second.
    #[must_use]
    pub const fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// Sets the longest delay that doubling reaches. The default is thirty seconds. A server may ask for longer
    /// delays, up to [`max_server_delay`](Self::max_server_delay).
    #[must_use]
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// Limits the delay that a server's `retry:` or `Retry-After` can set; a longer one is shortened to this limit.
    /// The default is an hour, so that a mistake of the server, such as milliseconds in place of seconds, does not
    /// stop its clients for days. `Duration::MAX` sets no limit.
    #[must_use]
    pub const fn max_server_delay(mut self, max: Duration) -> Self {
        self.max_server_delay = max;
        self
    }

    /// Sets the longest random addition to a delay, as a fraction of the delay (or of [`max`](Self::max), if the
    /// delay is longer). The default is `0.5`. A negative or infinite fraction and `NAN` add nothing.
    #[must_use]
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// Sets the uptime after which a connection counts as successful even without an event. The default is 60 s.
    #[must_use]
    pub const fn stable_after(mut self, uptime: Duration) -> Self {
        self.stable_after = uptime;
        self
    }

    /// Sets after how many attempts in a row without an event the source gives up; the first attempt counts. Zero is
    /// the same as [`never`](Self::never). The default is no limit.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Sets how often in a row a response with this status is retried. `None` is unlimited, and zero never retries.
    /// The default is `None` for 408, 425, 429 and 5xx, and zero for all other statuses. A second call for the same
    /// status replaces the first.
    ///
    /// The next response with this status ends the source with an error that has the status. An event stream resets
    /// the count, and so does a [handle](super::Handle) that restarts the source. A failed connection and a response
    /// with another status do not change it. The delays are the same as for other attempts, including `Retry-After`,
    /// and [`max_attempts`](Self::max_attempts) counts these attempts too.
    ///
    /// It has no effect on 204, which always ends the source, and on a 200 that is not an event stream, which is
    /// always an error.
    ///
    /// A feed that is missing for some seconds while a new version of the server is deployed:
    ///
    /// ```
    /// use http::StatusCode;
    /// use sse_typed::client::ReconnectPolicy;
    ///
    /// let policy = ReconnectPolicy::new().retry_status(StatusCode::NOT_FOUND, 5);
    /// # let _ = policy;
    /// ```
    ///
    /// A token that may have expired: a 401 is retried once with a fresh token. If the server rejects that token
    /// too, the source ends, so that the account is not locked.
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

    /// Makes the jitter reproducible, for tests.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How often in a row a status is retried. `None` is unlimited.
    fn status_limit(&self, status: StatusCode) -> Option<u32> {
        let by_default = if self.retry_statuses && is_transient(status) { None } else { Some(0) };
        self.status_limits.get(&status).copied().unwrap_or(by_default)
    }

    /// The delay before the next attempt, without jitter.
    fn delay(&self, backoff_steps: u32, outcome: &AttemptOutcome) -> Duration {
        let limited = |delay: Duration| delay.min(self.max_server_delay);
        let base = outcome.retry.map_or(self.base, limited).max(MIN_DELAY);
        let delay = if self.doubling {
            let factor = 1_u32.checked_shl(backoff_steps.saturating_sub(1)).unwrap_or(u32::MAX);
            base.saturating_mul(factor).min(self.max.max(base))
        } else {
            base
        };
        delay.max(outcome.retry_after.map(limited).unwrap_or_default())
    }
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a status reports a temporary condition.
fn is_transient(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS)
        || status.is_server_error()
}

/// Why an attempt or a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DisconnectCause {
    /// The body ended regularly.
    Ended,
    /// The connection broke while the body was read.
    Broken,
    /// The service returned no response.
    NoResponse,
    /// No response arrived within the default `response_timeout`. The server may simply have no event yet.
    DefaultTimeout,
    /// A response with a status other than 200 and 204.
    Status(StatusCode),
    /// A permanent error: a request that cannot be sent, or a response with another content type.
    Permanent,
}

/// The outcome of one attempt and its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptOutcome {
    pub(super) cause: DisconnectCause,
    /// The number of events that the connection received.
    pub(super) events: u64,
    /// How long the connection was open.
    pub(super) uptime: Duration,
    /// The reconnection time that the server has set, on this connection or an earlier one.
    pub(super) retry: Option<Duration>,
    pub(super) retry_after: Option<Duration>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Retry {
        after: Duration,
    },
    /// Do not retry; the source ends with this outcome.
    Stop,
    /// Do not retry, because this number of attempts in a row received no event.
    GiveUp {
        attempts: u32,
    },
}

/// A policy and the state of its retries.
#[derive(Debug)]
pub(super) struct ReconnectState {
    policy: ReconnectPolicy,
    /// Attempts in a row that received no event, which `max_attempts` limits.
    attempts: u32,
    /// How often the delay doubles, plus one. Attempts that ended by the default timeout reset it.
    backoff_steps: u32,
    /// Rejections per status since the last event stream, for statuses with a limit.
    refusals: BTreeMap<StatusCode, u32>,
    random: fastrand::Rng,
}

impl ReconnectState {
    pub(super) fn new(policy: ReconnectPolicy) -> Self {
        let random = policy.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self { policy, attempts: 0, backoff_steps: 0, refusals: BTreeMap::new(), random }
    }

    pub(super) fn decide(&mut self, outcome: &AttemptOutcome) -> Decision {
        if self.policy.max_attempts == Some(0) || !self.allows_retry(outcome.cause) {
            return Decision::Stop;
        }
        if outcome.events > 0 || outcome.uptime >= self.policy.stable_after {
            self.reset();
        } else {
            self.attempts = self.attempts.saturating_add(1);
            self.backoff_steps =
                if outcome.cause == DisconnectCause::DefaultTimeout { 0 } else { self.backoff_steps.saturating_add(1) };
        }
        match self.policy.max_attempts {
            Some(max) if self.attempts >= max => Decision::GiveUp { attempts: self.attempts },
            _ => {
                let delay = self.policy.delay(self.backoff_steps, outcome);
                Decision::Retry { after: delay.saturating_add(self.jitter(delay)) }
            }
        }
    }

    /// Whether the policy ever reconnects.
    pub(super) fn may_retry(&self) -> bool {
        self.policy.max_attempts != Some(0)
    }

    /// How many attempts in a row received no event.
    pub(super) const fn failures(&self) -> u32 {
        self.attempts
    }

    /// Whether the cause allows a retry. Counts rejections per status.
    fn allows_retry(&mut self, cause: DisconnectCause) -> bool {
        match cause {
            DisconnectCause::Ended | DisconnectCause::Broken => {
                self.refusals.clear();
                true
            }
            DisconnectCause::NoResponse | DisconnectCause::DefaultTimeout => true,
            DisconnectCause::Status(status) => match self.policy.status_limit(status) {
                None => true,
                Some(0) => false,
                Some(limit) => {
                    let count = self.refusals.entry(status).or_default();
                    *count = count.saturating_add(1);
                    *count <= limit
                }
            },
            DisconnectCause::Permanent => false,
        }
    }

    /// Resets the counts, after a success or a restart.
    pub(super) fn reset(&mut self) {
        (self.attempts, self.backoff_steps) = (0, 0);
        self.refusals.clear();
    }

    fn jitter(&mut self, delay: Duration) -> Duration {
        let part = self.random.f64() * self.policy.jitter;
        Duration::try_from_secs_f64(delay.min(self.policy.max).as_secs_f64() * part).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
