//! Who is let in: the streams that a layer admits, and the answer to those it does not.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{Drain, Shutdown};

/// What bounds the streams of a layer from outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub(super) shutdown: Option<(Shutdown, Drain)>,
    pub(super) places: Option<Arc<Places>>,
}

/// Why a stream is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    ShuttingDown,
    Full,
}

impl Refusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::ShuttingDown => "the server is shutting down",
            Self::Full => "as many streams are open as may be",
        }
    }
}

impl Limits {
    /// Lets one stream in, on a place of its own if places are limited. Where only the head is asked for none is taken.
    pub(super) fn admit(&self, head_only: bool) -> Result<Option<Place>, Refusal> {
        if self.shutdown.as_ref().is_some_and(|(shutdown, _)| shutdown.has_begun()) {
            return Err(Refusal::ShuttingDown);
        }
        let Some(places) = &self.places else { return Ok(None) };
        // A place that is given back at once stands for the answer that a GET would have got.
        let place = places.take().ok_or(Refusal::Full)?;
        Ok(Some(place).filter(|_| !head_only))
    }
}

/// How many more streams may be open at once.
#[derive(Debug)]
pub(super) struct Places {
    free: AtomicUsize,
}

impl Places {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { free: AtomicUsize::new(count) })
    }

    fn take(self: &Arc<Self>) -> Option<Place> {
        let taken = self.free.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1));
        taken.is_ok().then(|| Place(Arc::clone(self)))
    }
}

/// The right of one stream to be open. Dropped, it is free for the next.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let limits = Limits { places: Some(Places::new(2)), ..Limits::default() };
        let first = limits.admit(false).unwrap();
        let second = limits.admit(false).unwrap();
        assert_eq!(limits.admit(false).unwrap_err(), Refusal::Full);
        drop(first);
        let third = limits.admit(false).unwrap();
        assert_eq!(limits.admit(false).unwrap_err(), Refusal::Full);
        drop((second, third));
        assert!(limits.admit(false).unwrap().is_some());
    }

    #[test]
    fn a_head_takes_no_place_and_is_refused_where_a_stream_would_be() {
        let limits = Limits { places: Some(Places::new(1)), ..Limits::default() };
        assert!(limits.admit(true).unwrap().is_none());
        let _place = limits.admit(false).unwrap();
        assert_eq!(limits.admit(true).unwrap_err(), Refusal::Full);
    }

    #[test]
    fn without_limits_everyone_is_let_in_until_the_shutdown() {
        let shutdown = Shutdown::new();
        let limits = Limits { shutdown: Some((shutdown.clone(), Drain::Now)), ..Limits::default() };
        assert!(limits.admit(false).unwrap().is_none());
        shutdown.begin();
        assert_eq!(limits.admit(false).unwrap_err(), Refusal::ShuttingDown);
    }
}
