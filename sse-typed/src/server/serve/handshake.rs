use std::{
    future::{Future, Ready, ready},
    io,
};

use tokio::io::{AsyncRead, AsyncWrite};

/// What a [`Server`](super::Server) does with a socket before it speaks HTTP: nothing ([`NoTls`]), or the TLS handshake of
/// the closure that was given to [`Server::tls`](super::Server::tls).
///
/// It is implemented for every closure that takes a socket and returns a future of the connection.
pub trait Handshake<Socket>: Clone + Send + 'static {
    /// The connection that speaks HTTP.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The future of the connection.
    type Future: Future<Output = io::Result<Self::Io>> + Send + 'static;

    /// Makes the handshake. The future runs in the task of the connection.
    fn handshake(&self, socket: Socket) -> Self::Future;
}

impl<Socket, F, Fut, Io> Handshake<Socket> for F
where
    F: Fn(Socket) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = io::Result<Io>> + Send + 'static,
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Io = Io;
    type Future = Fut;

    fn handshake(&self, socket: Socket) -> Fut {
        self(socket)
    }
}

/// HTTP on the socket itself: the default of a [`Server`](super::Server).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct NoTls;

impl<Socket> Handshake<Socket> for NoTls
where
    Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Io = Socket;
    type Future = Ready<io::Result<Socket>>;

    fn handshake(&self, socket: Socket) -> Self::Future {
        ready(Ok(socket))
    }
}
