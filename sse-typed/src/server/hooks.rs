use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use super::{Ended, end_condition::EndCondition, events::Replace};
use crate::{codec::Encoded, panics::caught};

type OnPanic = Box<dyn FnOnce() -> Option<Encoded> + Send>;

/// The closures and futures that a response runs beside its stream. They are dropped with it.
///
/// Few responses have any, and many wait: without them it is one null pointer.
#[derive(Default)]
pub(super) struct Hooks {
    // The mutex is never locked. It makes a response `Sync`, as boxes of bodies ask for, whose futures are only `Send`.
    set: Option<Box<Mutex<Set>>>,
}

#[derive(Default)]
struct Set {
    replace: Option<Replace>,
    on_panic: Option<OnPanic>,
    end_conditions: Vec<Pin<Box<dyn EndCondition + Send>>>,
}

impl Hooks {
    pub(super) const fn none() -> Self {
        Self { set: None }
    }

    pub(super) fn set_replace(&mut self, replace: Replace) {
        self.set_mut().replace = Some(replace);
    }

    pub(super) fn set_on_panic(&mut self, on_panic: OnPanic) {
        self.set_mut().on_panic = Some(on_panic);
    }

    pub(super) fn add_end_condition(&mut self, condition: impl EndCondition + Send + 'static) {
        self.set_mut().end_conditions.push(Box::pin(condition));
    }

    pub(super) fn replace(&mut self) -> Option<&mut Replace> {
        self.get_mut()?.replace.as_mut()
    }

    /// Polls the end conditions in the order in which they were added. Ready when the stream ends by one of them: it must not
    /// be polled again.
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, Ended)> {
        let Some(set) = self.get_mut() else { return Poll::Pending };
        for condition in &mut set.end_conditions {
            match caught(|| condition.as_mut().poll_end(cx)) {
                Some(Poll::Pending) => {}
                Some(ready) => return ready,
                None => return Poll::Ready((None, Ended::Panicked)),
            }
        }
        Poll::Pending
    }

    /// The last event of a stream that has panicked.
    #[cold]
    pub(super) fn event_of_panic(&mut self) -> Option<Encoded> {
        let on_panic = self.get_mut()?.on_panic.take()?;
        caught(on_panic)?
    }

    /// Drops all of them, each by itself: a second panic while a first one unwinds would abort the process. False if one
    /// panics.
    pub(super) fn clear(&mut self) -> bool {
        fn drop_caught<T>(value: T) -> bool {
            caught(|| drop(value)).is_some()
        }
        let Some(set) = self.set.take() else { return true };
        let Set { replace, on_panic, end_conditions } = set.into_inner().unwrap_or_else(PoisonError::into_inner);
        let closures = drop_caught(replace) & drop_caught(on_panic);
        end_conditions.into_iter().map(drop_caught).fold(closures, |all, one| all & one)
    }

    fn get_mut(&mut self) -> Option<&mut Set> {
        Some(self.set.as_mut()?.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_mut(&mut self) -> &mut Set {
        self.set.get_or_insert_default().get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        // Nobody hears of a stream that is given up.
        let _ = self.clear();
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nobody else has it locked.
        let set = self.set.as_ref().map(|set| set.lock().unwrap_or_else(PoisonError::into_inner));
        f.debug_struct("Hooks")
            .field("on_unsendable", &set.as_ref().is_some_and(|set| set.replace.is_some()))
            .field("on_panic", &set.as_ref().is_some_and(|set| set.on_panic.is_some()))
            .field("end_conditions", &set.as_ref().map_or(0, |set| set.end_conditions.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_without_hooks_pay_one_pointer() {
        assert_eq!(size_of::<Hooks>(), size_of::<usize>());
        let sse = crate::Sse::new(futures_util::stream::empty::<crate::RawEvent>());
        assert!(
            format!("{sse:?}").contains("Hooks { on_unsendable: false, on_panic: false, end_conditions: 0 }"),
            "{sse:?}"
        );
        let sse = sse.until(std::future::pending::<()>()).on_panic(|| None);
        assert!(
            format!("{sse:?}").contains("Hooks { on_unsendable: false, on_panic: true, end_conditions: 1 }"),
            "{sse:?}"
        );
    }
}
