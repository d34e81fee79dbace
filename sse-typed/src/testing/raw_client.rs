use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode, Uri,
    header::{HOST, TRANSFER_ENCODING},
};
use http_body::{Body, Frame};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    task::coop::{Unconstrained, unconstrained},
    time::{Sleep, sleep, timeout},
};

use super::{
    collect::{Collect, Expect},
    http1::{self, BodyDecoder, Part},
};
use crate::codec::DecodeEvent;

const LIMIT: Duration = Duration::from_secs(30);

/// More interim responses than this are not read.
const MOST_INTERIM: usize = 100;

/// How much is read at once.
const READ: usize = 8 << 10;

/// A client for tests of servers, which stops reading, vanishes, or reads one byte a second.
///
/// It speaks HTTP/1.1 over any connection: a [`tokio::io::duplex`], which lets a server's clocks run on paused time, or a
/// [`TcpStream`]. It reads nothing before [`read`](Self::read), and then only what the expectations of its [`Collect`] wait for:
///
/// - To stall, keep the `RawClient`, or later its [`Collect`], and do not read.
/// - To vanish without closing the connection, do the same until the end of the test.
/// - To disconnect, drop it. To reset the connection, call [`reset`](Self::reset).
/// - To read slowly, set a [`pace`](Self::pace).
///
/// ```
/// use axum::{Router, routing::get};
/// use futures_util::stream;
/// use hyper_util::{rt::TokioIo, service::TowerToHyperService};
/// use sse_typed::{RawEvent, Sse, testing::RawClient};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let app: Router = Router::new().route("/", get(|| async { Sse::new(stream::iter([RawEvent::new("tick", "1")])) }));
/// let (io, server_io) = tokio::io::duplex(64);
/// let service = TowerToHyperService::new(app);
/// tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server_io), service));
///
/// let client = RawClient::get(io, "/").await; // has sent its request, and reads nothing
/// tokio::time::sleep(Duration::from_secs(3600)).await;
/// let mut events = client.pace(1, Duration::from_secs(1)).read().await;
/// events.expect(RawEvent::new("tick", "1")).await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a client that is dropped closes its connection"]
pub struct RawClient<IO> {
    io: IO,
    pace: Option<(usize, Duration)>,
    /// Whether the request is a HEAD, whose response has no body.
    is_head: bool,
}

impl<IO> RawClient<IO>
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Sends a GET request for a path over a connection.
    ///
    /// # Panics
    ///
    /// When the path is not valid; when awaited, if the request cannot be sent within 30 s.
    #[track_caller]
    pub fn get(io: IO, path: &str) -> Expect<'static, Self> {
        match http::Request::get(path).body(Bytes::new()) {
            Ok(request) => Self::request(io, request),
            Err(error) => panic!("{path:?} is no path: {error}"),
        }
    }

    /// Sends a request over a connection. It gets a `host` if it has none, and a `content-length` if it has a body and no
    /// `transfer-encoding`. The body is sent as it is: with a `transfer-encoding` it has its chunks already.
    ///
    /// ```
    /// # async fn test(io: tokio::net::TcpStream) {
    /// use sse_typed::testing::RawClient;
    ///
    /// let request = http::Request::get("/ride").header("last-event-id", "7").body("").unwrap();
    /// let client = RawClient::request(io, request).await;
    /// # client.reset();
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// When awaited, if the request cannot be sent within 30 s.
    pub fn request<B: Into<Bytes>>(mut io: IO, request: http::Request<B>) -> Expect<'static, Self> {
        let (mut head, body) = request.into_parts();
        let body = body.into();
        Expect::new(async move {
            head.headers.entry(HOST).or_insert(HeaderValue::from_static("test"));
            if !body.is_empty() && !head.headers.contains_key(TRANSFER_ENCODING) {
                head.headers.insert("content-length", body.len().into());
            }
            let mut bytes = request_line(&head.method, &head.uri).into_bytes();
            for (name, value) in &head.headers {
                push_header(&mut bytes, name, value);
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&body);
            let send = async {
                io.write_all(&bytes).await?;
                io.flush().await
            };
            match timeout(LIMIT, send).await {
                Ok(Ok(())) => Ok(Self { io, pace: None, is_head: head.method == Method::HEAD }),
                Ok(Err(error)) => Err(format!("the request cannot be sent: {error}")),
                Err(_) => Err(format!("the request is not taken within {LIMIT:?}")),
            }
        })
    }

    /// Sets how fast the body of the response is read: at most `bytes` of the connection after each `every`. By default it is
    /// read as fast as it comes. The head is always read at once.
    ///
    /// # Panics
    ///
    /// When the number of bytes is 0.
    #[track_caller]
    pub const fn pace(mut self, bytes: usize, every: Duration) -> Self {
        assert!(bytes > 0, "a client that reads nothing is one that is not read");
        self.pace = Some((bytes, every));
        self
    }

    /// Reads the head of the response, and gives its events as they are expected. Interim responses (1xx) are skipped.
    ///
    /// # Panics
    ///
    /// When awaited, if no response comes within 30 s, or it is not HTTP/1.1.
    pub fn read<E: DecodeEvent>(mut self) -> Expect<'static, Collect<E>> {
        Expect::new(async move {
            let head = match timeout(LIMIT, read_final_head(&mut self.io)).await {
                Ok(Ok(Some(head))) => head,
                Ok(Ok(None)) => return Err("the connection was closed before a response".to_owned()),
                Ok(Err(error)) => return Err(format!("the response cannot be read: {error}")),
                Err(_) => return Err(format!("no response within {LIMIT:?}")),
            };
            self.response(head).map(Collect::response)
        })
    }

    fn response(self, head: (String, http::HeaderMap)) -> Result<Response<RawBody<IO>>, String> {
        let (first, headers) = head;
        let status = status_of(&first).ok_or_else(|| format!("{first:?} is no status line of HTTP/1.1"))?;
        let decoder = match self.is_head || !http1::has_body(status) {
            true => BodyDecoder::Length(0),
            false => BodyDecoder::of(&headers).map_err(|error| error.to_string())?.unwrap_or(BodyDecoder::ToTheEnd),
        };
        let body = RawBody { io: self.io, pace: self.pace, sleep: None, buffer: BytesMut::new(), decoder };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

impl RawClient<TcpStream> {
    /// Resets the connection (RST).
    ///
    /// # Panics
    ///
    /// When the socket refuses.
    #[track_caller]
    pub fn reset(self) {
        if let Err(error) = self.io.set_zero_linger() {
            panic!("the connection cannot be reset: {error}");
        }
    }
}

async fn read_final_head(io: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(String, http::HeaderMap)>> {
    for _ in 0..MOST_INTERIM {
        let head = http1::read_head(io).await?;
        let status = head.as_ref().and_then(|(first, _)| status_of(first));
        // After it the connection has another protocol.
        if !status.is_some_and(|status| status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS) {
            return Ok(head);
        }
    }
    Err(http1::invalid("there are too many interim responses"))
}

fn status_of(line: &str) -> Option<StatusCode> {
    let status = line.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    StatusCode::from_bytes(status.as_bytes()).ok()
}

fn request_line(method: &Method, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    format!("{method} {path} HTTP/1.1\r\n")
}

fn push_header(bytes: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
        bytes.extend_from_slice(part);
    }
}

impl<IO> fmt::Debug for RawClient<IO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawClient").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// The body of a response, read from its connection.
struct RawBody<IO> {
    io: IO,
    pace: Option<(usize, Duration)>,
    /// Until the next bytes are read.
    sleep: Option<Pin<Box<Unconstrained<Sleep>>>>,
    buffer: BytesMut,
    decoder: BodyDecoder,
}

impl<IO: AsyncRead + Unpin> RawBody<IO> {
    /// Reads into the buffer: how much, 0 at the end of the connection.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let most = match self.pace {
            Some((bytes, every)) => {
                let sleep = self.sleep.get_or_insert_with(|| Box::pin(unconstrained(sleep(every))));
                ready!(sleep.as_mut().poll(cx));
                bytes.min(READ)
            }
            None => READ,
        };
        let mut bytes = [0; READ];
        let mut read = ReadBuf::new(&mut bytes[..most]);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut read))?;
        self.sleep = None;
        self.buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }
}

impl<IO: AsyncRead + Unpin> Body for RawBody<IO> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            return Poll::Ready(match this.decoder.decode(&mut this.buffer) {
                Ok(Part::Data(bytes)) => Some(Ok(Frame::data(bytes))),
                Ok(Part::End) => None,
                Ok(Part::NeedsMore) => match ready!(this.poll_read(cx)) {
                    Ok(0) if matches!(this.decoder, BodyDecoder::ToTheEnd) => None,
                    Ok(0) => Some(Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the connection was closed before the end of the body",
                    ))),
                    Ok(_) => continue,
                    Err(error) => Some(Err(error)),
                },
                Err(error) => Some(Err(error)),
            });
        }
    }
}
