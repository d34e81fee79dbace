use std::time::SystemTime;

use super::{
    key,
    run_store::{RunId, RunRecord},
};
use crate::{event::EventId, hub::End};

/// The status of a run: see [`Run::status`](super::Run::status) and [`Runs::list`](super::Runs::list).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStatus {
    record: RunRecord,
    subject: Option<String>,
    key: String,
}

/// Whether a run is running, or how it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunState {
    /// It has not ended.
    Running,
    /// Its closure returned its last event.
    Done,
    /// Its closure returned an error, panicked, or published more than is allowed.
    Failed,
    /// It was stopped.
    Stopped,
    /// Its process died, or was shut down.
    Lost,
}

impl RunStatus {
    pub(super) fn new(record: RunRecord) -> Self {
        let (subject, key) = key::parse(&record.run.key).unwrap_or_else(|| (None, record.run.key.to_string()));
        Self { record, subject, key }
    }

    /// Whether it is running, or how it has ended.
    #[must_use]
    pub const fn state(&self) -> RunState {
        match self.record.end {
            None => RunState::Running,
            Some(End::Complete) => RunState::Done,
            Some(End::Failed) => RunState::Failed,
            Some(End::Stopped) => RunState::Stopped,
            Some(End::Lost) => RunState::Lost,
        }
    }

    /// Whether it is running.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.record.end.is_none()
    }

    /// Whether it is running and was asked to stop.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        self.is_running() && self.record.is_stop_asked
    }

    /// The id of the run. Another run of the same key has another id.
    #[must_use]
    pub const fn id(&self) -> RunId {
        self.record.run.run
    }

    /// The subject to whom it belongs. `None` for a [public](super::Runs::public) run.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// When it was started, by the clock of the store.
    #[must_use]
    pub const fn since(&self) -> SystemTime {
        self.record.since
    }

    /// The [name](super::RunsBuilder::owner) of the process that runs it.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.record.owner
    }

    /// The id of its newest event in the store, if it has one. On the wire the id of a last event ends in `!` in addition.
    #[must_use]
    pub const fn last_event(&self) -> Option<&EventId> {
        self.record.last.as_ref()
    }

    /// Continues [`Runs::list`](super::Runs::list) after this run. It names subject and key, so it is for operators.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.record.run.key
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::runs::RunRef;

    #[test]
    fn a_run_is_stopping_from_the_request_to_its_end() {
        let run = RunRef::new("answers/*/7", RunId::from_u64(1));
        let mut record = RunRecord::new(run, SystemTime::UNIX_EPOCH, "a", Duration::ZERO);
        let is_stopping = |record: &RunRecord| RunStatus::new(record.clone()).is_stopping();
        assert!(!is_stopping(&record));
        record.is_stop_asked = true;
        assert!(is_stopping(&record));
        record.end = Some(End::Stopped);
        assert!(!is_stopping(&record));
    }
}
