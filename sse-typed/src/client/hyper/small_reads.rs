use std::{
    fmt,
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The limit of one read, in bytes. It is one byte less than hyper's first buffer.
const MAX_READ: usize = (8 << 10) - 1;

/// A connection whose reads are small under HTTP/1.
///
/// hyper doubles its read buffer, up to 400 KiB, when a read fills it, and keeps a large buffer as long as the
/// connection. So one burst, such as the history that a server sends to a client that reconnects, would cost an idle
/// stream that memory from then on. Reads that never fill the first buffer keep it at 8 KiB. The copy takes little of
/// the time of a read.
///
/// A connection that negotiated HTTP/2 is left as it is: its buffer does not grow in this way.
pub(super) struct SmallReads<Io> {
    io: TokioIo<Io>,
    is_http2: bool,
}

impl<Io: Connection> SmallReads<Io> {
    /// Wraps the connection, with hyper's traits for the result.
    pub(super) fn new(io: Io) -> TokioIo<Self> {
        let is_http2 = io.connected().is_negotiated_h2();
        TokioIo::new(Self { io: TokioIo::new(io), is_http2 })
    }
}

impl<Io: Connection> Connection for SmallReads<Io> {
    fn connected(&self) -> Connected {
        self.io.inner().connected()
    }
}

impl<Io> AsyncRead for SmallReads<Io>
where
    TokioIo<Io>: AsyncRead + Unpin,
{
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.is_http2 || buf.remaining() <= MAX_READ {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        // Read into memory of its own, because a part of `buf` cannot be lent without `unsafe`.
        let mut bytes = [MaybeUninit::uninit(); MAX_READ];
        let mut read = ReadBuf::uninit(&mut bytes);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        buf.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<Io> AsyncWrite for SmallReads<Io>
where
    TokioIo<Io>: AsyncWrite + Unpin,
{
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl<Io> fmt::Debug for SmallReads<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallReads").field("is_http2", &self.is_http2).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// A peer that has sent more than any read takes.
    struct Burst(Connected);

    impl Connection for Burst {
        fn connected(&self) -> Connected {
            if self.0.is_negotiated_h2() { Connected::new().negotiated_h2() } else { Connected::new() }
        }
    }

    impl AsyncRead for Burst {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            buf.put_slice(&vec![b'-'; buf.remaining()]);
            Poll::Ready(Ok(()))
        }
    }

    fn read(connected: Connected, size: usize) -> usize {
        let mut io = SmallReads::new(TokioIo::new(Burst(connected))).into_inner();
        let mut buffer = vec![0; size];
        let mut buf = ReadBuf::new(&mut buffer);
        let read = Pin::new(&mut io).poll_read(&mut Context::from_waker(Waker::noop()), &mut buf);
        assert!(matches!(read, Poll::Ready(Ok(()))));
        assert!(buf.filled().iter().all(|byte| *byte == b'-'));
        buf.filled().len()
    }

    #[test]
    fn no_read_of_http_1_fills_the_first_buffer_of_hyper() {
        for (size, expected) in [(1, 1), (8_191, 8_191), (8_192, 8_191), (400 << 10, 8_191)] {
            assert_eq!(read(Connected::new(), size), expected, "{size} bytes");
        }
        assert_eq!(read(Connected::new().negotiated_h2(), 64 << 10), 64 << 10);
    }
}
