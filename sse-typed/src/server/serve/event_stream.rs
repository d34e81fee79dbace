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
    chunk::{self, Chunk},
    closing::Closing,
    connection::{OpenConnection, UntilCut},
    hand_off::{Framing, Terms},
    http1::Http1Connection,
    service::{Address, Application},
    unsent::Unsent,
};
use crate::{server::trace, wake::Ticket};

/// How many bytes of the client are kept for the next request before reading stops.
const MAX_RECEIVED: usize = 8 << 10;

/// How many bytes one read takes.
const READ_SIZE: usize = 1 << 10;

/// How many frames are written in one poll.
const FRAMES_PER_POLL: usize = 16;

/// How many bytes of large frames are written together. A client that has stopped reading holds as many.
const MAX_GATHERED: usize = 128 << 10;

/// A connection that sends an event stream without hyper, whose buffers are 16 KiB.
///
/// It writes each frame of the body as a chunk, and reads only to see whether the client is there. What the client sends
/// meanwhile is kept, and hyper gets it with the connection after the stream.
///
/// It is small, because a server has one for each open stream. A task of tokio has a multiple of 128 bytes, of which tokio
/// needs 96, and is aligned to 128 bytes. The rest of the connection is in a box of at most 104 bytes: glibc puts it into the
/// gap that the alignment leaves.
pub(super) struct EventStream<Io, S: Application, A> {
    /// `None` once the stream has ended.
    connection: Option<Box<Connection<Io, S, A>>>,
    /// The slot of the task in the queue of those that wait for the cut.
    ticket: Ticket,
}

/// What an idle stream does not need is in boxes of their own.
struct Connection<Io, S: Application, A> {
    io: Io,
    /// `None` once it has ended.
    body: Option<Pin<Box<S::Body>>>,
    busy: Option<Box<Busy<<S::Body as Body>::Data>>>,
    /// For the next request.
    peer: Box<A>,
    open: OpenConnection<S>,
    framing: Framing,
    is_persistent: bool,
    /// Whether the client has closed its side.
    is_read_closed: bool,
    /// Whether everything that was written is in the kernel.
    is_flushed: bool,
}

/// What an idle stream does not have.
struct Busy<D> {
    /// What the connection has not taken.
    unsent: Option<Unsent<D>>,
    /// The error of the body, which ends the connection once everything before it is written.
    failed: Option<io::Error>,
    /// What the client has sent.
    received: BytesMut,
    /// Set once the end of the body is written, if the connection takes no other request.
    closing: Option<Closing>,
}

impl<D> Default for Busy<D> {
    fn default() -> Self {
        Self { unsent: None, failed: None, received: BytesMut::new(), closing: None }
    }
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
        let connection = Connection {
            io,
            body: Some(body),
            busy: (!received.is_empty()).then(|| Box::new(Busy { received, ..Busy::default() })),
            peer: Box::new(peer),
            open,
            framing,
            is_persistent,
            is_read_closed: false,
            is_flushed: true,
        };
        Self { connection: Some(Box::new(connection)), ticket: Ticket::default() }
    }

    /// Takes the connection, whose task no longer waits for the cut.
    fn take(&mut self) -> Option<Box<Connection<Io, S, A>>> {
        let connection = self.connection.take()?;
        connection.open.deregister_cut(&mut self.ticket);
        Some(connection)
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
        let this = &mut *self;
        let Some(connection) = &mut this.connection else { return Poll::Ready(()) };
        if connection.open.poll_cut(&mut this.ticket, cx).is_ready() {
            drop(this.take());
            return Poll::Ready(());
        }
        let after = ready!(connection.poll(cx));
        let Some(connection) = this.take() else { return Poll::Ready(()) };
        match after {
            Ok(AfterStream::Closed) => {}
            Ok(AfterStream::NextRequest) => connection.serve_next_request(),
            Err(error) => trace::connection_failed(&error),
        }
        Poll::Ready(())
    }
}

impl<Io, S: Application, A> Drop for EventStream<Io, S, A> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<Io, S: Application, A> Unpin for EventStream<Io, S, A> {}

impl<Io, S: Application, A> fmt::Debug for EventStream<Io, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").finish_non_exhaustive()
    }
}

/// What was taken from a body.
enum Taken<D> {
    /// The data of a frame, and whether it is the last one.
    Data(D, bool),
    End,
    /// An empty frame, or an error, which is kept.
    Nothing,
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
        tokio::spawn(UntilCut::new(cut, Http1Connection::new(self.io, received, *self.peer, self.open)));
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
        // Reads may have made bytes to be sent.
        let mut is_flush_due = true;
        let mut frames = 0;
        loop {
            ready!(self.poll_unsent(cx))?;
            // A connection with a buffer of its own sends everything before the next frame.
            if !self.is_flushed {
                ready!(self.poll_flush(cx))?;
                is_flush_due = false;
            }
            if self.body.is_none() {
                let failed = self.busy.as_mut().and_then(|busy| busy.failed.take());
                return Poll::Ready(failed.map_or(Ok(()), Err));
            }
            if frames >= FRAMES_PER_POLL {
                // More may be ready: other tasks run first.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            frames += 1;
            let Poll::Ready(taken) = self.poll_frame(cx) else {
                if is_flush_due {
                    ready!(self.poll_flush(cx))?;
                }
                return Poll::Pending;
            };
            let chunk = match taken {
                Taken::Data(data, is_last) if chunk::is_small(&data) => {
                    self.is_flushed = false;
                    match chunk::write_small(self.framing, data, is_last, &mut self.io, cx)? {
                        // The connection has taken all of it.
                        None => continue,
                        Some(chunk) => chunk,
                    }
                }
                Taken::Data(data, is_last) => Chunk::data(self.framing, data, is_last),
                Taken::End => Chunk::end(self.framing),
                Taken::Nothing => continue,
            };
            ready!(self.poll_write(chunk, &mut frames, cx))?;
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.is_flushed = false;
        ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    /// Takes a frame from the body, which is dropped at its end.
    #[inline]
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Taken<<S::Body as Body>::Data>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Taken::Nothing) };
        let taken = match ready!(body.as_mut().poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                // It would be the last chunk.
                Ok(data) if !data.has_remaining() => Taken::Nothing,
                Ok(data) => {
                    let is_last = body.is_end_stream();
                    if is_last {
                        self.body = None;
                    }
                    Taken::Data(data, is_last)
                }
                // Trailers are the end, and were not announced.
                Err(_) => {
                    self.body = None;
                    Taken::End
                }
            },
            Some(Err(error)) => {
                self.body = None;
                self.busy.get_or_insert_default().failed = Some(io::Error::other(error));
                Taken::Nothing
            }
            None => {
                self.body = None;
                Taken::End
            }
        };
        Poll::Ready(taken)
    }

    /// Writes a chunk. If the connection does not take all of it, the rest is unsent.
    fn poll_write(
        &mut self,
        mut chunk: Chunk<<S::Body as Body>::Data>,
        frames: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.is_flushed = false;
        let is_vectored = self.io.is_write_vectored();
        if chunk.is_small() || is_vectored && !chunk.is_large() {
            let written = chunk.poll_write(&mut self.io, cx);
            if written.is_pending() {
                self.busy.get_or_insert_default().unsent = Some(Unsent::new(chunk));
            }
            return written;
        }
        let mut unsent = if is_vectored { self.gather(chunk, frames, cx) } else { Unsent::Flat(chunk.flatten()) };
        let written = unsent.poll_write(&mut self.io, cx);
        if written.is_pending() {
            self.busy.get_or_insert_default().unsent = Some(unsent);
        }
        written
    }

    /// The large chunk and those that are ready after it. A client that resumes gets them with fewer writes.
    fn gather(
        &mut self,
        chunk: Chunk<<S::Body as Body>::Data>,
        frames: &mut usize,
        cx: &mut Context<'_>,
    ) -> Unsent<<S::Body as Body>::Data> {
        let mut bytes = chunk.remaining();
        let mut unsent = Unsent::new(chunk);
        while bytes < MAX_GATHERED && *frames < FRAMES_PER_POLL && self.body.is_some() {
            *frames += 1;
            let Poll::Ready(taken) = self.poll_frame(cx) else { break };
            let chunk = match taken {
                Taken::Data(data, is_last) => Chunk::data(self.framing, data, is_last),
                Taken::End => Chunk::end(self.framing),
                Taken::Nothing => continue,
            };
            bytes += chunk.remaining();
            unsent.push(chunk);
        }
        unsent
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(busy) = &mut self.busy
            && let Some(unsent) = &mut busy.unsent
        {
            ready!(unsent.poll_write(&mut self.io, cx))?;
            busy.unsent = None;
            if busy.received.is_empty() && busy.failed.is_none() {
                self.busy = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use std::net::SocketAddr;

    use tokio::net::TcpStream;

    use super::{super::tests::Scripted, *};
    use crate::server::ConnectionGuard;

    #[test]
    fn the_task_of_a_stream_and_its_box_are_small() {
        type Io = ConnectionGuard<TcpStream>;
        let task = size_of::<EventStream<Io, Scripted, SocketAddr>>();
        let boxed = size_of::<Connection<Io, Scripted, SocketAddr>>();
        // mio's sockets are larger in debug builds.
        let of_mio = if cfg!(debug_assertions) { 8 } else { 0 };
        assert!(task <= 24 && boxed <= 104 + of_mio, "{task} and {boxed} bytes");
    }
}
