use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use super::{EndReason, end_condition::EndCondition, events::ReplaceUnsendable};
use crate::{codec::Encoded, panics::catch_panic};

type OnPanic = Box<dyn FnOnce() -> Option<Encoded> + Send>;

/// The closures and futures of a response. They are dropped together with its stream.
///
/// Few responses have any, so without them this is one null pointer.
#[derive(Default)]
pub(super) struct Hooks {
    // The futures are only `Send`, and boxed bodies must be `Sync`: the mutex makes a response `Sync`. Only `Debug` locks it.
    set: Option<Box<Mutex<HookSet>>>,
}

#[derive(Default)]
struct HookSet {
    on_unsendable: Option<ReplaceUnsendable>,
    on_panic: Option<OnPanic>,
    end_conditions: Vec<Pin<Box<dyn EndCondition + Send>>>,
}

impl Hooks {
    pub(super) const fn none() -> Self {
        Self { set: None }
    }

    pub(super) fn set_on_unsendable(&mut self, replace: ReplaceUnsendable) {
        self.get_or_insert().on_unsendable = Some(replace);
    }

    pub(super) fn set_on_panic(&mut self, on_panic: OnPanic) {
        self.get_or_insert().on_panic = Some(on_panic);
    }

    pub(super) fn add_end_condition(&mut self, condition: impl EndCondition + Send + 'static) {
        self.get_or_insert().end_conditions.push(Box::pin(condition));
    }

    pub(super) fn on_unsendable(&mut self) -> Option<&mut ReplaceUnsendable> {
        self.get_mut()?.on_unsendable.as_mut()
    }

    /// Polls the end conditions in the order in which they were added. Once it is ready, the stream ends and it must not be
    /// polled again.
    #[inline]
    pub(super) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, EndReason)> {
        if self.set.is_none() { Poll::Pending } else { self.poll_end_conditions(cx) }
    }

    fn poll_end_conditions(&mut self, cx: &mut Context<'_>) -> Poll<(Option<Encoded>, EndReason)> {
        let Some(set) = self.get_mut() else { return Poll::Pending };
        for condition in &mut set.end_conditions {
            match catch_panic(|| condition.as_mut().poll_end(cx)) {
                Some(Poll::Pending) => {}
                Some(ready) => return ready,
                None => return Poll::Ready((None, EndReason::Panicked)),
            }
        }
        Poll::Pending
    }

    /// Calls the `on_panic` closure, and returns its event: the last of a stream that has panicked.
    #[cold]
    pub(super) fn run_on_panic(&mut self) -> Option<Encoded> {
        let on_panic = self.get_mut()?.on_panic.take()?;
        catch_panic(on_panic)?
    }

    /// Drops all hooks, and returns whether none of their drops panicked. Each is dropped separately, because a second panic
    /// during the unwinding of a first one aborts the process.
    pub(super) fn drop_all(&mut self) -> bool {
        fn drop_caught<T>(value: T) -> bool {
            catch_panic(|| drop(value)).is_some()
        }
        let Some(set) = self.set.take() else { return true };
        let HookSet { on_unsendable, on_panic, end_conditions } =
            set.into_inner().unwrap_or_else(PoisonError::into_inner);
        let closures = drop_caught(on_unsendable) & drop_caught(on_panic);
        end_conditions.into_iter().map(drop_caught).fold(closures, |all, one| all & one)
    }

    fn get_mut(&mut self) -> Option<&mut HookSet> {
        Some(self.set.as_mut()?.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    fn get_or_insert(&mut self) -> &mut HookSet {
        self.set.get_or_insert_default().get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        // The stream was dropped before its end: a panic here is not reported.
        let _ = self.drop_all();
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing else locks it.
        let set = self.set.as_ref().map(|set| set.lock().unwrap_or_else(PoisonError::into_inner));
        f.debug_struct("Hooks")
            .field("on_unsendable", &set.as_ref().is_some_and(|set| set.on_unsendable.is_some()))
            .field("on_panic", &set.as_ref().is_some_and(|set| set.on_panic.is_some()))
            .field("end_conditions", &set.as_ref().map_or(0, |set| set.end_conditions.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_hooks_pays_for_one_pointer() {
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
