//! Futures that are dropped before they complete.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use http::Request;
use http_body_util::Full;
use sse_typed::{
    Client, Event, EventSource,
    client::{Error, ReconnectPolicy, Signal},
    testing::{Answer, ScriptedServer},
};
use tokio::time::sleep;

use crate::reading::Reading;

/// Two connections in chunks, with failed attempts between them.
fn service() -> ScriptedServer {
    let pieces = |text: &str| {
        let pause = Duration::from_millis(7);
        text.as_bytes().chunks(5).fold(Answer::stream(), |reply, piece| reply.send(piece).wait(pause))
    };
    ScriptedServer::new([
        Answer::close(),
        pieces(": hello\nid: 1\nevent: value\ndata: 1\n\nevent: value\ndata: x\n\nevent: value\ndata: 2\n\nda"),
        Answer::status(503).send("later").wait(Duration::from_millis(7)),
        pieces("id: 3\nevent: value\ndata: 3\n\nevent: value\ndata: 4\n\nevent: bye\ndata\n\n"),
    ])
}

fn source() -> EventSource<Reading> {
    Client::new(service()).get("/").reconnect(ReconnectPolicy::default().jitter(0.0)).connect().boxed()
}

/// Creates a new future for each poll, until the end: no future is polled twice.
async fn by_single_polls(mut poll: impl FnMut() -> Option<Option<String>>) -> Vec<String> {
    let mut items = Vec::new();
    for _ in 0..100_000 {
        match poll() {
            None => sleep(Duration::from_millis(1)).await,
            Some(None) => return items,
            Some(Some(item)) => items.push(item),
        }
    }
    panic!("no end: {items:?}");
}

const ALL: [&str; 6] = ["Value(1)", "bad", "Value(2)", "Value(3)", "Value(4)", "Bye"];

fn describe(item: Result<Event<Reading>, Error>) -> String {
    item.map_or_else(
        |error| if error.is_fatal() { "fatal" } else { "bad" }.to_owned(),
        |event| format!("{:?}", event.data),
    )
}

#[tokio::test(start_paused = true)]
async fn next_and_try_next_lose_no_event_when_they_are_dropped_after_every_poll() {
    let mut events = source();
    assert_eq!(by_single_polls(|| events.next().now_or_never().map(|item| item.map(describe))).await, ALL);
    let mut events = source();
    let once = || events.try_next().now_or_never().map(|item| item.transpose().map(describe));
    assert_eq!(by_single_polls(once).await, ALL);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_one_response_loses_no_event_when_it_is_cancelled() {
    let pieces = "event: value\ndata: 1\n\nevent: value\ndata: x\n\nevent: value\ndata: 2\n\n".as_bytes().chunks(4);
    let reply = pieces.fold(Answer::stream(), |reply, piece| reply.send(piece).wait(Duration::from_millis(7)));
    let mut events = Client::new(ScriptedServer::new([reply])).post("/").send::<Reading>().await.unwrap();
    let mut turn = 0;
    let once = || {
        turn += 1;
        let item = if turn % 2 == 0 {
            events.next().now_or_never()
        } else {
            events.try_next().now_or_never().map(Result::transpose)
        };
        item.map(|item| item.map(describe))
    };
    assert_eq!(by_single_polls(once).await, ["Value(1)", "bad", "Value(2)"]);
}

#[tokio::test(start_paused = true)]
async fn signals_are_not_lost_when_their_futures_are_cancelled() {
    fn name(signal: Result<Signal<Reading>, Error>) -> String {
        match signal {
            Ok(Signal::Event(event)) => describe(Ok(event)),
            Ok(Signal::Open(head)) => format!("open {}", head.status.as_u16()),
            Ok(Signal::Comment(text)) => text,
            Ok(Signal::Reconnecting { after, .. }) => format!("again in {after:?}"),
            Ok(other) => format!("{other:?}"),
            Err(error) => describe(Err(error)),
        }
    }
    let uninterrupted: Vec<_> = source().with_signals().map(name).collect().await;
    assert_eq!(uninterrupted.iter().filter(|items| items.starts_with("again")).count(), 3);
    let mut signals = source().with_signals();
    let mut turn = 0;
    let once = || {
        turn += 1;
        let signal = if turn % 2 == 0 {
            signals.next().now_or_never()
        } else {
            signals.try_next().now_or_never().map(Result::transpose)
        };
        signal.map(|signal| signal.map(name))
    };
    assert_eq!(by_single_polls(once).await, uninterrupted);
}

/// A request that the service is handling.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn one_of(all: &Arc<AtomicUsize>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(all))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_opened_or_send_cancels_the_request() {
    async fn gives_up(running: &AtomicUsize, asking: impl Future<Output = bool>) {
        let mut asking = Box::pin(asking);
        assert!(asking.as_mut().now_or_never().is_none());
        assert_eq!(running.load(Ordering::Relaxed), 1);
        drop(asking);
        assert_eq!(running.load(Ordering::Relaxed), 0);
    }
    let running = Arc::default();
    let all = Arc::clone(&running);
    let client = Client::new(tower::service_fn(move |_: Request<Full<Bytes>>| {
        let running = Running::one_of(&all);
        async move {
            let _running = running;
            pending::<Result<http::Response<Full<Bytes>>, Infallible>>().await
        }
    }));
    gives_up(&running, async { client.get("/").connect::<Reading>().opened().await.is_ok() }).await;
    gives_up(&running, async { client.get("/").send::<Reading>().await.is_ok() }).await;
}

#[tokio::test(start_paused = true)]
async fn opened_does_not_consume_an_event() {
    let mut events = source().opened().await.unwrap();
    let mut seen = Vec::new();
    while let Some(item) = events.next().await {
        seen.push(describe(item));
    }
    assert_eq!(seen, ALL);
}
