use std::{any::Any, fmt, sync::OnceLock};

/// The decoded events of a segment: filled by the first reader that needs them, shared with all others, and dropped
/// with the segment.
///
/// Segments do not know the event type, and most are never decoded. So this is one thin pointer.
#[derive(Default)]
pub(in crate::hub) struct DecodedCache(OnceLock<Box<Box<dyn Any + Send + Sync>>>);

impl DecodedCache {
    /// The decoded events. The first call decodes them, and other calls wait for it. `None` if they were decoded as
    /// another type.
    pub(in crate::hub) fn get_or_decode<T: Send + Sync + 'static>(&self, decode: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(Box::new(decode()))).downcast_ref()
    }

    /// Whether the events were decoded. Dropping them then runs user code.
    pub(in crate::hub) fn is_filled(&self) -> bool {
        self.0.get().is_some()
    }
}

impl fmt::Debug for DecodedCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodedCache").field("is_filled", &self.is_filled()).finish_non_exhaustive()
    }
}
