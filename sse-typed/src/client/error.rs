use std::{error::Error as StdError, fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
    response,
};

use super::{
    debug::{Head, Size},
    silence::Silent,
    unsendable::Unsendable,
};
use crate::{
    codec::{DecodeEvent, Decoded, EventTooLarge, IgnoredLines, UnfinishedEvent},
    event::{DecodeError, RawEvent},
};

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// What went wrong with an event, a response or a connection.
///
/// As an item of a stream it is one of two: after an error that is not [fatal](Self::is_fatal) the stream goes on, and a
/// fatal one is the last item. The message names the cause that matters; the rest is in
/// [`source`](StdError::source).
///
/// ```
/// # fn on(error: sse_typed::client::Error) {
/// if error.is_decode() {
///     // one event of a known type with bad data; the stream goes on
///     eprintln!("{error}: {:?}", error.raw_event());
/// } else if error.status() == Some(http::StatusCode::UNAUTHORIZED) {
///     eprintln!("no entry: {:?}", error.body());
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    raw_event: Option<RawEvent>,
    response: Option<(response::Parts, Bytes)>,
    /// Of a stream without events.
    ignored_lines: Option<IgnoredLines>,
}

enum Kind {
    Request(BoxError),
    Made(BoxError),
    Connect(BoxError),
    Status,
    ContentType,
    ContentEncoding,
    Body(BoxError),
    NoHead(Duration),
    Silent(Silent),
    Truncated(Option<UnfinishedEvent>),
    GaveUp { attempts: u32, cause: Option<Error> },
    Decode(DecodeError),
    TooLarge(EventTooLarge),
    Unknown,
    InBand,
}

impl Error {
    const fn inner(kind: Kind) -> Inner {
        Inner { kind, raw_event: None, response: None, ignored_lines: None }
    }

    fn new(kind: Kind) -> Self {
        Self(Box::new(Self::inner(kind)))
    }

    pub(super) fn request(cause: impl Into<BoxError>) -> Self {
        Self::new(Kind::Request(cause.into()))
    }

    /// What makes the requests could not make one.
    pub(super) fn made(cause: BoxError) -> Self {
        Self::new(Kind::Made(cause))
    }

    /// Whether another attempt might succeed: nothing was received, and nothing says that it cannot be sent.
    pub(super) const fn is_without_response(&self) -> bool {
        matches!(self.0.kind, Kind::Connect(_) | Kind::NoHead(_) | Kind::Made(_))
    }

    /// The service gave an error in the place of a response.
    pub(super) fn service(cause: BoxError) -> Self {
        match cause.downcast::<Unsendable>() {
            Ok(marked) => Self::new(Kind::Request(marked.into_cause())),
            // Middleware may have wrapped it.
            Err(cause) if Unsendable::is_in(&*cause) => Self::new(Kind::Request(cause)),
            Err(cause) => Self::new(Kind::Connect(cause)),
        }
    }

    pub(super) fn status_of(head: response::Parts, body: Bytes) -> Self {
        Self(Box::new(Inner { response: Some((head, body)), ..Self::inner(Kind::Status) }))
    }

    pub(super) fn content_type_of(head: response::Parts, body: Bytes) -> Self {
        Self(Box::new(Inner { response: Some((head, body)), ..Self::inner(Kind::ContentType) }))
    }

    pub(super) fn content_encoding_of(head: response::Parts, body: Bytes) -> Self {
        Self(Box::new(Inner { response: Some((head, body)), ..Self::inner(Kind::ContentEncoding) }))
    }

    pub(super) fn in_body(cause: impl Into<BoxError>) -> Self {
        Self::new(Kind::Body(cause.into()))
    }

    pub(super) fn no_head(after: Duration) -> Self {
        Self::new(Kind::NoHead(after))
    }

    pub(super) fn silent(silent: Silent) -> Self {
        Self::new(Kind::Silent(silent))
    }

    pub(super) fn truncated(unfinished: Option<UnfinishedEvent>) -> Self {
        Self::new(Kind::Truncated(unfinished))
    }

    pub(super) fn gave_up(attempts: u32, cause: Option<Self>) -> Self {
        Self::new(Kind::GaveUp { attempts, cause })
    }

    pub(super) fn decode_failed(cause: DecodeError, event: RawEvent) -> Self {
        Self(Box::new(Inner { raw_event: Some(event), ..Self::inner(Kind::Decode(cause)) }))
    }

    pub(super) fn too_large(cause: EventTooLarge) -> Self {
        Self::new(Kind::TooLarge(cause))
    }

    pub(super) fn unknown(event: RawEvent) -> Self {
        Self(Box::new(Inner { raw_event: Some(event), ..Self::inner(Kind::Unknown) }))
    }

    pub(super) fn in_band(event: RawEvent) -> Self {
        Self(Box::new(Inner { raw_event: Some(event), ..Self::inner(Kind::InBand) }))
    }

    pub(super) fn with_ignored_lines(mut self, lines: Option<IgnoredLines>) -> Self {
        self.0.ignored_lines = lines;
        self
    }

    /// The kind that `{:?}` shows.
    pub(super) const fn kind_name(&self) -> &'static str {
        self.0.kind.name()
    }

    /// Whether the stream is over. After any other error it goes on when it is polled again.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        !matches!(self.0.kind, Kind::Decode(_) | Kind::TooLarge(_) | Kind::Unknown | Kind::InBand)
    }

    /// An event of a known type has bad data, or a bad id. The event is in [`raw_event`](Self::raw_event), what is wrong
    /// with it in [`decode_error`](Self::decode_error). Not fatal.
    #[must_use]
    pub const fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode(_))
    }

    /// An event was larger than `max_event_size`. Not fatal: the event behind it is read.
    #[must_use]
    pub const fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge(_))
    }

    /// An event is of a type that the enum does not know, and [`Unknown::Error`](super::Unknown::Error) was asked for. Not
    /// fatal.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.0.kind, Kind::Unknown)
    }

    /// The server reports an error by an event (`#[sse(error)]`), and
    /// [`in_band_errors`](super::RequestBuilder::in_band_errors) was asked for. [`decode`](Self::decode) gives the event.
    /// Not fatal.
    #[must_use]
    pub const fn is_in_band(&self) -> bool {
        matches!(self.0.kind, Kind::InBand)
    }

    /// The request cannot be made or sent: a malformed URL or header, a body that cannot be serialised, a scheme that the
    /// client does not speak; or the closure of [`request`](super::RequestBuilder::request) gave an error; or a proxy asks for
    /// other credentials (407) before it opens a tunnel. Nothing was sent to the server, or only what redirects then led to
    /// where the client does not go.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.0.kind, Kind::Request(_) | Kind::Made(_))
    }

    /// The service gave no response: the name was not found, the connection was refused, TLS failed.
    #[must_use]
    pub const fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect(_))
    }

    /// The response has a status other than 200 and 204. See [`status`](Self::status), [`head`](Self::head) and
    /// [`body`](Self::body).
    #[must_use]
    pub const fn is_status(&self) -> bool {
        matches!(self.0.kind, Kind::Status)
    }

    /// The response is no `text/event-stream`. See [`head`](Self::head) and [`body`](Self::body).
    #[must_use]
    pub const fn is_content_type(&self) -> bool {
        matches!(self.0.kind, Kind::ContentType)
    }

    /// The response is an event stream in a content coding, such as `gzip`, that nothing has undone: clients ask for none
    /// unless they are told to. tower-http's `DecompressionLayer` in front of the service undoes it, and reqwest with its
    /// feature for the coding.
    #[must_use]
    pub const fn is_content_encoding(&self) -> bool {
        matches!(self.0.kind, Kind::ContentEncoding)
    }

    /// The connection broke in the middle of the stream.
    #[must_use]
    pub const fn is_body(&self) -> bool {
        matches!(self.0.kind, Kind::Body(_))
    }

    /// The server was silent for too long: there was no response within
    /// [`response_timeout`](super::RequestBuilder::response_timeout), nothing of it within
    /// [`idle_timeout`](super::RequestBuilder::idle_timeout), or no event within
    /// [`event_timeout`](super::RequestBuilder::event_timeout).
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::NoHead(_) | Kind::Silent(_))
    }

    /// The stream ended without a terminal event, and
    /// [`require_terminal`](super::RequestBuilder::require_terminal) was asked for. If it ended within an event, that is
    /// [`unfinished_event`](Self::unfinished_event).
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self.0.kind, Kind::Truncated(_))
    }

    /// As many attempts in a row as [`max_attempts`](super::ReconnectPolicy::max_attempts) allows brought nothing.
    ///
    /// The last attempt's error is the [`source`](StdError::source), and what it says of its response is said here too.
    #[must_use]
    pub const fn is_gave_up(&self) -> bool {
        matches!(self.0.kind, Kind::GaveUp { .. })
    }

    /// The event that could not be read, or that is unknown.
    #[must_use]
    pub const fn raw_event(&self) -> Option<&RawEvent> {
        self.0.raw_event.as_ref()
    }

    /// The event within which a [truncated](Self::is_truncated) stream has ended. It was discarded, as the standard says;
    /// [`lenient_end`](super::RequestBuilder::lenient_end) takes it.
    #[must_use]
    pub const fn unfinished_event(&self) -> Option<&UnfinishedEvent> {
        match &self.0.kind {
            Kind::Truncated(event) => event.as_ref(),
            _ => None,
        }
    }

    /// What came of a response that was to be an event stream, and in which no event was: the first lines that are neither a
    /// field nor a comment. They show JSON or HTML under a wrong content type. An error of a stream that ended, broke off or
    /// was silent has them, and one that [gave up](Self::is_gave_up) those of the last attempt.
    #[must_use]
    pub fn ignored_lines(&self) -> Option<&IgnoredLines> {
        match &self.0.kind {
            Kind::GaveUp { cause: Some(cause), .. } => cause.ignored_lines(),
            _ => self.0.ignored_lines.as_ref(),
        }
    }

    /// What is wrong with the event: its type, the place in the JSON and the cause.
    #[must_use]
    pub const fn decode_error(&self) -> Option<&DecodeError> {
        match &self.0.kind {
            Kind::Decode(error) => Some(error),
            _ => None,
        }
    }

    /// Reads the [raw event](Self::raw_event) as another type. `None` when there is none, or when it is none of that
    /// type's.
    #[must_use]
    pub fn decode<E: DecodeEvent>(&self) -> Option<E> {
        match E::decode(self.raw_event()?.as_raw_ref()) {
            Ok(Decoded::Event(event)) => Some(event),
            _ => None,
        }
    }

    fn response(&self) -> Option<&(response::Parts, Bytes)> {
        match &self.0.kind {
            Kind::GaveUp { cause: Some(cause), .. } => cause.response(),
            _ => self.0.response.as_ref(),
        }
    }

    /// The status of the response that is no event stream.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.head().map(|head| head.status)
    }

    /// Status and headers of the response that is no event stream.
    #[must_use]
    pub fn head(&self) -> Option<&response::Parts> {
        self.response().map(|(head, _)| head)
    }

    /// All values of a header of the response, as they are shown.
    fn header(&self, name: HeaderName) -> Option<String> {
        let values: Vec<_> = self.head()?.headers.get_all(name).into_iter().map(HeaderValue::as_bytes).collect();
        (!values.is_empty()).then(|| String::from_utf8_lossy(&values.join(&b", "[..])).escape_debug().to_string())
    }

    /// The beginning of the body of the response that is no event stream: what came of it within two seconds, 8 KiB at
    /// most.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.response().map(|(_, body)| body)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_kind(f)?;
        match &self.0.ignored_lines {
            Some(lines) => write!(f, "; no event came, and {lines}"),
            None => Ok(()),
        }
    }
}

impl Error {
    fn fmt_kind(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Request(cause) | Kind::Made(cause) => write!(f, "the request cannot be sent: {}", root(&**cause)),
            Kind::Connect(cause) => write!(f, "no response: {}", root(&**cause)),
            Kind::Status => match self.status() {
                Some(status) => write!(f, "the response is no event stream: its status is {status}"),
                None => f.write_str("the response is no event stream"),
            },
            Kind::ContentType => match self.header(CONTENT_TYPE) {
                Some(content_type) => write!(
                    f,
                    "the response is no event stream: its content type is `{content_type}`, not `text/event-stream`"
                ),
                None => f.write_str("the response is no event stream: it has no content type"),
            },
            Kind::ContentEncoding => {
                let coding = self.header(CONTENT_ENCODING).unwrap_or_default();
                write!(f, "the event stream is compressed (`{coding}`): ask through tower-http's `DecompressionLayer`")
            }
            Kind::Body(cause) => write!(f, "the event stream broke off: {}", root(&**cause)),
            Kind::NoHead(after) => write!(f, "no response: none came within {after:?}"),
            Kind::Silent(Silent::NoBytes(after)) => {
                write!(f, "the event stream is silent: nothing was received for {after:?}")
            }
            Kind::Silent(Silent::NoEvent(after)) => {
                write!(f, "the event stream is silent: no event was received for {after:?}")
            }
            Kind::Truncated(None) => f.write_str("the event stream ended without its terminal event"),
            Kind::Truncated(Some(event)) => write!(
                f,
                "the event stream ended without its terminal event: {event} was unfinished, and is discarded \
                 (`lenient_end` takes it)"
            ),
            Kind::GaveUp { attempts, cause: Some(cause) } => {
                write!(f, "gave up after {attempts} attempts in a row without an event: {cause}")
            }
            Kind::GaveUp { attempts, cause: None } => {
                write!(f, "gave up after {attempts} attempts in a row without an event: the stream ended each time")
            }
            Kind::Decode(error) => fmt::Display::fmt(error, f),
            Kind::TooLarge(error) => fmt::Display::fmt(error, f),
            Kind::Unknown => {
                let event_type = self.raw_event().map_or("", RawEvent::event_type);
                write!(f, "event `{}` is of no type that is known here", event_type.escape_debug())
            }
            Kind::InBand => {
                let (event_type, data) = self.raw_event().map_or(("", ""), |event| (event.event_type(), event.data()));
                let shown = data.char_indices().nth(SHOWN).map_or(data, |(end, _)| &data[..end]);
                write!(
                    f,
                    "the server reports an error: event `{}`: {}",
                    event_type.escape_debug(),
                    shown.escape_debug()
                )
            }
        }
    }
}

/// How many characters of an event's data a message shows.
const SHOWN: usize = 200;

/// The innermost cause: HTTP clients say "client error", and what happened is at the end of the chain.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// What was received without its content, which may be a secret, and the message unless that shows some of it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &format_args!("{}", self.0.kind.name()));
        if !matches!(self.0.kind, Kind::Decode(_) | Kind::InBand) {
            debug.field("message", &self.to_string());
        }
        if let Some(event) = self.raw_event() {
            debug.field("event", &event.event_type());
            if let Some(error) = self.decode_error() {
                debug.field("part", &error.kind()).field("path", &error.path().unwrap_or_default());
            }
            debug.field("data", &Size(event.data().len()));
        }
        if let Some((head, body)) = self.response() {
            debug.field("response", &Head(head)).field("body", &Size(body.len()));
        }
        debug.finish()
    }
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "Request",
            Self::Made(_) => "Made",
            Self::Connect(_) => "Connect",
            Self::Status => "Status",
            Self::ContentType => "ContentType",
            Self::ContentEncoding => "ContentEncoding",
            Self::Body(_) => "Body",
            Self::NoHead(_) => "NoHead",
            Self::Silent(_) => "Silent",
            Self::Truncated(_) => "Truncated",
            Self::GaveUp { .. } => "GaveUp",
            Self::Decode(_) => "Decode",
            Self::TooLarge(_) => "TooLarge",
            Self::Unknown => "Unknown",
            Self::InBand => "InBand",
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.kind {
            Kind::Request(cause) | Kind::Made(cause) | Kind::Connect(cause) | Kind::Body(cause) => Some(&**cause),
            Kind::GaveUp { cause, .. } => cause.as_ref().map(|cause| cause as &(dyn StdError + 'static)),
            // The message is the cause's own.
            Kind::Decode(error) => error.source(),
            Kind::TooLarge(error) => error.source(),
            Kind::Status
            | Kind::ContentType
            | Kind::ContentEncoding
            | Kind::NoHead(_)
            | Kind::Silent(_)
            | Kind::Truncated(_)
            | Kind::Unknown
            | Kind::InBand => None,
        }
    }
}
