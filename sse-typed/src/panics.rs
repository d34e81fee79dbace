//! Panics of user's code that must harm nobody else.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// The output of a closure, or `None` if it panics. What it has left half done must not be looked at then.
#[cfg(any(feature = "server", feature = "hub"))]
pub(crate) fn caught<T>(f: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(output) => Some(output),
        Err(payload) => {
            drop_payload(payload);
            None
        }
    }
}

/// Drops the payload of a panic, whose drop may panic, too.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // Whoever goes that far loses the memory.
        Box::leak(again);
    }
}

#[cfg(all(test, feature = "server"))]
mod tests {
    use super::*;

    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::panic_any(Self);
        }
    }

    #[test]
    fn a_panic_stays_where_it_is_whatever_its_payload_does() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught(|| -> u8 { std::panic::panic_any(Bomb) }), None);
    }
}
