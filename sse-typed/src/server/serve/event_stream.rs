use std::{
    fmt,
    future::Future,
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, Bytes, BytesMut};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    chunk::Chunk,
    closing::Closing,
    connection::{OpenConnection, UntilCut},
    hand_off::{Framing, Terms},
    http1::Http1Connection,
    service::{Address, Application},
};
use crate::server::trace;

/// How many bytes of the client are kept for the next request before reading stops.
const MAX_RECEIVED: usize = 8 << 10;

/// How many bytes one read takes.
const READ_SIZE: usize = 1 << 10;

/// How many frames are written in one poll.
const FRAMES_PER_POLL: usize = 16;

/// A connection that sends an event stream without hyper, whose buffers are 16 KiB.
///
/// It writes each frame of the body as a chunk, and reads only to see whether the client is there. What the client sends
/// meanwhile is kept, and hyper gets it with the connection after the stream.
pub(super) struct EventStream<Io, S: Application, A>(Option<Connection<Io, S, A>>);

/// It is small, because a server has one for each open stream: what an idle stream does not need is boxed.
struct Connection<Io, S: Application, A> {
    io: Io,
    /// `None` once it has ended.
    body: Option<Pin<Box<S::Body>>>,
    busy: Option<Box<Busy<<S::Body as Body>::Data>>>,
    peer: A,
    open: OpenConnection<S>,
    framing: Framing,
    is_persistent: bool,
    /// Whether the client has closed its side.
    is_read_closed: bool,
}

/// What an idle stream does not have.
struct Busy<D> {
    /// The rest of a frame that the connection has not taken.
    unsent: Option<Unsent<D>>,
    /// What the client has sent.
    received: BytesMut,
    /// Set once the end of the body is written, if the connection takes no other request.
    closing: Option<Closing>,
}

impl<D> Default for Busy<D> {
    fn default() -> Self {
        Self { unsent: None, received: BytesMut::new(), closing: None }
    }
}

enum Unsent<D> {
    Slices(Chunk<D>),
    Flat(Chunk<Bytes>),
}

impl<Io, S, A> EventStream<Io, S, A>
where
    S: Application,
{
    pub(super) fn new(
        io: Io,
        body: Pin<Box<S::Body>>,
        Terms { framing, is_persistent, .. }: Terms,
        received: BytesMut,
        peer: A,
        open: OpenConnection<S>,
    ) -> Self {
        Self(Some(Connection {
            io,
            body: Some(body),
            busy: (!received.is_empty()).then(|| Box::new(Busy { received, ..Busy::default() })),
            peer,
            open,
            framing,
            is_persistent,
            is_read_closed: false,
        }))
    }
}

impl<Io, S, A> Future for EventStream<Io, S, A>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Application,
    A: Address,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(connection) = &mut self.0 else { return Poll::Ready(()) };
        if connection.open.poll_cut(cx).is_ready() {
            self.0 = None;
            return Poll::Ready(());
        }
        let after = ready!(connection.poll(cx));
        let Some(connection) = self.0.take() else { return Poll::Ready(()) };
        match after {
            Ok(AfterStream::Closed) => {}
            Ok(AfterStream::NextRequest) => connection.serve_next_request(),
            Err(error) => trace::connection_failed(&error),
        }
        Poll::Ready(())
    }
}

impl<Io, S: Application, A> Unpin for EventStream<Io, S, A> {}

impl<Io, S: Application, A> fmt::Debug for EventStream<Io, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

enum AfterStream {
    Closed,
    NextRequest,
}

impl<Io, S, A> Connection<Io, S, A>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Application,
    A: Address,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<AfterStream>> {
        let is_closing = self.busy.as_ref().is_some_and(|busy| busy.closing.is_some());
        if !is_closing {
            self.poll_read(cx)?;
            ready!(self.poll_stream(cx))?;
            if self.is_persistent && self.may_have_next_request() && !self.open.is_shutting_down() {
                return Poll::Ready(Ok(AfterStream::NextRequest));
            }
        }
        let is_read_closed = self.is_read_closed;
        let closing = self.busy.get_or_insert_default().closing.get_or_insert_with(|| Closing::new(is_read_closed));
        closing.poll(&mut self.io, cx).map_ok(|()| AfterStream::Closed)
    }

    /// Whether the client has sent more, or may send more.
    fn may_have_next_request(&self) -> bool {
        !self.is_read_closed || self.busy.as_ref().is_some_and(|busy| !busy.received.is_empty())
    }

    /// Gives the connection back to hyper, with what the client has sent meanwhile.
    fn serve_next_request(self) {
        let received = self.busy.map_or_else(Bytes::new, |busy| busy.received.freeze());
        let cut = self.open.cut();
        tokio::spawn(UntilCut::new(cut, Http1Connection::new(self.io, received, self.peer, self.open)));
    }

    /// Reads what the client has sent. An error if the connection is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while !self.is_read_closed {
            let received = self.busy.as_ref().map_or(0, |busy| busy.received.len());
            let unread = MAX_RECEIVED.saturating_sub(received).min(READ_SIZE);
            if unread == 0 {
                break;
            }
            let mut buffer = [MaybeUninit::uninit(); READ_SIZE];
            let mut buffer = ReadBuf::uninit(&mut buffer[..unread]);
            let Poll::Ready(read) = Pin::new(&mut self.io).poll_read(cx, &mut buffer) else { break };
            read?;
            if buffer.filled().is_empty() {
                if !self.open.server().settings.half_close {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.is_read_closed = true;
            } else {
                self.busy.get_or_insert_default().received.extend_from_slice(buffer.filled());
            }
        }
        Ok(())
    }

    /// Writes what is unsent, and takes frames from the body until it is pending. Ready when its end is written.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        for _ in 0..FRAMES_PER_POLL {
            ready!(self.poll_unsent(cx))?;
            // A connection with a buffer of its own sends everything before the next frame. Reads may have made bytes to
            // be sent, too.
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
            let chunk = match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    // It would be the last chunk.
                    Ok(data) if !data.has_remaining() => continue,
                    Ok(data) => {
                        let is_last = body.is_end_stream();
                        if is_last {
                            self.body = None;
                        }
                        Chunk::data(self.framing, data, is_last)
                    }
                    // Trailers are the end, and were not announced.
                    Err(_) => {
                        self.body = None;
                        Chunk::end(self.framing)
                    }
                },
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => {
                    self.body = None;
                    Chunk::end(self.framing)
                }
            };
            ready!(self.poll_write(chunk, cx))?;
        }
        // More may be ready: other tasks run first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes a chunk. If the connection does not take all of it, the rest is unsent.
    fn poll_write(&mut self, chunk: Chunk<<S::Body as Body>::Data>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unsent = if self.io.is_write_vectored() || chunk.is_small() {
            Unsent::Slices(chunk)
        } else {
            Unsent::Flat(chunk.flatten())
        };
        let written = unsent.poll_write(&mut self.io, cx);
        if written.is_pending() {
            self.busy.get_or_insert_default().unsent = Some(unsent);
        }
        written
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(busy) = &mut self.busy
            && let Some(unsent) = &mut busy.unsent
        {
            ready!(unsent.poll_write(&mut self.io, cx))?;
            busy.unsent = None;
            if busy.received.is_empty() {
                self.busy = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<D: bytes::Buf> Unsent<D> {
    fn poll_write<Io: AsyncWrite + Unpin>(&mut self, io: &mut Io, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Slices(chunk) => chunk.poll_write(io, cx),
            Self::Flat(chunk) => chunk.poll_write(io, cx),
        }
    }
}
