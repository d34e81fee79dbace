use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use crate::contract::block::Block;

/// A difference between two contracts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// The event type. `None` for a change of the whole type.
    pub event: Option<String>,
    /// Where in the data, such as `driver.name` or `stops[].at`. `None` for a change of the event itself.
    pub path: Option<String>,
    /// What has changed.
    pub kind: ChangeKind,
    /// The change in words.
    pub description: String,
    /// What clients of the old contract make of a server of the new one.
    pub old_clients: Verdict,
    /// What clients of the new contract make of a server of the old one.
    pub new_clients: Verdict,
    /// What code of the new contract makes of a history of the old one.
    pub history: Verdict,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// An event type is new.
    EventAdded,
    /// An event type is gone.
    EventRemoved,
    /// An event has another event type.
    EventRenamed,
    /// An event type is read as an alias.
    AliasAdded,
    /// An alias is no longer read.
    AliasDropped,
    /// A mark, such as `terminal`.
    MarkAdded,
    /// A mark, such as `terminal`.
    MarkDropped,
    /// The form of the data: none, JSON, text, or fixed text.
    DataForm,
    /// The fixed text, or the key, that tells variants apart.
    Selector,
    /// The order of variants that are told apart by a key.
    VariantOrder,
    /// The tag that repeats the event type in the data.
    Tag,
    /// The `id:` or `retry:` line.
    Line,
    /// Event types that are read and ignored.
    Ignored,
    /// The variant that takes undeclared event types.
    Other,
    /// A field is new.
    FieldAdded,
    /// A field is gone.
    FieldRemoved,
    /// A field has another name.
    FieldRenamed,
    /// A field may be absent.
    FieldOptional,
    /// A field is always present, or must be.
    FieldRequired,
    /// Unknown fields are denied, or no longer.
    UnknownFields,
    /// Fewer values than before.
    Narrowed,
    /// More values than before.
    Widened,
    /// Other values than before.
    Type,
    /// An enum has a further value.
    ValueAdded,
    /// An enum lacks a value.
    ValueRemoved,
    /// `null` is a value.
    NullAllowed,
    /// `null` is no value.
    NullForbidden,
    /// A form of an enum with data is new.
    FormAdded,
    /// A form of an enum with data is gone.
    FormRemoved,
    /// A part that cannot be compared.
    Opaque,
}

/// What a reader makes of the events that a writer sends after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Every event is read as before.
    Safe,
    /// Every event is read, but something else about it has changed.
    Changes(String),
    /// The reader skips the event, because its type is unknown.
    Skipped(Witness),
    /// The reader cannot read the event, or reads it as something else.
    Breaks(Witness),
    /// The change cannot be decided.
    #[non_exhaustive]
    Undecided {
        /// Where in the data.
        path: String,
        /// Why.
        reason: String,
    },
}

/// An event that a reader misreads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Witness {
    /// The event.
    pub block: Block,
    /// What the reader makes of it, such as the error.
    pub error: String,
}

impl Change {
    /// The three verdicts.
    #[must_use]
    pub const fn verdicts(&self) -> [&Verdict; 3] {
        [&self.old_clients, &self.new_clients, &self.history]
    }

    /// Whether any reader breaks.
    #[must_use]
    pub fn breaks(&self) -> bool {
        self.verdicts().iter().any(|verdict| verdict.breaks())
    }

    /// The event and the path, such as `position: lat`.
    #[must_use]
    pub fn subject(&self) -> String {
        match (&self.event, &self.path) {
            (Some(event), Some(path)) if !path.is_empty() => format!("{event}: {path}"),
            (Some(event), _) => event.clone(),
            (None, _) => "all events".to_owned(),
        }
    }

    /// The order of deployment in which nobody breaks. `None` if the order does not matter.
    #[must_use]
    pub fn deploy_order(&self) -> Option<&'static str> {
        match (self.old_clients.breaks(), self.new_clients.breaks(), self.history.breaks()) {
            (false, false, false) => None,
            (true, false, _) => Some("deploy the clients first, and the server when no old client is left"),
            (false, true, _) => Some("deploy the server first, and the clients when no old server is left"),
            (true, true, _) => {
                Some("no order is safe: add an event type or a field beside the old one, and remove that later")
            }
            (false, false, true) => Some("the order does not matter, but stored events must still be readable"),
        }
    }

    /// The change as JSON, for machines.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({
            "event": self.event,
            "path": self.path,
            "kind": self.kind,
            "description": self.description,
            "old_clients": self.old_clients.to_value(),
            "new_clients": self.new_clients.to_value(),
            "history": self.history.to_value(),
        })
    }
}

impl Verdict {
    /// Whether the reader breaks.
    #[must_use]
    pub const fn breaks(&self) -> bool {
        matches!(self, Self::Breaks(_))
    }

    /// The event that the reader misreads or skips.
    #[must_use]
    pub const fn witness(&self) -> Option<&Witness> {
        match self {
            Self::Breaks(witness) | Self::Skipped(witness) => Some(witness),
            _ => None,
        }
    }

    /// The verdict in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Changes(_) => "changes",
            Self::Skipped(_) => "skipped",
            Self::Breaks(_) => "breaks",
            Self::Undecided { .. } => "undecided",
        }
    }

    fn to_value(&self) -> Value {
        let mut value = json!({ "verdict": self.name() });
        match self {
            Self::Safe => {}
            Self::Changes(note) => value["note"] = note.clone().into(),
            Self::Skipped(witness) | Self::Breaks(witness) => {
                value["block"] = witness.block.to_string().into();
                value["error"] = witness.error.clone().into();
            }
            Self::Undecided { path, reason } => {
                value["path"] = path.clone().into();
                value["reason"] = reason.clone().into();
            }
        }
        value
    }
}

/// The change with its verdicts. A verdict that breaks shows its event.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject(), self.description)?;
        let readers = [
            ("old clients, new server", &self.old_clients),
            ("new clients, old server", &self.new_clients),
            ("new code, stored history", &self.history),
        ];
        let mut shown: Option<&Witness> = None;
        for (reader, verdict) in readers {
            write!(f, "\n  {reader}: {}", verdict.name())?;
            match verdict {
                Verdict::Safe => {}
                Verdict::Changes(note) => write!(f, ": {note}")?,
                Verdict::Undecided { reason, .. } => write!(f, ": {reason}")?,
                // The history usually breaks at the same event as new clients.
                Verdict::Skipped(witness) | Verdict::Breaks(witness) if shown == Some(witness) => {
                    write!(f, ", at the same event")?;
                }
                Verdict::Skipped(witness) | Verdict::Breaks(witness) => {
                    shown = Some(witness);
                    for line in witness.block.to_string().lines() {
                        write!(f, "\n    | {line}")?;
                    }
                    write!(f, "\n    {}", witness.error)?;
                }
            }
        }
        match self.deploy_order() {
            Some(order) => write!(f, "\n  {order}"),
            None => Ok(()),
        }
    }
}
