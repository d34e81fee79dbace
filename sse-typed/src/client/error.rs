use std::{error::Error as StdError, fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
    response,
};

use super::{
    debug::{ByteLen, ResponseHead},
    permanent_error::PermanentError,
    stream_timeouts::StreamTimeout,
};
use crate::{
    codec::{DecodeEvent, Decoded, EventTooLarge, IgnoredLines, UnfinishedEvent},
    event::{DecodeError, RawEvent},
};

pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// An error of an event, a response or a connection.
///
/// As an item of a stream, a [fatal](Self::is_fatal) error is the last item. After any other error the stream
/// continues. The message includes the innermost cause; [`source`](StdError::source) returns the chain of causes.
///
/// ```
/// # fn on(error: sse_typed::client::Error) {
/// if error.is_decode() {
///     // one event of a known type has bad data; the stream continues
///     eprintln!("{error}: {:?}", error.raw_event());
/// } else if error.status() == Some(http::StatusCode::UNAUTHORIZED) {
///     eprintln!("unauthorized: {:?}", error.body());
/// }
/// # }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    raw_event: Option<RawEvent>,
    response: Option<(response::Parts, Bytes)>,
    /// Lines of a stream without events that are not part of the format.
    ignored_lines: Option<IgnoredLines>,
}

enum Kind {
    Request(BoxError),
    MakeRequest(BoxError),
    Connect(BoxError),
    Status,
    ContentType,
    ContentEncoding,
    Body(BoxError),
    ResponseTimeout(Duration),
    StreamTimeout(StreamTimeout),
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

    /// The closure that builds the requests returned an error.
    pub(super) fn make_request(cause: BoxError) -> Self {
        Self::new(Kind::MakeRequest(cause))
    }

    /// Whether a retry might succeed: nothing was received, and the error is not permanent.
    pub(super) const fn is_without_response(&self) -> bool {
        matches!(self.0.kind, Kind::Connect(_) | Kind::ResponseTimeout(_) | Kind::MakeRequest(_))
    }

    /// The service returned an error instead of a response.
    pub(super) fn service(cause: BoxError) -> Self {
        match cause.downcast::<PermanentError>() {
            Ok(permanent) => Self::new(Kind::Request(permanent.into_cause())),
            // Middleware may have wrapped the permanent error.
            Err(cause) if PermanentError::is_in_chain(&*cause) => Self::new(Kind::Request(cause)),
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

    pub(super) fn response_timeout(after: Duration) -> Self {
        Self::new(Kind::ResponseTimeout(after))
    }

    pub(super) fn stream_timeout(timeout: StreamTimeout) -> Self {
        Self::new(Kind::StreamTimeout(timeout))
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

    /// The kind, as `{:?}` shows it.
    pub(super) const fn kind_name(&self) -> &'static str {
        self.0.kind.name()
    }

    /// Whether the stream has ended. After any other error it continues when it is polled again.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        !matches!(self.0.kind, Kind::Decode(_) | Kind::TooLarge(_) | Kind::Unknown | Kind::InBand)
    }

    /// Whether an event of a known type has bad data or a bad ID. [`raw_event`](Self::raw_event) returns the event,
    /// and [`decode_error`](Self::decode_error) what is wrong with it. Not fatal.
    #[must_use]
    pub const fn is_decode(&self) -> bool {
        matches!(self.0.kind, Kind::Decode(_))
    }

    /// Whether an event was larger than `max_event_size`. Not fatal: the stream continues with the next event.
    #[must_use]
    pub const fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge(_))
    }

    /// Whether an event is of a type that the enum does not have. Only with
    /// [`UnknownEvent::Error`](super::UnknownEvent::Error). Not fatal.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.0.kind, Kind::Unknown)
    }

    /// Whether the server reported an error with an event (`#[sse(error)]`). Only with
    /// [`in_band_errors`](super::RequestBuilder::in_band_errors). [`decode`](Self::decode) returns the event. Not
    /// fatal.
    #[must_use]
    pub const fn is_in_band(&self) -> bool {
        matches!(self.0.kind, Kind::InBand)
    }

    /// Whether the request cannot be built or sent: the URL or a header is malformed, the body cannot be serialized,
    /// the client does not support the scheme, the closure of [`request`](super::RequestBuilder::request) returned
    /// an error, or a proxy refused the credentials (407) before it opened a tunnel. The server has received
    /// nothing, or only requests whose redirects the client could not follow.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.0.kind, Kind::Request(_) | Kind::MakeRequest(_))
    }

    /// Whether the service returned no response, for example because the name was not found, the connection was
    /// refused or TLS failed.
    #[must_use]
    pub const fn is_connect(&self) -> bool {
        matches!(self.0.kind, Kind::Connect(_))
    }

    /// Whether the response has a status other than 200 and 204. See [`status`](Self::status), [`head`](Self::head)
    /// and [`body`](Self::body).
    #[must_use]
    pub const fn is_status(&self) -> bool {
        matches!(self.0.kind, Kind::Status)
    }

    /// Whether the content type of the response is not `text/event-stream`. See [`head`](Self::head) and
    /// [`body`](Self::body).
    #[must_use]
    pub const fn is_content_type(&self) -> bool {
        matches!(self.0.kind, Kind::ContentType)
    }

    /// Whether the response is an event stream with a content coding, such as `gzip`, that was not decoded. Clients
    /// do not request one by default. To accept one, put tower-http's `DecompressionLayer` in front of the service,
    /// or enable reqwest's feature for the coding.
    #[must_use]
    pub const fn is_content_encoding(&self) -> bool {
        matches!(self.0.kind, Kind::ContentEncoding)
    }

    /// Whether the connection broke in the middle of the stream.
    #[must_use]
    pub const fn is_body(&self) -> bool {
        matches!(self.0.kind, Kind::Body(_))
    }

    /// Whether a timeout expired: the response did not arrive within
    /// [`response_timeout`](super::RequestBuilder::response_timeout), no data within
    /// [`idle_timeout`](super::RequestBuilder::idle_timeout), or no event within
    /// [`event_timeout`](super::RequestBuilder::event_timeout).
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.0.kind, Kind::ResponseTimeout(_) | Kind::StreamTimeout(_))
    }

    /// Whether the stream ended without a terminal event. Only with
    /// [`require_terminal`](super::RequestBuilder::require_terminal). If it ended within an event,
    /// [`unfinished_event`](Self::unfinished_event) describes that event.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self.0.kind, Kind::Truncated(_))
    }

    /// Whether the source gave up: as many attempts in a row as
    /// [`max_attempts`](super::ReconnectPolicy::max_attempts) allows received no event.
    ///
    /// The [`source`](StdError::source) is the error of the last attempt. [`status`](Self::status),
    /// [`head`](Self::head), [`body`](Self::body) and [`ignored_lines`](Self::ignored_lines) are those of the last
    /// attempt.
    #[must_use]
    pub const fn is_gave_up(&self) -> bool {
        matches!(self.0.kind, Kind::GaveUp { .. })
    }

    /// The event that could not be decoded, is of unknown type, or reports an error.
    #[must_use]
    pub const fn raw_event(&self) -> Option<&RawEvent> {
        self.0.raw_event.as_ref()
    }

    /// The event that was incomplete when a [truncated](Self::is_truncated) stream ended. It was discarded, as the
    /// standard requires; [`lenient_end`](super::RequestBuilder::lenient_end) delivers it.
    #[must_use]
    pub const fn unfinished_event(&self) -> Option<&UnfinishedEvent> {
        match &self.0.kind {
            Kind::Truncated(event) => event.as_ref(),
            _ => None,
        }
    }

    /// The first lines that are neither a field nor a comment, of an event stream without any event. They reveal
    /// JSON or HTML under a wrong content type. Present in the error of a stream that ended, broke or timed out; an
    /// error that [gave up](Self::is_gave_up) has those of the last attempt.
    #[must_use]
    pub fn ignored_lines(&self) -> Option<&IgnoredLines> {
        match &self.0.kind {
            Kind::GaveUp { cause: Some(cause), .. } => cause.ignored_lines(),
            _ => self.0.ignored_lines.as_ref(),
        }
    }

    /// What is wrong with the event: its type, the path in the JSON, and the cause.
    #[must_use]
    pub const fn decode_error(&self) -> Option<&DecodeError> {
        match &self.0.kind {
            Kind::Decode(error) => Some(error),
            _ => None,
        }
    }

    /// Decodes the [raw event](Self::raw_event) as another type. `None` when there is no raw event, or when it is
    /// not a valid event of that type.
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

    /// The status of the response that is not an event stream.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.head().map(|head| head.status)
    }

    /// Status and headers of the response that is not an event stream.
    #[must_use]
    pub fn head(&self) -> Option<&response::Parts> {
        self.response().map(|(head, _)| head)
    }

    /// All values of a header of the response, as messages show them.
    fn header(&self, name: HeaderName) -> Option<String> {
        let values: Vec<_> = self.head()?.headers.get_all(name).into_iter().map(HeaderValue::as_bytes).collect();
        (!values.is_empty()).then(|| String::from_utf8_lossy(&values.join(&b", "[..])).escape_debug().to_string())
    }

    /// The beginning of the body of the response that is not an event stream: what arrived within two seconds, up to
    /// 8 KiB.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.response().map(|(_, body)| body)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_kind(f)?;
        match &self.0.ignored_lines {
            Some(lines) => write!(f, "; it has no event, but {lines}"),
            None => Ok(()),
        }
    }
}

impl Error {
    fn fmt_kind(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Request(cause) | Kind::MakeRequest(cause) => {
                write!(f, "the request cannot be sent: {}", root_cause(&**cause))
            }
            Kind::Connect(cause) => write!(f, "no response: {}", root_cause(&**cause)),
            Kind::Status => match self.status() {
                Some(status) => write!(f, "the response is not an event stream: its status is {status}"),
                None => f.write_str("the response is not an event stream"),
            },
            Kind::ContentType => match self.header(CONTENT_TYPE) {
                Some(content_type) => write!(
                    f,
                    "the response is not an event stream: its content type is `{content_type}`, not `text/event-stream`"
                ),
                None => f.write_str("the response is not an event stream: it has no content type"),
            },
            Kind::ContentEncoding => {
                let coding = self.header(CONTENT_ENCODING).unwrap_or_default();
                write!(
                    f,
                    "the event stream is compressed (`{coding}`): decode it with tower-http's `DecompressionLayer`"
                )
            }
            Kind::Body(cause) => write!(f, "the event stream broke off: {}", root_cause(&**cause)),
            Kind::ResponseTimeout(after) => write!(f, "no response within {after:?}"),
            Kind::StreamTimeout(StreamTimeout::Idle(after)) => {
                write!(f, "the event stream timed out: no data for {after:?}")
            }
            Kind::StreamTimeout(StreamTimeout::Event(after)) => {
                write!(f, "the event stream timed out: no event for {after:?}")
            }
            Kind::Truncated(None) => f.write_str("the event stream ended without its terminal event"),
            Kind::Truncated(Some(event)) => write!(
                f,
                "the event stream ended without its terminal event: the unfinished {event} was discarded \
                 (`lenient_end` delivers it)"
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
                write!(f, "event `{}` has an unknown event type", event_type.escape_debug())
            }
            Kind::InBand => {
                let (event_type, data) = self.raw_event().map_or(("", ""), |event| (event.event_type(), event.data()));
                let shown = data.char_indices().nth(MAX_SHOWN_CHARS).map_or(data, |(end, _)| &data[..end]);
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
const MAX_SHOWN_CHARS: usize = 200;

/// The innermost cause. HTTP clients report "client error", and the actual failure is at the end of the chain.
fn root_cause<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Shows received data without its content, which may be a secret. The message is left out if it contains some of
/// that data.
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
            debug.field("data", &ByteLen(event.data().len()));
        }
        if let Some((head, body)) = self.response() {
            debug.field("response", &ResponseHead(head)).field("body", &ByteLen(body.len()));
        }
        debug.finish()
    }
}

impl Kind {
    const fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "Request",
            Self::MakeRequest(_) => "MakeRequest",
            Self::Connect(_) => "Connect",
            Self::Status => "Status",
            Self::ContentType => "ContentType",
            Self::ContentEncoding => "ContentEncoding",
            Self::Body(_) => "Body",
            Self::ResponseTimeout(_) => "ResponseTimeout",
            Self::StreamTimeout(_) => "StreamTimeout",
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
            Kind::Request(cause) | Kind::MakeRequest(cause) | Kind::Connect(cause) | Kind::Body(cause) => {
                Some(&**cause)
            }
            Kind::GaveUp { cause, .. } => cause.as_ref().map(|cause| cause as &(dyn StdError + 'static)),
            // The message of this error is already that of the cause.
            Kind::Decode(error) => error.source(),
            Kind::TooLarge(error) => error.source(),
            Kind::Status
            | Kind::ContentType
            | Kind::ContentEncoding
            | Kind::ResponseTimeout(_)
            | Kind::StreamTimeout(_)
            | Kind::Truncated(_)
            | Kind::Unknown
            | Kind::InBand => None,
        }
    }
}
