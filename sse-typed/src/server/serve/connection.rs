use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pin_project_lite::pin_project;
use tokio::sync::Notify;

use crate::server::{Begun, Shutdown};

/// What all connections of a server share.
#[derive(Debug)]
pub(super) struct ServerState {
    pub(super) settings: ConnectionSettings,
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<TokioExecutor>,
    /// When it begins, no more requests are accepted.
    pub(super) shutdown: Shutdown,
    /// When it begins, the connections that are left are dropped.
    cut: Shutdown,
    open: AtomicUsize,
    /// Notified when a connection ends.
    pub(super) ended: Notify,
}

/// The settings of each connection.
#[derive(Clone, Debug)]
pub(super) struct ConnectionSettings {
    pub(super) hand_off: bool,
    pub(super) half_close: bool,
    pub(super) write_timeout: Duration,
    pub(super) header_timeout: Duration,
    pub(super) handshake_timeout: Duration,
}

/// The longest timeout: hyper adds it to the time of day.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The maximum size of a request's head.
const MAX_HEAD: u32 = 64 << 10;

const MAX_HTTP2_STREAMS: u32 = 256;

/// How many bytes of each HTTP/2 stream may wait for the window of the client. hyper's default is 400 KiB.
const HTTP2_SEND_BUFFER: usize = 64 << 10;

const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

impl ServerState {
    pub(super) fn new(settings: ConnectionSettings, shutdown: Shutdown) -> Arc<Self> {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout((settings.header_timeout <= MAX_TIMEOUT).then_some(settings.header_timeout))
            .max_header_size(MAX_HEAD as usize)
            .half_close(settings.half_close);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(MAX_HEAD)
            .max_concurrent_streams(MAX_HTTP2_STREAMS)
            .max_send_buf_size(HTTP2_SEND_BUFFER)
            .keep_alive_interval(HTTP2_PING_INTERVAL)
            .keep_alive_timeout(HTTP2_PING_TIMEOUT);
        Arc::new(Self {
            settings,
            http1,
            http2,
            shutdown,
            cut: Shutdown::new(),
            open: AtomicUsize::new(0),
            ended: Notify::new(),
        })
    }

    pub(super) fn open_connections(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Has every connection dropped by its task.
    pub(super) fn cut_all(&self) {
        self.cut.begin();
    }
}

/// An open connection of the server. It is counted until it is dropped.
pub(super) struct OpenConnection(Arc<ServerState>);

impl OpenConnection {
    pub(super) fn new(server: &Arc<ServerState>) -> Self {
        server.open.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(server))
    }

    pub(super) fn server(&self) -> &ServerState {
        &self.0
    }

    /// Waits until the connection is to be dropped.
    pub(super) fn cut(&self) -> Begun {
        self.0.cut.begun()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.cut.has_begun()
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.0.shutdown.has_begun()
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.ended.notify_one();
    }
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OpenConnection").finish()
    }
}

pin_project! {
    /// The future of a connection. It ends when the connection does, or when it is cut.
    #[derive(Debug)]
    pub(super) struct UntilCut<F> {
        #[pin]
        future: F,
        cut: Begun,
    }
}

impl<F: Future<Output = ()>> UntilCut<F> {
    pub(super) const fn new(cut: Begun, future: F) -> Self {
        Self { future, cut }
    }
}

impl<F: Future<Output = ()>> Future for UntilCut<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if this.cut.poll_at(cx).is_ready() {
            return Poll::Ready(());
        }
        this.future.poll(cx)
    }
}
