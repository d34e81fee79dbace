/// Why a stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// A [terminal event](crate::EventKind::is_terminal) came: the stream is complete.
    Terminal,
    /// The server answered `204 No Content`: there is nothing to come.
    NoContent,
    /// The body ended, and there is no reconnecting.
    EndOfBody,
    /// It was [closed](super::Handle::close).
    Closed,
    /// The last item was a fatal error.
    Failed,
}
