use std::{borrow::Cow, error::Error, fmt};

type BoxError = Box<dyn Error + Send + Sync>;

/// Why an event cannot be encoded. No part of the event was written.
#[derive(Debug)]
pub struct EncodeError(Box<EncodeInner>);

#[derive(Debug)]
struct EncodeInner {
    kind: EncodeErrorKind,
    event_type: String,
    cause: BoxError,
}

/// Which part of an event could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// The data could not be serialised.
    Data,
    /// The id is not valid; see [`EventId`](super::EventId).
    Id,
    /// The event type is not valid in an `event:` line, or belongs to another variant.
    EventType,
}

impl EncodeError {
    /// An error of the given kind. The encoder adds the event type.
    pub fn new(kind: EncodeErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(EncodeInner { kind, event_type: String::new(), cause: cause.into() }))
    }

    /// Sets the event type, unless a nested event has set its own.
    #[must_use]
    pub(crate) fn with_event_type(mut self, event_type: &str) -> Self {
        if self.0.event_type.is_empty() {
            event_type.clone_into(&mut self.0.event_type);
        }
        self
    }

    /// Which part of the event could not be encoded.
    #[must_use]
    pub fn kind(&self) -> EncodeErrorKind {
        self.0.kind
    }

    /// The event type of the event that could not be encoded.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.0.event_type
    }
}

/// One line with the event type, the part that failed, and the cause.
impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = match self.0.kind {
            EncodeErrorKind::Data => "data",
            EncodeErrorKind::Id => "id",
            EncodeErrorKind::EventType => "event type",
        };
        let event_type = self.0.event_type.escape_debug();
        write!(f, "event `{event_type}` cannot be sent because of its {part}: {}", self.0.cause)
    }
}

impl Error for EncodeError {
    /// The source of the cause. The message contains the cause itself.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.source()
    }
}

/// Why an event of a known event type cannot be decoded.
#[derive(Debug)]
pub struct DecodeError(Box<DecodeInner>);

#[derive(Debug)]
struct DecodeInner {
    kind: DecodeErrorKind,
    event_type: String,
    path: Cow<'static, str>,
    cause: BoxError,
}

/// Which part of an event could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The data is not JSON, or not the JSON of the variant's payload or fields.
    Json,
    /// The data of a `text` or `with` variant cannot be parsed, the data matches none of the variants of its event type, or a
    /// required `retry:` line is missing.
    Data,
    /// The id is missing, or cannot be parsed into the type's `id` field.
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

    /// Sets the path within the JSON, such as `items[3].price`.
    #[must_use]
    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.0.path = Cow::Owned(path);
        self
    }

    /// Which part of the event could not be decoded.
    #[must_use]
    pub fn kind(&self) -> DecodeErrorKind {
        self.0.kind
    }

    /// The event type of the event.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.0.event_type
    }

    /// The path of the error within the JSON, such as `items[3].price`. `None` if the error concerns the whole document.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        (!self.0.path.is_empty()).then_some(&*self.0.path)
    }
}

/// One line with the event type, the path and the cause.
impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.0.kind {
            DecodeErrorKind::Json => "bad JSON data",
            DecodeErrorKind::Data => "bad data",
            DecodeErrorKind::Id => "a bad id",
        };
        write!(f, "event `{}` has {problem}", self.0.event_type.escape_debug())?;
        if let Some(path) = self.path() {
            write!(f, " at `{}`", path.escape_debug())?;
        }
        write!(f, ": {}", self.0.cause)
    }
}

impl Error for DecodeError {
    /// The source of the cause. The message contains the cause itself.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.source()
    }
}
