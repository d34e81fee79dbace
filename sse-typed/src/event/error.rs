use std::{borrow::Cow, error::Error, fmt};

type BoxError = Box<dyn Error + Send + Sync>;

/// Why an event cannot be written. Nothing of it was: not one byte stands on the wire.
#[derive(Debug)]
pub struct EncodeError(Box<EncodeInner>);

#[derive(Debug)]
struct EncodeInner {
    kind: EncodeErrorKind,
    event_type: String,
    cause: BoxError,
}

/// What of an event could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The data could not be serialised.
    Data,
    /// The id cannot travel: see [`EventId`](super::EventId).
    Id,
    /// The event type cannot stand in an `event:` line, or belongs to another variant.
    EventType,
}

impl EncodeError {
    /// An error of the given kind. The encoder adds the event type.
    pub fn new(kind: EncodeErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(EncodeInner { kind, event_type: String::new(), cause: cause.into() }))
    }

    /// Says which event could not be written, unless an inner event is named already.
    #[must_use]
    pub(crate) fn of_event(mut self, event_type: &str) -> Self {
        if self.0.event_type.is_empty() {
            event_type.clone_into(&mut self.0.event_type);
        }
        self
    }

    /// What of the event could not be written.
    #[must_use]
    pub fn kind(&self) -> EncodeErrorKind {
        self.0.kind
    }

    /// The event type of the event that could not be written.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.0.event_type
    }
}

/// One line with the event type, what of it failed, and the cause.
impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.0.kind {
            EncodeErrorKind::Data => "its data",
            EncodeErrorKind::Id => "its id",
            EncodeErrorKind::EventType => "its event type",
        };
        write!(f, "event `{}` cannot be sent, {what} failed: {}", self.0.event_type.escape_debug(), self.0.cause)
    }
}

impl Error for EncodeError {
    /// What lies under the cause that the message already names.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.source()
    }
}

/// Why an event of a known type cannot be read.
#[derive(Debug)]
pub struct DecodeError(Box<DecodeInner>);

#[derive(Debug)]
struct DecodeInner {
    kind: DecodeErrorKind,
    event_type: String,
    path: Cow<'static, str>,
    cause: BoxError,
}

/// What of an event could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The data is not the JSON that the event type promises.
    Json,
    /// The data is plain text, or of its own form, and was not understood.
    Data,
    /// The id is missing, or not what the type's id field holds.
    Id,
}

impl DecodeError {
    /// An error of the given kind, for an event of the type `event_type`.
    pub fn new(kind: DecodeErrorKind, event_type: &str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(DecodeInner {
            kind,
            event_type: event_type.to_owned(),
            path: Cow::Borrowed(""),
            cause: cause.into(),
        }))
    }

    /// With the place in the JSON, such as `items[3].price`.
    #[must_use]
    pub(crate) fn at(mut self, path: String) -> Self {
        self.0.path = Cow::Owned(path);
        self
    }

    /// What of the event could not be read.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// The event type of the event.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The place in the JSON, such as `items[3].price`; `None` when the fault is the document as a whole.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        (!self.0.path.is_empty()).then_some(&*self.0.path)
    }
}

/// One line with the event type, the place and the cause.
impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.0.kind {
            DecodeErrorKind::Json => "bad JSON data",
            DecodeErrorKind::Data => "bad data",
            DecodeErrorKind::Id => "a bad id",
        };
        write!(f, "event `{}` has {what}", self.0.event_type.escape_debug())?;
        if let Some(path) = self.path() {
            write!(f, " at `{}`", path.escape_debug())?;
        }
        write!(f, ": {}", self.0.cause)
    }
}

impl Error for DecodeError {
    /// What lies under the cause that the message already names.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.source()
    }
}
