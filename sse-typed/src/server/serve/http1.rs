use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use hyper::server::conn::http1::UpgradeableConnection;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    closing::Closing,
    connection::OpenConnection,
    event_stream::EventStream,
    hand_off::HandOff,
    service::{Address, Application, ConnectionService},
    wire::Wire,
};
use crate::server::{Begun, trace};

/// An HTTP/1 connection in hyper. When it sends an event stream, it spawns the [`EventStream`] and ends.
///
/// It is a named type, because an event stream that ends spawns it again.
pub(super) struct Http1Connection<Io, S, A>
where
    S: Application,
    A: Address,
{
    connection: Option<HyperConnection<Io, S, A>>,
    hand_off: Option<Arc<HandOff<S::Body>>>,
    begun: Begun,
    is_draining: bool,
    /// Set once hyper is done with the connection.
    closing: Option<(Io, Closing, OpenConnection<S>)>,
}

type HyperConnection<Io, S, A> =
    UpgradeableConnection<TokioIo<Wire<Io, S>>, ConnectionService<S, A, <S as Application>::Body>>;

impl<Io, S, A> Http1Connection<Io, S, A>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Application,
    A: Address,
{
    /// A connection of which these bytes were read already.
    pub(super) fn new(io: Io, read: Bytes, peer: A, open: OpenConnection<S>) -> Self {
        let server = open.server();
        let service = server.service();
        let hand_off = server.settings.hand_off.then(|| Arc::new(HandOff::new()));
        let (begun, http) = (server.shutdown.begun(), server.http1.clone());
        let wire = TokioIo::new(Wire::new(io, read, hand_off.clone(), open));
        let service = ConnectionService::new(service, peer, hand_off.clone());
        let connection = Some(http.serve_connection(wire, service).with_upgrades());
        Self { connection, hand_off, begun, is_draining: false, closing: None }
    }

    /// Takes the connection from hyper, which has shut it down. `None` if it was upgraded.
    fn take_closing(&mut self) -> Option<(Io, Closing, OpenConnection<S>)> {
        let parts = self.connection.take()?.into_parts()?;
        let (io, _, open) = parts.io.into_inner().into_parts();
        Some((io, Closing::new(false), open))
    }

    /// Takes the event stream that the connection sends, if everything before it is written.
    fn take_event_stream(&mut self) -> Option<EventStream<Io, S, A>> {
        let (body, terms) = self.hand_off.as_ref()?.take()?;
        let parts = self.connection.take()?.into_parts()?;
        let (io, unread, open) = parts.io.into_inner().into_parts();
        let mut received = BytesMut::new();
        // Copied, because hyper's buffer is larger than what it read.
        received.extend_from_slice(&parts.read_buf);
        received.extend_from_slice(&unread);
        Some(EventStream::new(io, body, terms, received, parts.service.into_peer(), open))
    }
}

impl<Io, S, A> Future for Http1Connection<Io, S, A>
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Application,
    A: Address,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut begins_to_drain = false;
        loop {
            if let Some((io, closing, _)) = &mut this.closing {
                return closing.poll(io, cx).map(drop);
            }
            let Some(connection) = &mut this.connection else { return Poll::Ready(()) };
            // Before the shutdown, because hyper closes a connection whose first request it has not read yet.
            if let Poll::Ready(ended) = Pin::new(&mut *connection).poll(cx) {
                // hyper answers what is no request before it fails.
                let is_answered = ended.as_ref().err().is_none_or(hyper::Error::is_parse);
                if let Err(error) = ended {
                    trace::connection_failed(&error);
                }
                // A shutdown does not wait for idle connections, which end at once.
                if !is_answered || begins_to_drain {
                    return Poll::Ready(());
                }
                this.closing = this.take_closing();
                continue;
            }
            if !this.is_draining && this.begun.poll_at(cx).is_ready() {
                this.is_draining = true;
                begins_to_drain = true;
                Pin::new(connection).graceful_shutdown();
                continue;
            }
            break;
        }
        let Some(stream) = this.take_event_stream() else { return Poll::Pending };
        // In a task of its own, because a task is as large as its largest state.
        tokio::spawn(stream);
        Poll::Ready(())
    }
}

impl<Io, S: Application, A: Address> Unpin for Http1Connection<Io, S, A> {}

impl<Io, S: Application, A: Address> fmt::Debug for Http1Connection<Io, S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http1Connection")
            .field("hand_off", &self.hand_off)
            .field("is_draining", &self.is_draining)
            .finish_non_exhaustive()
    }
}
