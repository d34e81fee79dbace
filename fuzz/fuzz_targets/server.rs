//! A client sends a server any bytes, in any pieces, through a pipe of any size.
//!
//! The bytes that it receives are the same with and without hand-off, the server ends, and it drops every body.
#![no_main]

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use sse_typed::server::{Drain, Listener, RequestBody, Server, Shutdown};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split},
    runtime::Builder,
    sync::mpsc,
    time::timeout,
};
use tower::service_fn;

#[derive(Debug, Arbitrary)]
struct Input {
    body: Vec<Step>,
    client: Vec<Part>,
    /// The sizes of the client's writes.
    writes: Vec<u16>,
    pipe: u16,
}

/// What the body does in one poll.
#[derive(Clone, Debug, Arbitrary)]
enum Step {
    Frame(Vec<u8>),
    Long(u16),
    /// Pending, and woken at once.
    Yield,
}

#[derive(Debug, Arbitrary)]
enum Part {
    Request(u8),
    Bytes(Vec<u8>),
    /// This many bytes of a line that never ends.
    Flood(u16),
}

const REQUESTS: [&str; 10] = [
    "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    "GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
    "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\nhello",
    "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/// Counts those that were dropped.
struct Scripted {
    steps: VecDeque<Step>,
    dropped: Arc<AtomicUsize>,
}

impl Body for Scripted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match self.steps.pop_front() {
            None => return Poll::Ready(None),
            Some(Step::Yield) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Frame(data)) => data.into(),
            Some(Step::Long(length)) => vec![b'a'; usize::from(length)].into(),
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

struct Pipes(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = ();

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(DuplexStream, ())>> {
        match ready!(self.0.poll_recv(cx)) {
            Some(pipe) => Poll::Ready(Ok((pipe, ()))),
            None => Poll::Pending,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// What the client receives until the server is silent or closes the connection.
fn received(input: &Input, requests: &[u8], hand_off: bool) -> Vec<u8> {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let (made, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (Arc::clone(&made), Arc::clone(&dropped));
        let steps: VecDeque<Step> = input.body.iter().cloned().collect();
        let service = service_fn(move |request: Request<RequestBody>| {
            let ((made, dropped), steps) = (counters.clone(), steps.clone());
            async move {
                request.into_body().collect().await?;
                made.fetch_add(1, Ordering::Relaxed);
                let response = Response::builder().header("content-type", "text/event-stream");
                Ok::<_, hyper::Error>(response.body(Scripted { steps, dropped }).expect("a response"))
            }
        });
        let (dial, accepted) = mpsc::unbounded_channel();
        let shutdown = Shutdown::new();
        let server = Server::new(Pipes(accepted)).hand_off(hand_off);
        let server = tokio::spawn(server.shutdown(&shutdown, Drain::Now, Duration::from_secs(3)).serve(service));
        let (client, pipe) = duplex(usize::from(input.pipe) + 16);
        assert!(dial.send(pipe).is_ok(), "the server listens");

        let (mut read, mut write) = split(client);
        let mut unsent = requests.to_vec();
        let sizes: Vec<usize> = input.writes.iter().map(|size| usize::from(*size) + 1).collect();
        let writer = tokio::spawn(async move {
            let mut sizes = sizes.into_iter();
            while !unsent.is_empty() {
                let size = sizes.next().unwrap_or(usize::MAX).min(unsent.len());
                // The server may close a connection with unread requests.
                if write.write_all(&unsent[..size]).await.is_err() {
                    break;
                }
                unsent.drain(..size);
                tokio::task::yield_now().await;
            }
            // An end of the requests would end the stream.
            std::future::pending::<()>().await;
        });
        let (mut received, mut buffer) = (Vec::new(), [0; 1024]);
        while let Ok(Ok(count)) = timeout(Duration::from_secs(20), read.read(&mut buffer)).await {
            if count == 0 {
                break;
            }
            received.extend_from_slice(&buffer[..count]);
        }
        writer.abort();
        drop(read);
        shutdown.begin();
        timeout(Duration::from_secs(60), server).await.expect("the server ends").expect("no panic");
        assert_eq!(made.load(Ordering::Relaxed), dropped.load(Ordering::Relaxed), "each body is dropped");
        received
    })
}

fn without_dates(bytes: &[u8]) -> Vec<u8> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !line.starts_with(b"date: "))
        .collect::<Vec<_>>()
        .concat()
}

fuzz_target!(|input: Input| {
    let mut requests = Vec::new();
    for part in &input.client {
        match part {
            Part::Request(which) => requests.extend(REQUESTS[usize::from(*which) % REQUESTS.len()].as_bytes()),
            Part::Bytes(bytes) => requests.extend(bytes),
            Part::Flood(length) => requests.resize(requests.len() + usize::from(*length), b'a'),
        }
    }
    let handed_off = received(&input, &requests, true);
    let by_hyper = received(&input, &requests, false);
    let (handed_off, by_hyper) = (without_dates(&handed_off), without_dates(&by_hyper));
    assert_eq!(String::from_utf8_lossy(&handed_off), String::from_utf8_lossy(&by_hyper));
});
