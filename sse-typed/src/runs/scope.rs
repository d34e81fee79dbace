use std::{fmt, future::Future, sync::Arc};

use super::{
    error::{BoxError, RunsError},
    key,
    run::Run,
    run_store::RunStore,
    runs::RunsInner,
    start::StartRun,
    status::RunStatus,
    writer::RunWriter,
};
use crate::codec::HubEvent;

/// The runs of one subject, for example a user, or the public ones: see [`Runs::scope`](super::Runs::scope).
///
/// It is a handle and cheap to clone. A key is chosen by the client, within its scope: another scope has other runs under the
/// same key. A key has 1 to 200 bytes (characters that are escaped count three).
pub struct Scope<E, S: RunStore> {
    pub(super) runs: Arc<RunsInner<E, S>>,
    subject: Option<Box<str>>,
    pub(super) subject_part: String,
}

impl<E, S: RunStore> Scope<E, S> {
    pub(super) const fn new(runs: Arc<RunsInner<E, S>>, subject: Option<Box<str>>, subject_part: String) -> Self {
        Self { runs, subject, subject_part }
    }

    /// The subject. `None` for the public runs.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }
}

impl<E: HubEvent + Send + Sync + 'static, S: RunStore> Scope<E, S> {
    /// Starts the run of a key, or joins the one that it has: running or ended. However often and however concurrently this is
    /// called, on however many processes, a key has one run for as long as that is kept.
    ///
    /// `produce` runs in a task of its own, and publishes by its [`RunWriter`]. It returns the last event of the run, which
    /// closes its log. That event is best a terminal one; streams end after it in any case, and clients that have it are
    /// answered 204. An error becomes the event for failed runs with the text of the error, which clients read. A panic becomes
    /// the same event with a fixed text. If the run is joined, `produce` is dropped without being called.
    ///
    /// ```
    /// # use sse_typed::{HubEvent, runs::{RunStore, RunsError, Scope}};
    /// # async fn handler<E: HubEvent + Send + Sync + 'static, S: RunStore>(
    /// #     answers: Scope<E, S>, question: &[u8], done: fn() -> E,
    /// # ) -> Result<(), RunsError> {
    /// let started = answers.start("7", move |run| async move { Ok(done()) }).input(question).await?;
    /// if started.is_new {
    ///     println!("{} has started", started.run.id());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors and cancel safety
    ///
    /// See [`StartRun`].
    pub fn start<F, Fut>(&self, key: impl Into<String>, produce: F) -> StartRun<E, S, F>
    where
        F: FnOnce(RunWriter<E, S>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<E, BoxError>> + Send + 'static,
    {
        StartRun::new(self.clone(), key.into(), produce, false)
    }

    /// [`start`](Self::start), but a run that has ended is replaced by a new one. One that is running is joined.
    ///
    /// Of two calls at the same time one starts a run and the other joins it. [`StartRun::replacing`] makes this exact for calls
    /// that are further apart. Readers of the old run that resume get a [gap](super::RunsBuilder::on_gap), and by default begin
    /// anew with the new run.
    ///
    /// # Errors and cancel safety
    ///
    /// See [`StartRun`].
    pub fn restart<F, Fut>(&self, key: impl Into<String>, produce: F) -> StartRun<E, S, F>
    where
        F: FnOnce(RunWriter<E, S>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<E, BoxError>> + Send + 'static,
    {
        StartRun::new(self.clone(), key.into(), produce, true)
    }

    /// The run of a key, on whichever process it runs. `None` if the key has no run, or its run is no longer kept: a 404.
    ///
    /// # Errors
    ///
    /// [`is_invalid_key`](RunsError::is_invalid_key), [`is_store`](RunsError::is_store) and
    /// [`is_no_runtime`](RunsError::is_no_runtime).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future is harmless.
    pub async fn get(&self, key: &str) -> Result<Option<Run<E, S>>, RunsError> {
        let store_key = key::store_key(&self.runs.name, &self.subject_part, key)?;
        let found = self.runs.find(&store_key).await?;
        Ok(found.map(|record| Run::new(Arc::clone(&self.runs), record)))
    }

    /// Stops the run of a key, on whichever process it runs: see [`Run::stop`]. `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`is_invalid_key`](RunsError::is_invalid_key), [`is_store`](RunsError::is_store) and
    /// [`is_no_runtime`](RunsError::is_no_runtime).
    ///
    /// # Cancel safety
    ///
    /// See [`Run::stop`].
    pub async fn stop(&self, key: &str) -> Result<Option<RunStatus>, RunsError> {
        match self.get(key).await? {
            Some(run) => run.stop().await,
            None => Ok(None),
        }
    }
}

impl<E, S: RunStore> Clone for Scope<E, S> {
    fn clone(&self) -> Self {
        Self { runs: Arc::clone(&self.runs), subject: self.subject.clone(), subject_part: self.subject_part.clone() }
    }
}

impl<E, S: RunStore> fmt::Debug for Scope<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("runs", &self.runs).field("subject", &self.subject).finish()
    }
}
