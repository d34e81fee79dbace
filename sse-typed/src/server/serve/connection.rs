use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::server::conn::{http1, http2};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    service::TowerToHyperService,
};
use pin_project_lite::pin_project;
use tokio::sync::Notify;

use crate::{
    server::{Begun, Shutdown},
    wake::Ticket,
};

/// What all connections of a server share.
pub(super) struct ServerState<S> {
    /// Cloned for each connection. Its mutex makes the state `Sync`.
    service: Mutex<S>,
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

impl<S> ServerState<S> {
    pub(super) fn new(service: S, settings: ConnectionSettings, shutdown: Shutdown) -> Arc<Self> {
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
            service: Mutex::new(service),
            settings,
            http1,
            http2,
            shutdown,
            cut: Shutdown::new(),
            open: AtomicUsize::new(0),
            ended: Notify::new(),
        })
    }

    /// The service for a connection.
    pub(super) fn service(&self) -> TowerToHyperService<S>
    where
        S: Clone,
    {
        // If a clone has panicked, the original is as it was.
        TowerToHyperService::new(self.service.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    pub(super) fn open_connections(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }

    /// Has every connection dropped by its task.
    pub(super) fn cut_all(&self) {
        self.cut.begin();
    }
}

impl<S> fmt::Debug for ServerState<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerState")
            .field("settings", &self.settings)
            .field("open", &self.open)
            .field("shutdown", &self.shutdown)
            .field("cut", &self.cut)
            .finish_non_exhaustive()
    }
}

/// An open connection of the server. It is counted until it is dropped.
pub(super) struct OpenConnection<S> {
    server: Arc<ServerState<S>>,
}

impl<S> OpenConnection<S> {
    pub(super) fn new(server: &Arc<ServerState<S>>) -> Self {
        server.open.fetch_add(1, Ordering::AcqRel);
        Self { server: Arc::clone(server) }
    }

    pub(super) fn server(&self) -> &ServerState<S> {
        &self.server
    }

    /// Waits until the connection is to be dropped.
    pub(super) fn cut(&self) -> Begun {
        self.server.cut.begun()
    }

    /// Ready when the connection is to be dropped. Unlike [`cut`](Self::cut) it takes no memory besides the ticket, which
    /// [`deregister_cut`](Self::deregister_cut) takes back.
    pub(super) fn poll_cut(&self, ticket: &mut Ticket, cx: &Context<'_>) -> Poll<()> {
        self.server.cut.poll_begun(ticket, cx).map(drop)
    }

    pub(super) fn deregister_cut(&self, ticket: &mut Ticket) {
        self.server.cut.deregister(ticket);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.server.cut.has_begun()
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.server.shutdown.has_begun()
    }
}

impl<S> Drop for OpenConnection<S> {
    fn drop(&mut self) {
        self.server.open.fetch_sub(1, Ordering::AcqRel);
        self.server.ended.notify_one();
    }
}

impl<S> fmt::Debug for OpenConnection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenConnection").field("server", &self.server).finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of a connection in hyper. It ends when the connection does, or when it is cut.
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
