/// Why a stream or a source has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// It received a [terminal event](crate::EventKind::is_terminal): the stream is complete.
    Terminal,
    /// The server responded with `204 No Content`: it has nothing more to send.
    NoContent,
    /// The body ended, and the stream does not reconnect.
    EndOfBody,
    /// A handle [closed](super::Handle::close) the source.
    Closed,
    /// The last item was a fatal error.
    Failed,
}
