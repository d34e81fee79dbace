//! HTTP over the network of the simulation.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::HOST};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use sse_typed::server::{Listener, WritesReachKernel};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::mpsc,
};
use tower::Service;
use turmoil::net::{TcpListener, TcpStream};

use crate::world::World;

const PORT: u16 = 80;

/// The name of a server's machine.
pub(crate) fn server_name(number: usize) -> String {
    format!("server-{number}")
}

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A listener of the simulation.
pub(crate) struct SimListener(mpsc::UnboundedReceiver<(TcpStream, SocketAddr)>);

/// A socket of the simulation.
pub(crate) struct SimSocket(TcpStream);

impl SimListener {
    pub(crate) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)).await?;
        let (sender, accepted) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            // The server closes the listener by dropping the receiver.
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = sender.closed() => return,
                };
                let Ok(connection) = accepted else { return };
                if sender.send(connection).is_err() {
                    return;
                }
            }
        });
        Ok(Self(accepted))
    }
}

impl Listener for SimListener {
    type Io = SimSocket;
    type Addr = SocketAddr;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(SimSocket, SocketAddr)>> {
        match self.0.poll_recv(cx) {
            Poll::Ready(Some((socket, peer))) => Poll::Ready(Ok((SimSocket(socket), peer))),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok((Ipv4Addr::UNSPECIFIED, PORT).into())
    }
}

impl AsyncRead for SimSocket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for SimSocket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl WritesReachKernel for SimSocket {}

/// Sends each request to one of the servers, like a load balancer.
#[derive(Clone)]
pub(crate) struct Balancer(pub(crate) Arc<World>);

impl Service<Request<Full<Bytes>>> for Balancer {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> Self::Future {
        let world = Arc::clone(&self.0);
        Box::pin(async move {
            let server = world.draw(|rng| rng.usize(..world.plan.servers));
            world.note(format_args!(
                "request {} {} to {server} {:?}",
                request.method(),
                request.uri(),
                request.headers().get("last-event-id")
            ));
            let socket = TcpStream::connect((server_name(server).as_str(), PORT)).await?;
            let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
            tokio::spawn(async move {
                let _ = connection.await;
            });
            let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).parse()?;
            *request.uri_mut() = path;
            request.headers_mut().insert(HOST, HeaderValue::from_static("servers"));
            Ok(sender.send_request(request).await?)
        })
    }
}
