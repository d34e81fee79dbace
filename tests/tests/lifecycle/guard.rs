//! The timeouts of a guarded connection, without a server.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, routing::get, serve::ListenerExt};
use futures_util::FutureExt;
use http_body_util::BodyExt;
use sse_typed::server::{ConnectionGuard, GuardedListener, PeerAddr, Shutdown, WritesReachKernel};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep},
};

use crate::common::{Version, ask, bind, connect, within_timeout};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn reads_and_writes_that_make_progress_pass_through() {
    let (mut client, server) = duplex(1 << 10);
    let mut server =
        ConnectionGuard::new(server).write_timeout(seconds(1)).shutdown_deadline(&Shutdown::new(), seconds(1));
    let data: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
    let there = async {
        server.write_all(&data).await.unwrap();
        server.shutdown().await.unwrap();
        let mut back = Vec::new();
        server.read_to_end(&mut back).await.unwrap();
        back
    };
    let back = async {
        let mut there = Vec::new();
        client.read_to_end(&mut there).await.unwrap();
        // Time without a pending write does not count.
        sleep(seconds(3600)).await;
        client.write_all(&there).await.unwrap();
        drop(client);
        there
    };
    let (back, there) = tokio::join!(there, back);
    assert!(there == data && back == data);
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_reads_and_writes_of_any_task_fail() {
    let shutdown = Shutdown::new();
    let (client, server) = duplex(64);
    let server = ConnectionGuard::new(server).write_timeout(Duration::MAX).shutdown_deadline(&shutdown, seconds(5));
    let (mut read, mut write) = tokio::io::split(server);
    let reader = tokio::spawn(async move { (read.read_u8().await.unwrap_err().kind(), read) });
    let writer = tokio::spawn(async move { (write.write_all(&[0; 100]).await.unwrap_err().kind(), write) });
    sleep(seconds(1000)).await;
    assert!(!reader.is_finished() && !writer.is_finished());
    let begin = Instant::now();
    shutdown.begin();
    let ends = async { (reader.await.unwrap(), writer.await.unwrap()) };
    let (read, write) = within_timeout("end of both tasks", ends).await;
    assert_eq!((read.0, write.0, begin.elapsed().as_secs()), (ErrorKind::TimedOut, ErrorKind::TimedOut, 5));

    let mut server = read.1.unsplit(write.1);
    drop(client);
    assert_eq!(server.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(server.write_u8(0).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(server.flush().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(server.shutdown().await.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_the_beginning_of_the_shutdown_also_for_later_connections() {
    let shutdown = Shutdown::new();
    shutdown.begin();
    let begin = Instant::now();
    sleep(seconds(3)).await;
    let (_client, server) = duplex(64);
    let mut late = ConnectionGuard::new(server).shutdown_deadline(&shutdown, seconds(5));
    let read = within_timeout("error at the deadline", late.read_u8()).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_maximal_deadline_is_none() {
    let shutdown = Shutdown::new();
    let (mut client, server) = duplex(64);
    let mut server =
        ConnectionGuard::new(server).shutdown_deadline(&shutdown, Duration::MAX).write_timeout(Duration::MAX);
    shutdown.begin();
    server.write_all(&[0; 64]).await.unwrap();
    assert!(tokio::time::timeout(seconds(1 << 30), server.write_u8(1)).await.is_err());
    client.read_u8().await.unwrap();
    server.write_u8(1).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_pending_for_the_timeout_fails_and_so_do_later_operations() {
    let (_client, server) = duplex(64);
    let mut server = ConnectionGuard::new(server);
    server.write_all(&[0; 64]).await.unwrap();
    // An idle connection does not time out.
    sleep(seconds(3600)).await;
    let begin = Instant::now();
    // A flush in between does not restart the timeout: the flush of a socket is always ready.
    let flushing = async |server: &mut ConnectionGuard<_>| {
        for _ in 0..10 {
            let write = tokio::time::timeout(seconds(7), server.write_u8(1)).await;
            match write {
                Ok(written) => return written,
                Err(_) => server.flush().await.unwrap(),
            }
        }
        panic!("the write does not time out")
    };
    assert_eq!(flushing(&mut server).await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed().as_secs(), 30, "the default write timeout");
    let read = within_timeout("error", server.read_u8()).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// A buffering wrapper, which should not be guarded: writes are ready at once and flushes are pending.
struct Buffering;

impl WritesReachKernel for Buffering {}

impl AsyncRead for Buffering {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Buffering {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_or_shutdown_that_is_pending_for_the_timeout_fails_like_a_write() {
    let mut server = ConnectionGuard::new(Buffering).write_timeout(seconds(2));
    server.write_u8(0).await.unwrap();
    let begin = Instant::now();
    assert_eq!(server.flush().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed().as_secs(), 2);

    let mut server = ConnectionGuard::new(Buffering).write_timeout(seconds(2));
    assert_eq!(server.shutdown().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed().as_secs(), 4);
}

/// A wrapper whose writes are ready at once and whose flushes are ready when the channel says so.
struct Flushes(watch::Receiver<bool>);

impl WritesReachKernel for Flushes {}

impl AsyncWrite for Flushes {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = pin!(self.0.wait_for(|done| *done)).poll(cx).is_ready();
        if done { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_flush_is_ready_the_next_one_has_the_full_timeout() {
    let (done, flushes) = watch::channel(false);
    let mut server = ConnectionGuard::new(Flushes(flushes)).write_timeout(seconds(30));
    for _ in 0..3 {
        let begin = Instant::now();
        let flushed = async { (server.flush().await.map_err(|error| error.kind()), begin.elapsed()) };
        let frees = async {
            sleep(seconds(20)).await;
            done.send_replace(true);
        };
        let (flushed, ()) = tokio::join!(flushed, frees);
        assert_eq!(flushed, (Ok(()), seconds(20)));
        done.send_replace(false);
    }
    let begin = Instant::now();
    assert_eq!(server.flush().await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(begin.elapsed(), seconds(30));
}

#[tokio::test]
async fn sockets_and_unbuffered_wrappers_can_be_guarded() {
    fn guardable<Io: WritesReachKernel>() {}
    guardable::<TcpStream>();
    #[cfg(unix)]
    guardable::<tokio::net::UnixStream>();
    guardable::<DuplexStream>();
    guardable::<ConnectionGuard<Box<TcpStream>>>();
    guardable::<Pin<Box<TcpStream>>>();
    guardable::<Pin<&mut TcpStream>>();
    let (_, listener) = bind().await;
    drop(GuardedListener::new(listener.tap_io(|socket| drop(socket.set_nodelay(true)))).tap_io(|_guarded| {}));
}

#[tokio::test]
async fn handlers_under_a_guarded_listener_get_the_address_of_the_peer() {
    let (address, listener) = bind().await;
    let app = Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<PeerAddr>| peer.to_string()));
    let app = app.into_make_service_with_connect_info::<PeerAddr>();
    let server = tokio::spawn(async move { axum::serve(GuardedListener::new(listener), app).await });
    let socket = connect(address).await;
    let own = socket.local_addr().unwrap();
    let (mut responses, _) = ask(Version::Http1, socket, 1).await;
    let body = within_timeout("body", responses.remove(0).into_body().collect()).await.unwrap().to_bytes();
    assert_eq!(body, own.to_string());
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_pending_read_fails_when_the_write_timeout_expires() {
    let (near, _far) = duplex(4);
    let (mut read, mut write) = tokio::io::split(ConnectionGuard::new(near).write_timeout(seconds(5)));
    let reader = tokio::spawn(async move { read.read_u8().await.unwrap_err().kind() });
    tokio::task::yield_now().await;
    assert_eq!(write.write_all(b"more than four").await.unwrap_err().kind(), ErrorKind::TimedOut);
    let read = tokio::time::timeout(seconds(3600), reader).await.expect("the read fails");
    assert_eq!(read.unwrap(), ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_vectored_write_times_out_like_any_other() {
    let (mut client, server) = duplex(64);
    let mut server = ConnectionGuard::new(server).write_timeout(seconds(30));
    assert!(server.is_write_vectored());
    assert!(!ConnectionGuard::new(Buffering).is_write_vectored(), "the guard returns the answer of the connection");
    let bufs = [IoSlice::new(&[0; 64]), IoSlice::new(&[0; 64])];
    assert_eq!(server.write_vectored(&bufs).await.unwrap(), 64);
    // Each write that makes progress restarts the timeout.
    for _ in 0..3 {
        let reads = async {
            sleep(seconds(20)).await;
            client.read_exact(&mut [0; 64]).await.unwrap();
        };
        let (written, ()) = tokio::join!(server.write_vectored(&bufs), reads);
        assert_eq!(written.unwrap(), 64);
    }
    // A flush in between does not restart the timeout.
    let begin = Instant::now();
    let failed = loop {
        match tokio::time::timeout(seconds(7), server.write_vectored(&bufs)).await {
            Ok(written) => break written.unwrap_err(),
            Err(_) => server.flush().await.unwrap(),
        }
    };
    assert_eq!((failed.kind(), begin.elapsed()), (ErrorKind::TimedOut, seconds(30)));
    // An expired connection stays expired, even if the client reads again.
    client.read_exact(&mut [0; 64]).await.unwrap();
    let written = within_timeout("error", server.write_vectored(&bufs)).await;
    assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn every_later_error_names_the_timeout_that_expired_first() {
    let reason = async |server: &mut ConnectionGuard<DuplexStream>| {
        within_timeout("error", server.write_all(&[0; 64])).await.unwrap_err().to_string()
    };
    for deadline_first in [false, true] {
        let shutdown = Shutdown::new();
        shutdown.begin();
        let (_client, server) = duplex(4);
        let (write_timeout, deadline) = if deadline_first { (20, 10) } else { (10, 20) };
        let mut server = ConnectionGuard::new(server)
            .write_timeout(seconds(write_timeout))
            .shutdown_deadline(&shutdown, seconds(deadline));
        let first = reason(&mut server).await;
        assert_eq!(first.contains("shutdown"), deadline_first, "{first}");
        sleep(seconds(60)).await;
        assert_eq!(reason(&mut server).await, first);
        assert_eq!(server.read_u8().await.unwrap_err().to_string(), first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_moved_to_another_task_wakes_that_task() {
    let (near, _far) = duplex(4);
    let (mut read, mut write) = tokio::io::split(ConnectionGuard::new(near).write_timeout(seconds(5)));
    assert!(read.read_u8().now_or_never().is_none());
    let reader = tokio::spawn(async move { read.read_u8().await.unwrap_err().kind() });
    tokio::task::yield_now().await;
    assert_eq!(write.write_all(b"more than four").await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(within_timeout("end of the reader", reader).await.unwrap(), ErrorKind::TimedOut);
}
