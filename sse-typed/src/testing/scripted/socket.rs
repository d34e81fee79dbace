use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use http::{Method, Uri, Version, header};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet, coop::unconstrained},
    time::{Instant, sleep},
};

use super::{
    Answer, RecordedRequest, ScriptedServer,
    answer::{Head, Step},
    control::Attached,
};
use crate::testing::{
    collect::Expect,
    http1::{self, BodyDecoder, Part},
};

/// A [`ScriptedServer`] on a socket of the loopback interface. Dropping it closes the socket and all connections.
pub struct ListeningServer {
    server: ScriptedServer,
    address: SocketAddr,
    task: AbortHandle,
}

impl ScriptedServer {
    /// Serves the script over HTTP/1.1 on a free port of `127.0.0.1`, with one request for each connection. It spawns tasks on
    /// the current runtime. A client that closes its side of the connection gets nothing more. A request of HTTP/1.0 gets a body
    /// that ends with the connection. A request that cannot be read gets `400 Bad Request` with the reason, and is not recorded.
    ///
    /// # Panics
    ///
    /// When there is no free port, and outside a tokio runtime with I/O and time enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use sse_typed::{RawEvent, testing::{Answer, ScriptedServer}};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = ScriptedServer::new([Answer::stream().event(&RawEvent::new("tick", "1")).break_off()]).listen().await;
    ///
    /// // Any HTTP client will do, in any language.
    /// let mut socket = tokio::net::TcpStream::connect(server.address()).await?;
    /// socket.write_all(b"GET /ticks HTTP/1.1\r\nhost: x\r\nlast-event-id: 7\r\n\r\n").await?;
    /// let mut text = String::new();
    /// socket.read_to_string(&mut text).await?;
    /// assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("event: tick\ndata: 1\n\n\r\n"));
    /// assert_eq!(server.requests()[0].last_event_id(), "7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen(&self) -> Expect<'static, ListeningServer> {
        let server = self.clone();
        Expect::new(async move { server.bind().await.map_err(|error| format!("the server cannot listen: {error}")) })
    }

    async fn bind(&self) -> io::Result<ListeningServer> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = self.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                // A connection that fails before it is accepted is not the end of the server.
                let Ok((socket, _)) = listener.accept().await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                while connections.try_join_next().is_some() {}
                let server = server.clone();
                // A client may disconnect at any time.
                connections.spawn(async move { drop(serve(socket, &server, TcpStream::set_zero_linger).await) });
            }
        });
        Ok(ListeningServer { server: self.clone(), address, task: task.abort_handle() })
    }

    /// Serves one request of HTTP/1.1 over any connection, such as a [`tokio::io::duplex`] or a TLS stream. A reset only drops the
    /// connection.
    ///
    /// # Errors
    ///
    /// When the connection fails, or the request is not HTTP/1.1.
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes the connection.
    pub async fn serve_connection(&self, io: impl AsyncRead + AsyncWrite + Unpin + Send) -> io::Result<()> {
        serve(io, self, |_| Ok(())).await
    }
}

impl ListeningServer {
    /// The address of the socket.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL on this server.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{}", self.address, path.strip_prefix('/').unwrap_or(path))
    }

    /// The server, with its records.
    #[must_use]
    pub const fn server(&self) -> &ScriptedServer {
        &self.server
    }

    /// The requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.requests()
    }

    /// Waits until there are as many requests: see [`ScriptedServer::wait_for_requests`].
    ///
    /// # Panics
    ///
    /// When awaited, if there are fewer requests after 30 s.
    pub fn wait_for_requests(&self, n: usize) -> Expect<'static, Vec<RecordedRequest>> {
        self.server.wait_for_requests(n)
    }
}

impl Drop for ListeningServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for ListeningServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListeningServer")
            .field("address", &self.address)
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

async fn serve<IO>(mut io: IO, server: &ScriptedServer, reset: impl Fn(&IO) -> io::Result<()>) -> io::Result<()>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let (request, version) = match read_request(&mut io).await {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(()),
        Err(error) => {
            refuse(&mut io, &error).await?;
            return Err(error);
        }
    };
    let is_head = request.method == Method::HEAD;
    let Answer { head, mut steps } = server.answer(request);
    let _attached = Attached::to(&steps);
    let framing = match head {
        Head::Response { status, headers } => {
            let may_have_body = http1::has_body(status);
            let is_chunked =
                may_have_body && version == Version::HTTP_11 && !headers.contains_key(header::CONTENT_LENGTH);
            let reason = status.canonical_reason().unwrap_or("Scripted");
            let mut text = format!("HTTP/1.1 {} {reason}\r\nconnection: close\r\n", status.as_u16()).into_bytes();
            if is_chunked {
                text.extend_from_slice(b"transfer-encoding: chunked\r\n");
            }
            for (name, value) in &headers {
                for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                    text.extend_from_slice(part);
                }
            }
            text.extend_from_slice(b"\r\n");
            io.write_all(&text).await?;
            match (may_have_body && !is_head, is_chunked) {
                (false, _) => Framing::NoBody,
                (true, true) => Framing::Chunked,
                (true, false) => Framing::Raw,
            }
        }
        Head::Raw(bytes) => {
            io.write_all(&bytes).await?;
            Framing::Raw
        }
        Head::Never => return until_closed(&mut io).await,
        Head::Close => return io.shutdown().await,
        Head::Reset => return reset(&io),
    };
    io.flush().await?;
    while let Some(step) = steps.pop_front() {
        match step {
            Step::Send(bytes) if bytes.is_empty() => {}
            Step::Send(bytes) => match framing {
                Framing::NoBody => {}
                Framing::Raw => io.write_all(&bytes).await?,
                Framing::Chunked => {
                    let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat();
                    io.write_all(&chunk).await?;
                }
            },
            Step::Controlled(controlled) => {
                let next = poll_fn(|cx| match controlled.poll_next(cx) {
                    Poll::Ready(next) => Poll::Ready(Ok(next)),
                    Poll::Pending => poll_closed(Pin::new(&mut io), cx).map(Err),
                });
                let Ok(next) = next.await else { return Ok(()) };
                if let Some(step) = next {
                    steps.push_front(Step::Controlled(controlled));
                    steps.push_front(step);
                }
            }
            Step::Wait(time) => {
                let mut sleep = pin!(unconstrained(sleep(time)));
                let is_closed = poll_fn(|cx| match sleep.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(false),
                    Poll::Pending => poll_closed(Pin::new(&mut io), cx).map(|()| true),
                });
                if is_closed.await {
                    return Ok(());
                }
            }
            Step::Stall => return until_closed(&mut io).await,
            Step::BreakOff => return io.shutdown().await,
            Step::Reset => return reset(&io),
        }
        io.flush().await?;
    }
    if let Framing::Chunked = framing {
        io.write_all(b"0\r\n\r\n").await?;
    }
    io.shutdown().await
}

/// How the bytes of an answer are sent.
#[derive(Clone, Copy, Debug)]
enum Framing {
    NoBody,
    Chunked,
    Raw,
}

/// Says why a request cannot be read. A connection that has failed gets nothing.
async fn refuse(io: &mut (impl AsyncWrite + Unpin), error: &io::Error) -> io::Result<()> {
    if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::Other) {
        return Ok(());
    }
    let reason = error.to_string();
    let length = reason.len();
    let head = format!("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    io.write_all(head.as_bytes()).await?;
    io.write_all(reason.as_bytes()).await?;
    io.shutdown().await
}

async fn until_closed(io: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    poll_fn(|cx| poll_closed(Pin::new(io), cx)).await;
    Ok(())
}

/// Waits until the client has closed or lost its connection. What it sends is dropped.
fn poll_closed(mut io: Pin<&mut impl AsyncRead>, cx: &mut Context<'_>) -> Poll<()> {
    let mut more = [0; 256];
    loop {
        let mut more = ReadBuf::new(&mut more);
        match ready!(io.as_mut().poll_read(cx, &mut more)) {
            Ok(()) if !more.filled().is_empty() => {}
            _ => return Poll::Ready(()),
        }
    }
}

async fn read_request(
    io: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<Option<(RecordedRequest, Version)>> {
    let Some((first, headers)) = http1::read_head(io).await? else { return Ok(None) };
    let mut words = first.split(' ');
    let method = words.next().and_then(|word| Method::from_bytes(word.as_bytes()).ok());
    let uri = words.next().and_then(|word| word.parse::<Uri>().ok());
    let version = match (words.next(), words.next()) {
        (Some("HTTP/1.1"), None) => Some(Version::HTTP_11),
        (Some("HTTP/1.0"), None) => Some(Version::HTTP_10),
        _ => None,
    };
    let (Some(method), Some(uri), Some(version)) = (method, uri, version) else {
        return Err(http1::invalid("no request line of HTTP/1.1"));
    };
    let at = Instant::now();
    if headers.get(header::EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        io.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        io.flush().await?;
    }
    let mut buffer = BytesMut::new();
    let mut body = BytesMut::new();
    if let Some(mut decoder) = BodyDecoder::of(&headers)? {
        loop {
            match decoder.decode(&mut buffer)? {
                Part::Data(bytes) => body.extend_from_slice(&bytes),
                Part::End => break,
                Part::NeedsMore if io.read_buf(&mut buffer).await? == 0 => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Part::NeedsMore => {}
            }
        }
    }
    Ok(Some((RecordedRequest { at, method, uri, headers, body: body.freeze() }, version)))
}
