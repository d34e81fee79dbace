//! Catches panics of user code, so that one user's panic does not stop the work of others.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Returns the output of a closure, or `None` if it panics. After a panic, the caller must not use state that the closure may
/// have left half changed.
#[cfg(any(feature = "server", feature = "hub"))]
pub(crate) fn catch_panic<T>(f: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(output) => Some(output),
        Err(payload) => {
            drop_payload(payload);
            None
        }
    }
}

/// Drops the payload of a panic. If its `Drop` panics as well, the second payload is leaked.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Dropping it could panic again, without end.
        Box::leak(second);
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;

    struct PanicsOnDrop;

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }

    #[test]
    fn a_panic_is_caught_even_if_its_payload_panics_on_drop() {
        assert_eq!(catch_panic(|| 7), Some(7));
        assert_eq!(catch_panic(|| -> u8 { std::panic::panic_any(PanicsOnDrop) }), None);
    }
}
