//! The limits of a layer: which streams it admits, and why it refuses others.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Drain, Shutdown};

/// The conditions under which a layer admits a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// Shared by the open streams of the layer.
    pub(super) shutdown: Option<Arc<(Shutdown, Drain)>>,
    pub(super) permits: Option<Arc<StreamPermits>>,
}

/// Why a stream is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    ShuttingDown,
    TooManyStreams,
}

impl Refusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ShuttingDown => "the server is shutting down",
            Self::TooManyStreams => "the maximum number of streams is open",
        }
    }
}

impl Limits {
    /// Admits one stream, with a permit if their number is limited. The answer to a HEAD request holds no permit.
    pub(super) fn admit(&self, head_only: bool) -> Result<Option<StreamPermit>, Refusal> {
        if self.shutdown.as_ref().is_some_and(|shutdown| shutdown.0.has_begun()) {
            return Err(Refusal::ShuttingDown);
        }
        let Some(permits) = &self.permits else { return Ok(None) };
        // A HEAD request is refused where a GET would be, so it acquires a permit and releases it at once.
        let permit = permits.acquire().ok_or(Refusal::TooManyStreams)?;
        Ok(Some(permit).filter(|_| !head_only))
    }
}

/// The number of streams that may still be opened.
#[derive(Debug)]
pub(super) struct StreamPermits {
    available: AtomicUsize,
}

impl StreamPermits {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { available: AtomicUsize::new(count) })
    }

    fn acquire(self: &Arc<Self>) -> Option<StreamPermit> {
        let acquired = self.available.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
        acquired.is_ok().then(|| StreamPermit(Arc::clone(self)))
    }
}

/// The permit of one stream to be open. Dropping it makes it available again.
#[derive(Debug)]
pub(super) struct StreamPermit(Arc<StreamPermits>);

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.0.available.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_permit_is_available_again() {
        let limits = Limits { permits: Some(StreamPermits::new(2)), ..Limits::default() };
        let first = limits.admit(false).unwrap();
        let second = limits.admit(false).unwrap();
        assert_eq!(limits.admit(false).unwrap_err(), Refusal::TooManyStreams);
        drop(first);
        let third = limits.admit(false).unwrap();
        assert_eq!(limits.admit(false).unwrap_err(), Refusal::TooManyStreams);
        drop((second, third));
        assert!(limits.admit(false).unwrap().is_some());
    }

    #[test]
    fn a_head_request_holds_no_permit_and_is_refused_where_a_stream_would_be() {
        let limits = Limits { permits: Some(StreamPermits::new(1)), ..Limits::default() };
        assert!(limits.admit(true).unwrap().is_none());
        let _permit = limits.admit(false).unwrap();
        assert_eq!(limits.admit(true).unwrap_err(), Refusal::TooManyStreams);
    }

    #[test]
    fn without_limits_every_stream_is_admitted_until_the_shutdown() {
        let shutdown = Shutdown::new();
        let limits = Limits { shutdown: Some(Arc::new((shutdown.clone(), Drain::Now))), ..Limits::default() };
        assert!(limits.admit(false).unwrap().is_none());
        shutdown.begin();
        assert_eq!(limits.admit(false).unwrap_err(), Refusal::ShuttingDown);
    }
}
