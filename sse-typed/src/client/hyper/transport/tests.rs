use super::*;

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_tls_is_an_error_that_names_the_feature() {
    let mut request = http::Request::new(Full::default());
    *request.uri_mut() = http::Uri::from_static("https://localhost/feed");
    let error = Transport::new(TransportSettings::default()).send(request).err().map(|error| error.to_string());
    let expected = "`https://localhost/feed` needs TLS, and sse-typed was built without its feature `tls`";
    assert_eq!(error.as_deref(), Some(expected));
}

/// HTTP/2 within the process, over pipes that can stop delivering, on paused time.
#[cfg(feature = "http2")]
mod http_2 {
    use std::{
        convert::Infallible,
        future::Ready,
        io,
        pin::Pin,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
    };

    use http_body_util::{BodyExt, StreamBody};
    use hyper::{body::Frame, server::conn::http2, service::service_fn};
    use hyper_util::rt::TokioIo;
    use tokio::{
        io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex},
        sync::mpsc,
        time::Instant,
    };

    use super::*;

    /// The client's end of a connection.
    struct Pipe {
        io: DuplexStream,
        /// Written data is discarded.
        dead: Arc<AtomicBool>,
    }

    impl legacy::connect::Connection for Pipe {
        fn connected(&self) -> Connected {
            Connected::new().negotiated_h2()
        }
    }

    impl AsyncRead for Pipe {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.io).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Pipe {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.dead.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(bytes.len()));
            }
            Pin::new(&mut self.io).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.io).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.io).poll_shutdown(cx)
        }
    }

    /// Connects to servers whose bodies send what the test passes them.
    #[derive(Clone, Default)]
    struct Pipes {
        dead: Arc<AtomicBool>,
        connected: Arc<AtomicUsize>,
        bodies: Arc<Mutex<Vec<mpsc::UnboundedSender<&'static str>>>>,
    }

    impl Service<http::Uri> for Pipes {
        type Response = TokioIo<Pipe>;
        type Error = Infallible;
        type Future = Ready<Result<TokioIo<Pipe>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: http::Uri) -> Self::Future {
            self.connected.fetch_add(1, Ordering::Relaxed);
            let (io, served) = duplex(1 << 16);
            let bodies = Arc::clone(&self.bodies);
            let service = service_fn(move |_: http::Request<hyper::body::Incoming>| {
                let (body, mut frames) = mpsc::unbounded_channel::<&str>();
                bodies.lock().unwrap().push(body);
                let frames = futures_util::stream::poll_fn(move |cx| frames.poll_recv(cx));
                let frames = futures_util::StreamExt::map(frames, |text| {
                    Ok::<_, Infallible>(Frame::data(Bytes::from_static(text.as_bytes())))
                });
                std::future::ready(Ok::<_, Infallible>(http::Response::new(StreamBody::new(frames))))
            });
            tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(served), service));
            std::future::ready(Ok(TokioIo::new(Pipe { io, dead: Arc::clone(&self.dead) })))
        }
    }

    fn request() -> http::Request<Full<Bytes>> {
        let mut request = http::Request::new(Full::default());
        *request.uri_mut() = http::Uri::from_static("http://host/");
        request
    }

    #[tokio::test(start_paused = true)]
    async fn a_ping_detects_a_dead_path_after_thirty_seconds_and_the_next_request_reconnects() {
        let pipes = Pipes::default();
        let pool = pool(pipes.clone());
        let mut body = send_through(&pool, request()).await.unwrap().into_body();
        pipes.dead.store(true, Ordering::Relaxed);
        let started = Instant::now();
        let frame = tokio::time::timeout(Duration::from_secs(3600), body.frame()).await;
        assert!(frame.expect("the dead path was not detected").unwrap().is_err());
        assert_eq!(started.elapsed().as_secs(), 30);

        pipes.dead.store(false, Ordering::Relaxed);
        send_through(&pool, request()).await.unwrap();
        assert_eq!(pipes.connected.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_stays_open_while_its_peer_answers_pings() {
        let pipes = Pipes::default();
        let pool = pool(pipes.clone());
        let mut body = send_through(&pool, request()).await.unwrap().into_body();
        assert!(tokio::time::timeout(Duration::from_secs(3600), body.frame()).await.is_err());
        pipes.bodies.lock().unwrap()[0].send("late").unwrap();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "late");
    }
}
