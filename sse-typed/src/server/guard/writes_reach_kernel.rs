use std::{ops::DerefMut, pin::Pin};

use tokio::{io::DuplexStream, net::TcpStream};

use super::ConnectionGuard;

/// A connection whose writes reach the kernel at once or are pending, so that a [`ConnectionGuard`] can time them.
///
/// The write timeout runs while a write is pending. A wrapper with a buffer of its own, such as TLS, accepts writes
/// even after the client has stopped reading: each keep-alive goes into the buffer and looks like progress. A pending
/// flush does not show that the client has stopped reading: the buffer of a client that reads slowly is never empty, so
/// its flush stays pending, too. So the guard belongs on the socket, below TLS.
///
/// The trait is implemented for tokio's sockets, for its in-memory [`DuplexStream`], and for the guard itself. Implement it
/// for a wrapper of your own if that buffers no writes.
///
/// ```
/// use std::{io, pin::Pin, task::{Context, Poll}};
///
/// use sse_typed::server::{ConnectionGuard, WritesReachKernel};
/// use tokio::{io::{AsyncWrite, DuplexStream}, net::TcpStream};
///
/// /// Counts bytes, and passes each write on.
/// struct Counted<Io> {
///     io: Io,
///     written: u64,
/// }
///
/// impl<Io: AsyncWrite + Unpin> AsyncWrite for Counted<Io> {
///     fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
///         let written = Pin::new(&mut self.io).poll_write(cx, buf);
///         if let Poll::Ready(Ok(count)) = written {
///             self.written += count as u64;
///         }
///         written
///     }
///
///     fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.io).poll_flush(cx)
///     }
///
///     fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Pin::new(&mut self.io).poll_shutdown(cx)
///     }
/// }
///
/// impl<Io: WritesReachKernel> WritesReachKernel for Counted<Io> {}
///
/// fn guard(io: TcpStream) -> ConnectionGuard<Counted<TcpStream>> {
///     ConnectionGuard::new(Counted { io, written: 0 })
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`ConnectionGuard` cannot see through `{Self}` whether the client still reads",
    label = "may buffer writes",
    note = "guard the socket below TLS: `acceptor.accept(ConnectionGuard::new(socket))`, or a TLS listener over a `GuardedListener`",
    note = "a wrapper that buffers no writes may implement `WritesReachKernel`"
)]
pub trait WritesReachKernel {}

impl WritesReachKernel for TcpStream {}

// Keeps the compiler's list of implementations the same on all systems.
#[cfg(unix)]
#[diagnostic::do_not_recommend]
impl WritesReachKernel for tokio::net::UnixStream {}

/// Its writes do not reach a kernel, but it has no buffer besides that of the pipe.
impl WritesReachKernel for DuplexStream {}

impl<Io: WritesReachKernel> WritesReachKernel for ConnectionGuard<Io> {}

impl<Io: WritesReachKernel + ?Sized> WritesReachKernel for Box<Io> {}

impl<Io: WritesReachKernel + ?Sized> WritesReachKernel for &mut Io {}

impl<P> WritesReachKernel for Pin<P> where P: DerefMut<Target: WritesReachKernel> {}
