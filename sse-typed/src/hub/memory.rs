use std::{fmt, sync::Arc};

use super::{Retention, id::Epoch, ring::Names, shared::Shared};

/// A log in the memory of this process: what a hub has unless it is given another.
///
/// Its ids are `<random>-<n>`. The random part is drawn anew by each log, so a client that comes back after a restart of
/// the process, with an id of the old one, is told of a gap and never resumed at a wrong place.
pub struct MemoryLog {
    pub(super) shared: Arc<Shared>,
}

impl MemoryLog {
    /// An empty log that keeps as much as `retention` says.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self { shared: Arc::new(Shared::new(retention, Names::Numbered(Epoch::random()))) }
    }
}

/// With the default [`Retention`].
impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Retention::default())
    }
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (events, bytes, _) = self.shared.size();
        f.debug_struct("MemoryLog").field("events", &events).field("bytes", &bytes).finish_non_exhaustive()
    }
}
