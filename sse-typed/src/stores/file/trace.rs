//! Events for `tracing`. Without the feature there are none.
#![cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "used by the feature `tracing` alone"))]

use std::{error::Error, time::Duration};

pub(super) fn away(error: &(dyn Error + 'static), pause: Duration) {
    #[cfg(feature = "tracing")]
    tracing::warn!(error, ?pause, "a file store fails; it is opened again after a pause");
}

pub(super) fn up() {
    #[cfg(feature = "tracing")]
    tracing::info!("a file store has recovered");
}

pub(super) fn stopped(error: &(dyn Error + 'static)) {
    #[cfg(feature = "tracing")]
    tracing::error!(error, "a file store has stopped: a sync failed");
}
