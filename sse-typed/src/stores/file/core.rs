//! What the threads and the handles of a store share.

#[cfg(feature = "runs")]
use std::sync::Arc;
use std::{
    mem,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

#[cfg(feature = "runs")]
use super::runs::Leases;
use super::{engine::Engine, error::FileStoreError, hooks::Hooks};
use crate::{
    hub::{HealthReporter, Wakes},
    panics,
};

#[derive(Debug)]
pub(super) struct Core {
    state: RwLock<EngineState>,
    pub(super) wakes: Wakes,
    pub(super) health: HealthReporter,
    #[cfg(feature = "runs")]
    pub(super) leases: Arc<Leases>,
}

/// The engine, or the error that has closed it.
#[derive(Debug)]
enum EngineState {
    Open(Engine),
    Away(FileStoreError),
}

impl Core {
    #[cfg_attr(not(feature = "runs"), expect(unused_variables, reason = "leases of runs have a clock"))]
    pub(super) fn new(engine: Engine, hooks: &Hooks) -> Self {
        Self {
            state: RwLock::new(EngineState::Open(engine)),
            wakes: Wakes::new(),
            health: HealthReporter::new(),
            #[cfg(feature = "runs")]
            leases: Arc::new(Leases::new(hooks.clone())),
        }
    }

    /// Uses the engine, or fails as the store has. The engine may panic if the file is damaged.
    pub(super) fn with_engine<T>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, FileStoreError>,
    ) -> Result<T, FileStoreError> {
        match &*self.state() {
            EngineState::Away(error) => Err(error.clone()),
            EngineState::Open(engine) => {
                let outcome = panics::catch_panic(|| work(engine));
                let outcome = outcome.unwrap_or_else(|| Err(FileStoreError::corrupt("the engine cannot use it")));
                outcome.map_err(|error| if engine.sync_has_failed() { error.stopped() } else { error })
            }
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, EngineState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this engine is used.
    pub(super) fn open(&self, engine: Engine) {
        #[cfg(feature = "runs")]
        self.leases.hold_all();
        self.set(EngineState::Open(engine));
        self.health.set_up();
        self.wakes.all_changed();
    }

    /// Closes the engine once the reads that run have ended. From now on all calls fail with this error.
    pub(super) fn shut(&self, error: FileStoreError) {
        self.set(EngineState::Away(error));
        // Their next read returns the error.
        self.wakes.all_changed();
    }

    fn set(&self, state: EngineState) {
        let before = mem::replace(&mut *self.state.write().unwrap_or_else(PoisonError::into_inner), state);
        // Out of the lock. It may panic if the file is damaged.
        let _ = panics::catch_panic(|| drop(before));
    }
}
