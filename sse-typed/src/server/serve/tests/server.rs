//! The accept loop, limits and shutdown.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::server::PeerAddr;

#[tokio::test(start_paused = true)]
async fn it_counts_what_it_served() {
    let shutdown = Shutdown::new();
    let service = Scripted::new([frame("one"), Step::Wait]);
    let log = service.log.clone();
    let deadline = Duration::from_secs(5);
    let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, deadline));
    let mut clients: Vec<_> = (0..3).map(|_| dial.connect(PIPE)).collect();
    for client in &mut clients[..2] {
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(client, "one\r\n").await;
    }
    // One has ended before the shutdown. One is idle, and one has a stream that does not end by itself.
    clients.remove(0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(log.dropped(), 1);
    let begin = tokio::time::Instant::now();
    shutdown.begin();
    let served = server.await.unwrap();
    assert_eq!(begin.elapsed(), deadline);
    assert_eq!((served.accepted(), served.drained(), served.cut()), (3, 1, 1));
    assert_eq!(log.dropped(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_is_drained_and_its_connection_closed() {
    let service = tower::service_fn(|_: Request<RequestBody>| {
        let events = futures_util::stream::poll_fn(|_| Poll::<Option<crate::RawEvent>>::Pending);
        ready(Ok::<_, Infallible>(Response::from(crate::Sse::new(events))))
    });
    for hand_off in [true, false] {
        let shutdown = Shutdown::new();
        let (dial, server) =
            start(service, |server| server.hand_off(hand_off).shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
        let mut client = dial.connect(PIPE);
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(&mut client, "\r\n\r\n").await;
        shutdown.begin();
        let rest = read_to_end(&mut client).await;
        assert!(rest.contains("retry: ") && rest.ends_with("\r\n0\r\n\r\n"), "{rest}");
        drop(client);
        assert_eq!(server.await.unwrap().cut(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn it_accepts_no_more_than_the_maximum_of_connections() {
    let service = Scripted::new([frame("one"), Step::Wait]);
    let log = service.log.clone();
    let (dial, _server) = start(service, |server| server.max_connections(2));
    let mut clients: Vec<_> = (0..4).map(|_| dial.connect(PIPE)).collect();
    for client in &mut clients {
        client.write_all(GET.as_bytes()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    for left in (0..4).rev() {
        let client = &mut clients[0];
        read_until(client, "one\r\n").await;
        clients.remove(0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(log.dropped(), 4 - left);
    }
}

/// A listener that fails before each connection.
struct Failing {
    pipes: Pipes,
    errors: VecDeque<io::ErrorKind>,
    polls: Arc<AtomicUsize>,
}

impl Listener for Failing {
    type Io = DuplexStream;
    type Addr = &'static str;

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(DuplexStream, &'static str)>> {
        self.polls.fetch_add(1, Ordering::Relaxed);
        match self.errors.pop_front() {
            Some(error) => Poll::Ready(Err(error.into())),
            None => self.pipes.poll_accept(cx),
        }
    }

    fn local_addr(&self) -> io::Result<&'static str> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[tokio::test(start_paused = true)]
async fn errors_of_one_connection_cost_no_time_and_others_more_and_more() {
    let own = vec![io::ErrorKind::ConnectionAborted; 1000];
    let of_the_listener = vec![io::ErrorKind::QuotaExceeded; 8];
    for (errors, milliseconds) in [(own, 0), (of_the_listener, 50 + 100 + 200 + 400 + 800 + 1000 + 1000 + 1000)] {
        let (dial, pipes) = pipes();
        let listener = Failing { pipes, errors: errors.into(), polls: Arc::default() };
        let server = tokio::spawn(Server::new(listener).serve(Scripted::new([frame("one")])));
        let mut client = dial.connect(PIPE);
        client.write_all(GET.as_bytes()).await.unwrap();
        let begin = tokio::time::Instant::now();
        read_until(&mut client, "0\r\n\r\n").await;
        let took = begin.elapsed().as_millis();
        assert!((milliseconds..=milliseconds + 20).contains(&took), "{took}");
        server.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_makes_it_accept_again_at_once() {
    let (dial, pipes) = pipes();
    let listener = Failing { pipes, errors: VecDeque::new(), polls: Arc::default() };
    let polls = Arc::clone(&listener.polls);
    let server = tokio::spawn(Server::new(listener).serve(Scripted::new([Step::Wait])));
    let first = dial.connect(PIPE);
    tokio::time::sleep(Duration::from_millis(1)).await;
    // The channel of the listener is closed: an error at each poll, as without files.
    drop(dial);
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before = polls.load(Ordering::Relaxed);
    drop(first);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(polls.load(Ordering::Relaxed) > before);
    server.abort();
}

#[tokio::test]
async fn requests_have_the_address_of_the_peer() {
    let service = tower::service_fn(|request: Request<RequestBody>| {
        let PeerAddr(peer) = *request.extensions().get::<PeerAddr>().unwrap();
        #[cfg(feature = "axum")]
        {
            use axum::extract::ConnectInfo;

            assert_eq!(request.extensions().get::<ConnectInfo<std::net::SocketAddr>>().unwrap().0, peer);
            assert_eq!(request.extensions().get::<ConnectInfo<PeerAddr>>().unwrap().0, PeerAddr(peer));
        }
        ready(Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from(peer.to_string())))))
    });
    let server = Server::bind("localhost:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let server = tokio::spawn(server.serve(service));
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).await.unwrap();
    assert!(text.ends_with(&socket.local_addr().unwrap().to_string()), "{text}");
    server.abort();
}

#[tokio::test]
async fn an_address_that_is_taken_or_unknown_is_an_error() {
    let server = Server::bind(("127.0.0.1", 0)).await.unwrap();
    let address = server.local_addr().unwrap();
    assert_eq!(Server::bind(address).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    // The next address is tried.
    assert!(Server::bind(&[address, ([127, 0, 0, 1], 0).into()][..]).await.is_ok());
    assert_eq!(Server::bind(&[][..]).await.unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_or_takes_too_long_ends_its_connection_alone() {
    let (dial, listener) = pipes();
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::new(listener)
        .tls(move |socket| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            async move {
                match number {
                    0 => std::future::pending().await,
                    1 => Err(io::ErrorKind::InvalidData.into()),
                    _ => Ok(socket),
                }
            }
        })
        .handshake_timeout(Duration::from_secs(3));
    let server = tokio::spawn(server.serve(Scripted::new([frame("one")])));
    let begin = tokio::time::Instant::now();
    let mut clients: Vec<_> = (0..3).map(|_| dial.connect(PIPE)).collect();
    clients[2].write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut clients[2], "0\r\n\r\n").await;
    assert_eq!(read_to_end(&mut clients[1]).await, "");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(read_to_end(&mut clients[0]).await, "");
    assert!((3..4).contains(&begin.elapsed().as_secs()));
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_finish_its_request_is_dropped_after_the_header_timeout() {
    for timeout in [Duration::from_secs(7), Duration::MAX] {
        let (dial, server) = start(Scripted::new([frame("one")]), |server| server.header_timeout(timeout));
        let mut client = dial.connect(PIPE);
        client.write_all(b"GET / HT").await.unwrap();
        let begin = tokio::time::Instant::now();
        let ended = tokio::time::timeout(Duration::from_secs(3600), client.read_u8()).await;
        assert_eq!(ended.is_ok(), timeout < Duration::MAX);
        if ended.is_ok() {
            assert_eq!(begin.elapsed().as_secs(), 7);
        }
        server.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_service_ends_its_connection_alone() {
    let shutdown = Shutdown::new();
    let service = tower::service_fn(|request: Request<RequestBody>| {
        assert_eq!(request.uri().path(), "/", "a panic of the service");
        ready(Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from_static(b"fine")))))
    });
    let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
    let mut panics = dial.connect(PIPE);
    panics.write_all(b"GET /other HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(read_to_end(&mut panics).await, "");
    let mut client = dial.connect(PIPE);
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut client, "fine").await;
    shutdown.begin();
    assert_eq!(server.await.unwrap(), Served { accepted: 2, drained: 1, cut: 0 });
}

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_is_counted_and_fails_at_the_deadline() {
    let shutdown = Shutdown::new();
    let (sender, mut upgraded) = mpsc::unbounded_channel();
    let service = tower::service_fn(move |mut request: Request<RequestBody>| {
        let (upgrade, sender) = (hyper::upgrade::on(&mut request), sender.clone());
        tokio::spawn(async move {
            let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
            let mut text = [0; 4];
            io.read_exact(&mut text).await.unwrap();
            io.write_all(&text).await.unwrap();
            sender.send(io.read_u8().await.unwrap_err().kind()).unwrap();
            sender.send(io.write_u8(0).await.unwrap_err().kind()).unwrap();
        });
        let response = Response::builder().status(101).header("upgrade", "echo").header("connection", "upgrade");
        ready(Ok::<_, Infallible>(response.body(http_body_util::Empty::new()).unwrap()))
    });
    let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
    let mut client = dial.connect(PIPE);
    client.write_all(b"GET / HTTP/1.1\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\nping").await.unwrap();
    assert!(read_until(&mut client, "ping").await.starts_with("HTTP/1.1 101"));
    shutdown.begin();
    assert_eq!(server.await.unwrap().cut(), 1);
    for _ in 0..2 {
        assert_eq!(upgraded.recv().await, Some(io::ErrorKind::TimedOut));
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocked_write_of_an_upgraded_connection_fails_at_the_deadline() {
    let shutdown = Shutdown::new();
    let (sender, mut upgraded) = mpsc::unbounded_channel();
    let service = tower::service_fn(move |mut request: Request<RequestBody>| {
        let (upgrade, sender) = (hyper::upgrade::on(&mut request), sender.clone());
        tokio::spawn(async move {
            let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
            sender.send(io.write_all(&[b'.'; 2 * PIPE]).await.unwrap_err().kind()).unwrap();
        });
        let response = Response::builder().status(101).header("upgrade", "flood").header("connection", "upgrade");
        ready(Ok::<_, Infallible>(response.body(http_body_util::Empty::new()).unwrap()))
    });
    let (dial, server) = start(service, |server| {
        server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)).write_timeout(Duration::MAX)
    });
    let mut client = dial.connect(PIPE);
    client.write_all(b"GET / HTTP/1.1\r\nupgrade: flood\r\nconnection: upgrade\r\n\r\n").await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    shutdown.begin();
    let begin = tokio::time::Instant::now();
    assert_eq!(server.await.unwrap().cut(), 1);
    let failed = tokio::time::timeout(Duration::from_secs(60), upgraded.recv()).await;
    assert_eq!(failed, Ok(Some(io::ErrorKind::TimedOut)));
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_response_that_ends_in_a_shutdown_is_not_lost_to_unread_bytes() {
    let (shutdown, answers) = (Shutdown::new(), Arc::new(tokio::sync::Notify::new()));
    let answered = Arc::clone(&answers);
    let service = tower::service_fn(move |request: Request<RequestBody>| {
        let answered = Arc::clone(&answered);
        async move {
            if request.uri().path() == "/later" {
                answered.notified().await;
            }
            Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from_static(b"fine"))))
        }
    });
    let (dial, listener) = pipes();
    let server = Server::new(listener).shutdown(&shutdown, Drain::Now, Duration::from_secs(60));
    let server = tokio::spawn(server.serve(service));
    let (mut client, mut idle) = (dial.connect(PIPE), dial.connect(PIPE));
    client.write_all(b"POST /later HTTP/1.1\r\ncontent-length: 100000\r\n\r\nhello").await.unwrap();
    idle.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begin = tokio::time::Instant::now();
    shutdown.begin();
    assert!(read_to_end(&mut idle).await.ends_with("\r\n\r\nfine"));
    // The server does not wait for the client of an idle connection.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(idle.write_u8(0).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    answers.notify_one();
    assert!(read_to_end(&mut client).await.ends_with("\r\n\r\nfine"));
    // The server reads on, or these bytes would reset the connection.
    client.write_all(&[b'.'; 1000]).await.unwrap();
    drop(client);
    assert_eq!(server.await.unwrap(), Served { accepted: 2, drained: 2, cut: 0 });
    assert_eq!(begin.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_stream_that_is_no_sse_is_open_until_the_deadline() {
    let shutdown = Shutdown::new();
    let service = Scripted::new([frame("one"), Step::Wait, frame("two")]);
    let log = service.log.clone();
    let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
    let mut client = dial.connect(PIPE);
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut client, "one\r\n").await;
    let begin = tokio::time::Instant::now();
    shutdown.begin();
    assert_eq!(server.await.unwrap(), Served { accepted: 1, drained: 0, cut: 1 });
    assert_eq!((begin.elapsed().as_secs(), log.dropped()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_client_reads_nothing_is_dropped_after_the_write_timeout() {
    for hand_off in [true, false] {
        // More than the pipe and the buffers of hyper take.
        let steps: Vec<_> =
            [Step::Yield, Step::Wait].into_iter().chain(vec![frame(&"x".repeat(8 << 10)); 1000]).collect();
        let (shutdown, service) = (Shutdown::new(), Scripted::new(steps));
        let log = service.log.clone();
        let (dial, server) = start(service, |server| {
            let server = server.hand_off(hand_off).write_timeout(Duration::from_secs(7));
            server.shutdown(&shutdown, Drain::Now, Duration::from_secs(60))
        });
        let mut client = dial.connect(PIPE);
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(&mut client, "\r\n\r\n").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        log.release();
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!((log.was_handed_off(), log.dropped()), (hand_off, 0));
        // What the client sends is no sign that it reads.
        client.write_all(b"GET /").await.unwrap();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(log.dropped(), 1, "{hand_off}");
        shutdown.begin();
        assert_eq!(server.await.unwrap(), Served { accepted: 1, drained: 0, cut: 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_always_ready_leaves_time_for_others() {
    let steps: Vec<_> = [Step::Yield, Step::Yield].into_iter().chain(vec![frame(""); 100_000]).collect();
    let (shutdown, service) = (Shutdown::new(), Scripted::new(steps));
    let log = service.log.clone();
    let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::ZERO));
    let mut client = dial.connect(PIPE);
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    shutdown.begin();
    assert_eq!((server.await.unwrap().cut(), log.dropped()), (1, 1));
    assert!(log.was_handed_off() && log.polls() < 100_000, "{} polls", log.polls());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_handshake() {
    let (shutdown, (dial, listener)) = (Shutdown::new(), pipes());
    let server = Server::new(listener).tls(|_| std::future::pending::<io::Result<DuplexStream>>()).shutdown(
        &shutdown,
        Drain::Now,
        Duration::from_secs(60),
    );
    let server = tokio::spawn(server.serve(Scripted::new([frame("one")])));
    let mut client = dial.connect(PIPE);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begin = tokio::time::Instant::now();
    shutdown.begin();
    assert_eq!(server.await.unwrap(), Served { accepted: 1, drained: 1, cut: 0 });
    assert_eq!(read_to_end(&mut client).await, "");
    assert_eq!(begin.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_its_future_open_connections_continue_and_no_deadline_drops_them() {
    let shutdown = Shutdown::new();
    let service = Scripted::new([frame("one"), Step::Wait, frame("two"), Step::Wait]);
    let log = service.log.clone();
    let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
    let (mut client, mut idle) = (dial.connect(PIPE), dial.connect(PIPE));
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut client, "one\r\n").await;
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    let (late, far) = tokio::io::duplex(PIPE);
    assert!(dial.0.send(far).is_err(), "the listener is closed");
    drop(late);

    shutdown.begin();
    assert_eq!(read_to_end(&mut idle).await, "");
    tokio::time::sleep(Duration::from_secs(60)).await;
    log.release();
    read_until(&mut client, "two\r\n").await;
    log.release();
    assert_eq!(read_to_end(&mut client).await, "0\r\n\r\n");
}

/// A future of the server that is polled by hand, and dropped after some polls.
#[tokio::test(start_paused = true)]
async fn the_server_may_be_dropped_after_any_poll() {
    for polls in 0..6 {
        let (dial, listener) = pipes();
        let service = Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two")]);
        let mut server = tokio_test::task::spawn(Server::new(listener).max_connections(1).serve(service));
        let mut clients = [dial.connect(PIPE), dial.connect(PIPE)];
        for client in &mut clients {
            client.write_all(GET.as_bytes()).await.unwrap();
        }
        for _ in 0..polls {
            assert!(server.poll().is_pending());
            tokio::task::yield_now().await;
        }
        drop(server);
        let [first, second] = &mut clients;
        if polls > 0 {
            read_until(first, "0\r\n\r\n").await;
        } else {
            assert_eq!(read_to_end(first).await, "");
        }
        // Only one connection may be open.
        assert_eq!(read_to_end(second).await, "");
    }
}

/// A task of tokio takes a multiple of 128 bytes, and 104 of them are its own.
#[cfg(target_pointer_width = "64")]
#[test]
fn an_open_stream_is_small() {
    use tokio::net::TcpStream;

    type Stream = event_stream::EventStream<ConnectionGuard<TcpStream>, Scripted, std::net::SocketAddr>;

    assert!(size_of::<Stream>() <= 152, "{}", size_of::<Stream>());
}
