use super::changes::{Change, Verdict};

/// Which changes are failures.
///
/// The default is [`Policy::both`]: neither old clients nor new ones may break, because servers and clients are deployed at any
/// time. Event types that a reader does not know are skipped, which is allowed. A change that cannot be decided is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Policy {
    old_clients: bool,
    new_clients: bool,
    history: bool,
    unknown_events: UnknownEvents,
    undecided: Undecided,
}

/// What an event means to a reader that does not know its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownEvents {
    /// Readers skip it.
    #[default]
    Allowed,
    /// Readers need every event, or fail on an unknown type.
    Break,
}

/// What a change means that cannot be decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Undecided {
    /// It is a failure.
    #[default]
    Fail,
    /// It is printed, and passes.
    Warn,
}

impl Policy {
    /// Servers and clients are deployed in any order: neither may break.
    pub const fn both() -> Self {
        Self {
            old_clients: true,
            new_clients: true,
            history: false,
            unknown_events: UnknownEvents::Allowed,
            undecided: Undecided::Fail,
        }
    }

    /// Servers are deployed before clients: no new client meets an old server.
    pub const fn server_first() -> Self {
        Self { new_clients: false, ..Self::both() }
    }

    /// Clients are deployed before servers: no old client meets a new server.
    pub const fn client_first() -> Self {
        Self { old_clients: false, ..Self::both() }
    }

    /// New code also reads a history that old code has stored, as with a `FileStore`.
    pub const fn stored_history(mut self) -> Self {
        self.history = true;
        self
    }

    /// Sets what an event means to a reader that does not know its type. The end of a stream is never skipped.
    pub const fn unknown_events(mut self, unknown_events: UnknownEvents) -> Self {
        self.unknown_events = unknown_events;
        self
    }

    /// Sets what a change means that cannot be decided.
    pub const fn undecided(mut self, undecided: Undecided) -> Self {
        self.undecided = undecided;
        self
    }

    /// Whether the policy does not allow a change.
    #[must_use]
    pub fn forbids(&self, change: &Change) -> bool {
        self.relevant(change).any(|verdict| match verdict {
            Verdict::Breaks(_) => true,
            Verdict::Skipped(_) => self.unknown_events == UnknownEvents::Break,
            Verdict::Undecided { .. } => self.undecided == Undecided::Fail,
            Verdict::Safe | Verdict::Changes(_) => false,
        })
    }

    /// Whether a change is allowed, and still worth a warning.
    #[must_use]
    pub fn warns(&self, change: &Change) -> bool {
        !self.forbids(change) && self.relevant(change).any(|verdict| matches!(verdict, Verdict::Undecided { .. }))
    }

    /// The verdicts that matter.
    fn relevant<'c>(&self, change: &'c Change) -> impl Iterator<Item = &'c Verdict> {
        let sides = [self.old_clients, self.new_clients, self.history];
        change.verdicts().into_iter().zip(sides).filter(|(_, matters)| *matters).map(|(verdict, _)| verdict)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::both()
    }
}
