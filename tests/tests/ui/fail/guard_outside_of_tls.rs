use std::time::Duration;

use sse_typed::server::{ConnectionGuard, GuardedListener};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

struct TlsListener(TcpListener, TlsAcceptor);

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            if let Ok((socket, address)) = self.0.accept().await
                && let Ok(tls) = self.1.accept(socket).await
            {
                return (tls, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

async fn outside(acceptor: TlsAcceptor, socket: TcpStream) {
    let tls = acceptor.accept(socket).await.unwrap();
    ConnectionGuard::new(tls).write_timeout(Duration::from_secs(30));
}

fn listener(listener: TlsListener) {
    GuardedListener::new(listener);
}

fn main() {}
