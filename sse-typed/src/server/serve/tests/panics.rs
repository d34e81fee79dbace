//! Panics in the service and in bodies.

use super::*;

/// A body that panics in its second poll, or when it is dropped.
struct PanickingBody {
    polls: usize,
    in_drop: bool,
}

impl Body for PanickingBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.polls += 1;
        match self.polls {
            1 | 3 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            2 => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"one"))))),
            _ if self.in_drop => Poll::Ready(None),
            _ => panic!("a panic of the body"),
        }
    }
}

impl Drop for PanickingBody {
    fn drop(&mut self) {
        assert!(!self.in_drop, "a panic of the body's drop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_body_ends_its_connection_and_leaves_nothing_open() {
    for hand_off in [true, false] {
        for in_drop in [false, true] {
            let shutdown = Shutdown::new();
            let service = tower::service_fn(move |_: Request<RequestBody>| {
                let response = Response::builder().header("content-type", "text/event-stream");
                ready(Ok::<_, Infallible>(response.body(PanickingBody { polls: 0, in_drop }).unwrap()))
            });
            let (dial, server) = start(service, |server| {
                server.hand_off(hand_off).shutdown(&shutdown, Drain::Now, Duration::from_secs(5))
            });
            let mut client = dial.connect(PIPE);
            client.write_all(GET.as_bytes()).await.unwrap();
            let text = read_to_end(&mut client).await;
            assert!(text.ends_with("\r\n\r\n3\r\none\r\n"), "{text}");
            shutdown.begin();
            assert_eq!(server.await.unwrap(), Served { accepted: 1, drained: 0, cut: 0 });
        }
    }
}

#[cfg(feature = "http2")]
mod http2 {
    use hyper::client::conn::http2::handshake;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    use super::*;

    fn get(path: &str) -> Request<http_body_util::Empty<Bytes>> {
        Request::get(format!("http://test{path}")).body(http_body_util::Empty::new()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_service_ends_its_stream_alone() {
        let shutdown = Shutdown::new();
        let service = tower::service_fn(|request: Request<RequestBody>| {
            assert_eq!(request.uri().path(), "/", "a panic of the service");
            ready(Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from_static(b"fine")))))
        });
        let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
        let (mut requests, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(dial.connect(PIPE))).await.unwrap();
        tokio::spawn(connection);
        assert!(requests.send_request(get("/other")).await.is_err());
        assert_eq!(requests.send_request(get("/")).await.unwrap().status(), 200);
        shutdown.begin();
        assert_eq!(server.await.unwrap(), Served { accepted: 1, drained: 1, cut: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn open_streams_are_cut_at_the_deadline_and_their_bodies_dropped() {
        let shutdown = Shutdown::new();
        let service = Scripted::new([frame("one"), Step::Wait, frame("two")]);
        let log = service.log.clone();
        let (dial, server) = start(service, |server| server.shutdown(&shutdown, Drain::Now, Duration::from_secs(5)));
        let (mut requests, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(dial.connect(PIPE))).await.unwrap();
        tokio::spawn(connection);
        let responses =
            [requests.send_request(get("/")).await.unwrap(), requests.send_request(get("/")).await.unwrap()];
        shutdown.begin();
        assert_eq!(server.await.unwrap(), Served { accepted: 1, drained: 0, cut: 1 });
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(log.dropped(), 2);
        drop(responses);
    }
}
