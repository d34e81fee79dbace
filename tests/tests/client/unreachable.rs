//! A host that does not accept the connection.

use std::{net::SocketAddr, time::Duration};

use futures_util::{FutureExt, future::join_all};
use sse_typed::{Client, RawEvent};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};

/// A listener that never accepts, and connections that fill its queue: the kernel drops further connections.
async fn deaf() -> (SocketAddr, impl Sized) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Box::pin(join_all((0..16).map(|_| TcpStream::connect(address))));
    assert!((&mut queued).now_or_never().is_none(), "the queue took them all");
    (address, (listener, queued))
}

#[tokio::test(start_paused = true)]
async fn connecting_times_out_after_thirty_seconds() {
    let (address, _queue) = deaf().await;
    let started = Instant::now();
    let error = Client::hyper().get(format!("http://{address}/")).send::<RawEvent>().await.unwrap_err();
    assert!(error.is_connect(), "{error}");
    assert_eq!(started.elapsed(), Duration::from_secs(30));
}
