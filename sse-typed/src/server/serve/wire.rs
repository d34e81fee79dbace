use std::{
    cmp, fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{connection::OpenConnection, hand_off::HandOff, service::Application};
use crate::server::Begun;

/// The connection below hyper. It first reads bytes that were read before, and notes when everything is written.
///
/// Reads and writes fail once the connection is cut, because an upgraded connection leaves its task.
pub(super) struct Wire<Io, S: Application> {
    io: Io,
    /// Bytes that were read from the connection and not by hyper.
    prefix: Bytes,
    hand_off: Option<Arc<HandOff<S::Body>>>,
    open: OpenConnection<S>,
    /// Wakes the task that reads.
    read_cut: Begun,
    /// Wakes the task of a write that is pending. The task that reads may be another one.
    write_cut: Option<Begun>,
}

impl<Io, S: Application> Wire<Io, S> {
    pub(super) fn new(io: Io, prefix: Bytes, hand_off: Option<Arc<HandOff<S::Body>>>, open: OpenConnection<S>) -> Self {
        let read_cut = open.cut();
        Self { io, prefix, hand_off, open, read_cut, write_cut: None }
    }

    /// Returns the connection, and the bytes that were not read again.
    pub(super) fn into_parts(self) -> (Io, Bytes, OpenConnection<S>) {
        (self.io, self.prefix, self.open)
    }

    /// Writes by `poll`, or fails once the connection is cut.
    fn poll_write_with<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut Io>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>>
    where
        Io: Unpin,
    {
        if self.open.is_cut() {
            return Poll::Ready(Err(cut()));
        }
        let written = poll(Pin::new(&mut self.io), cx);
        if written.is_ready() {
            self.write_cut = None;
        } else if self.write_cut.get_or_insert_with(|| self.open.cut()).poll_at(cx).is_ready() {
            return Poll::Ready(Err(cut()));
        }
        written
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the connection was open at the deadline of the server's shutdown")
}

impl<Io: AsyncRead + Unpin, S: Application> AsyncRead for Wire<Io, S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.prefix.is_empty() {
            let count = cmp::min(self.prefix.len(), buf.remaining());
            buf.put_slice(&self.prefix[..count]);
            self.prefix.advance(count);
            return Poll::Ready(Ok(()));
        }
        if self.read_cut.poll_at(cx).is_ready() {
            return Poll::Ready(Err(cut()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<Io: AsyncWrite + Unpin, S: Application> AsyncWrite for Wire<Io, S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |io, cx| io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |io, cx| io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.poll_write_with(cx, AsyncWrite::poll_flush);
        if let (Poll::Ready(Ok(())), Some(hand_off)) = (&flushed, &self.hand_off) {
            hand_off.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_with(cx, AsyncWrite::poll_shutdown)
    }
}

impl<Io: fmt::Debug, S: Application> fmt::Debug for Wire<Io, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("io", &self.io).field("prefix", &self.prefix.len()).finish_non_exhaustive()
    }
}
