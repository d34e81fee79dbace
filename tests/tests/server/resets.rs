//! Clients that reset their connection after any byte.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::post};
use futures_util::{StreamExt, stream};
use sse_typed::{
    RawEvent, Sse,
    server::{Drain, Server, Shutdown},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// The time after which a test fails instead of hanging. It is no promise.
const TEST_TIMEOUT: Duration = Duration::from_secs(30);

const REQUEST: &str = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello";

/// Events with pauses, so that the server takes the stream over from hyper, and then silence. A value is dropped with the stream.
fn events<T: Send + 'static>(value: T) -> Sse<impl sse_typed::server::Events> {
    let events = stream::iter(["one", "two"]).then(|text| async move {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        RawEvent::new("tick", text)
    });
    Sse::new(events.chain(stream::pending()).map(move |event| {
        let _ = &value;
        event
    }))
}

/// Counts the streams that are open.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn read(socket: &mut TcpStream, text: &mut Vec<u8>, length: usize) {
    while text.len() < length {
        let read = timeout(TEST_TIMEOUT, socket.read_buf(text)).await.expect("no response").unwrap();
        assert!(read > 0, "the connection ended");
    }
}

/// The server has room for one connection, so a client gets a response only if the connections before it have ended.
#[tokio::test]
async fn a_connection_that_is_reset_after_any_byte_leaves_nothing_open() {
    for hand_off in [true, false] {
        let open = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&open);
        let router = Router::new().route("/", post(async move |_: String| events(Open::new(&counted))));
        let shutdown = Shutdown::new();
        let server = Server::bind("127.0.0.1:0").await.unwrap().max_connections(1).hand_off(hand_off);
        let address = server.local_addr().unwrap();
        let server = tokio::spawn(server.shutdown(&shutdown, Drain::Now, TEST_TIMEOUT).serve(router));

        let mut socket = TcpStream::connect(address).await.unwrap();
        let mut response = Vec::new();
        socket.write_all(REQUEST.as_bytes()).await.unwrap();
        while !response.ends_with(b"two\n\n\r\n") {
            let length = response.len();
            read(&mut socket, &mut response, length + 1).await;
        }
        drop(socket);

        let cuts =
            (0..REQUEST.len()).map(|sent| (sent, 0)).chain((0..=response.len()).map(|read| (REQUEST.len(), read)));
        for (sent, received) in cuts {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(&REQUEST.as_bytes()[..sent]).await.unwrap();
            let mut text = vec![0; received];
            timeout(TEST_TIMEOUT, socket.read_exact(&mut text)).await.expect("no response").unwrap();
            socket.set_zero_linger().unwrap();
        }

        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(REQUEST.as_bytes()).await.unwrap();
        read(&mut socket, &mut Vec::new(), response.len()).await;
        assert_eq!(open.load(Ordering::SeqCst), 1, "only the stream of this client");
        drop(socket);
        shutdown.begin();
        let served = timeout(TEST_TIMEOUT, server).await.expect("the server does not end").unwrap();
        assert_eq!(served.cut(), 0);
        assert_eq!(open.load(Ordering::SeqCst), 0);
    }
}
