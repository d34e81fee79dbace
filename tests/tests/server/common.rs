//! A handwritten event type that can fail in every way, and functions that read a body.

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::{Stream, future::poll_fn};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use sse_typed::{
    EncodeError, EncodeEvent, Encoded, EventKind, EventWriter, HubEvent, Sse,
    server::{Events, SseBody},
};
use tokio::net::TcpStream;

#[derive(Clone, Debug)]
pub(crate) enum Scene {
    Tick(u64),
    /// Never on the wire.
    Hidden,
    Done,
    /// Fails after a part of its data is written.
    Broken,
    /// Fails in the same way, and is terminal.
    BrokenDone,
    /// Panics after a part of its data is written.
    Panics,
}

impl EventKind for Scene {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Tick(_) => "tick",
            Self::Hidden => "hidden",
            Self::Done => "done",
            Self::Broken => "broken",
            Self::BrokenDone => "broken_done",
            Self::Panics => "panics",
        }
    }

    fn is_terminal(&self) -> bool {
        matches!(self, Self::Done | Self::BrokenDone)
    }
}

impl HubEvent for Scene {}

impl EncodeEvent for Scene {
    fn encode(&self, event: &mut EventWriter<'_>) -> Result<(), EncodeError> {
        struct Broken;
        impl serde::Serialize for Broken {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("not today"))
            }
        }
        struct Panics;
        impl serde::Serialize for Panics {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("while encoding")
            }
        }
        match self {
            Self::Tick(n) => {
                event.event_type("tick")?;
                event.json(n)
            }
            Self::Hidden => Ok(()),
            Self::Done => {
                event.event_type("done")?;
                event.json(&())
            }
            Self::Broken | Self::BrokenDone => {
                event.event_type(self.event_type())?;
                event.json(&(1, Broken))
            }
            Self::Panics => {
                event.event_type("panics")?;
                event.json(&(1, Panics))
            }
        }
    }
}

pub(crate) fn encoded(event: &Scene) -> Encoded {
    Encoded::new(event).unwrap()
}

pub(crate) fn response<St: Events>(sse: Sse<St>) -> Response<SseBody<St>> {
    sse.into()
}

/// All frames of a response, as text.
pub(crate) async fn frames<B: Body<Data = Bytes, Error = Infallible>>(response: Response<B>) -> Vec<String> {
    let mut body = pin!(response.into_body());
    let mut frames = Vec::new();
    while let Some(frame) = next_frame(body.as_mut()).await {
        frames.push(frame);
    }
    assert!(body.is_end_stream());
    assert_eq!(next_frame(body.as_mut()).await, None, "a body that has ended stays ended");
    frames
}

pub(crate) async fn text<B: Body<Data = Bytes, Error = Infallible>>(response: Response<B>) -> String {
    frames(response).await.concat()
}

pub(crate) async fn next_frame<B: Body<Data = Bytes, Error = Infallible>>(mut body: Pin<&mut B>) -> Option<String> {
    poll_fn(|cx| body.as_mut().poll_frame(cx)).await.map(into_text)
}

/// Polls once, without a task.
pub(crate) fn poll_once<B: Body<Data = Bytes, Error = Infallible>>(body: Pin<&mut B>) -> Poll<Option<String>> {
    body.poll_frame(&mut Context::from_waker(Waker::noop())).map(|frame| frame.map(into_text))
}

fn into_text(frame: Result<http_body::Frame<Bytes>, Infallible>) -> String {
    let Ok(frame) = frame;
    let data = frame.into_data().unwrap();
    assert!(!data.is_empty(), "an empty frame may be mistaken for the end of the body");
    String::from_utf8(data.to_vec()).unwrap()
}

/// A stream that never yields. Unlike `stream::pending`, its size hint is not that of an empty stream.
pub(crate) fn silence() -> impl Stream<Item = Scene> + Send {
    futures_util::stream::poll_fn(|_| Poll::Pending)
}

/// The number of polls and the drop of a [`Watched`] stream.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    polls: Arc<AtomicUsize>,
    dropped: Arc<AtomicBool>,
}

impl Watch {
    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::SeqCst)
    }

    pub(crate) fn stream<St>(&self, stream: St) -> Watched<St> {
        Watched { stream: Box::pin(stream), watch: self.clone() }
    }

    pub(crate) fn reset(&self) {
        self.dropped.store(false, Ordering::SeqCst);
    }

    /// Waits until the stream was dropped.
    pub(crate) async fn dropped(&self) {
        while !self.is_dropped() {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) struct Watched<St> {
    stream: Pin<Box<St>>,
    watch: Watch,
}

impl<St: Stream> Stream for Watched<St> {
    type Item = St::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<St::Item>> {
        self.watch.polls.fetch_add(1, Ordering::SeqCst);
        self.stream.as_mut().poll_next(cx)
    }
}

impl<St> Drop for Watched<St> {
    fn drop(&mut self) {
        self.watch.dropped.store(true, Ordering::SeqCst);
    }
}

/// A client connection. Dropping it closes it.
pub(crate) struct Connection {
    pub(crate) client: hyper::client::conn::http1::SendRequest<String>,
    task: tokio::task::JoinHandle<()>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let (client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await.unwrap();
        Self { client, task: tokio::spawn(async { drop(connection.await) }) }
    }

    pub(crate) fn get(&mut self, path: &str) -> impl Future<Output = Response<Incoming>> + use<> {
        let request = Request::get(path).header("host", "test").body(String::new()).unwrap();
        let response = self.client.send_request(request);
        async { response.await.unwrap() }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
