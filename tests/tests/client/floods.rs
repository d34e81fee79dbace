//! Peers that always send data without events: they can neither block the task nor prevent a timeout.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use sse_typed::{
    Client, EventStream, RawEvent,
    client::{Ended, Signal, SseDecodeLayer},
};
use tower::{Layer, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

/// The number of frames of a body. A reader that polls beyond it would poll forever.
const FOR_EVER: usize = 200_000;

/// A body that is always ready with this frame.
#[derive(Clone, Default)]
struct Flood {
    frame: &'static str,
    polls: Arc<AtomicUsize>,
}

impl Flood {
    fn of(frame: &'static str) -> Self {
        Self { frame, polls: Arc::default() }
    }

    fn polls(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }
}

impl Body for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let polls = self.polls.fetch_add(1, Ordering::Relaxed);
        Poll::Ready((polls < FOR_EVER).then(|| Ok(Frame::data(Bytes::from_static(self.frame.as_bytes())))))
    }
}

/// Polls once a second until an item is ready.
async fn failure(stream: &mut EventStream<RawEvent, Flood>) -> (u32, String) {
    for second in 0..100 {
        if let Some(item) = stream.next().now_or_never() {
            return (second, item.unwrap().unwrap_err().to_string());
        }
        tokio::time::advance(SECOND).await;
    }
    panic!("no item");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_comments_does_not_prevent_the_event_timeout() {
    let mut stream = EventStream::from_body(Flood::of(":\n\n")).event_timeout(5 * SECOND).idle_timeout(SECOND);
    let (after, message) = failure(&mut stream).await;
    assert_eq!((after, &message[..]), (5, "the event stream timed out: no event for 5s"));
    assert_eq!(stream.ended(), Some(Ended::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_comment_signals_does_not_prevent_the_event_timeout() {
    let service = tower::service_fn(|_: Request<Full<Bytes>>| {
        let response = Response::builder().header("content-type", "text/event-stream");
        std::future::ready(Ok::<_, Infallible>(response.body(Flood::of(":\n\n")).unwrap()))
    });
    let mut signals = Client::new(service)
        .get("/")
        .event_timeout(5 * SECOND)
        .connect::<RawEvent>()
        .opened()
        .await
        .unwrap()
        .with_signals();
    for second in 0..=5 {
        let signal = signals.next().await.unwrap().unwrap();
        match signal {
            Signal::Comment(_) => assert!(second < 5),
            Signal::Reconnecting { cause: Some(cause), .. } => {
                let message = "the event stream timed out: no event for 5s";
                assert_eq!((second, &cause.to_string()[..]), (5, message));
            }
            other => panic!("{other:?}"),
        }
        tokio::time::advance(SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_empty_frames_does_not_prevent_the_idle_timeout() {
    let mut stream = EventStream::from_body(Flood::of("")).idle_timeout(5 * SECOND);
    let (after, message) = failure(&mut stream).await;
    assert_eq!((after, &message[..]), (5, "the event stream timed out: no data for 5s"));
}

#[tokio::test(start_paused = true)]
async fn a_flood_yields_to_other_tasks_and_wakes_its_task_again() {
    let flood = Flood::of(":\n\n");
    let mut stream = tokio_test::task::spawn(EventStream::<RawEvent, _>::from_body(flood.clone()));
    for poll in 1..=3 {
        assert!(stream.poll_next().is_pending());
        assert!(stream.is_woken() && flood.polls() <= poll * 100, "{}", flood.polls());
    }
}

fn refusing(
    body: Flood,
) -> impl Clone
+ Send
+ tower::Service<Request<Full<Bytes>>, Response = Response<Flood>, Error = Infallible, Future: Send>
+ 'static {
    tower::service_fn(move |_: Request<Full<Bytes>>| {
        std::future::ready(Ok(Response::builder().status(403).body(body.clone()).unwrap()))
    })
}

#[tokio::test(start_paused = true)]
async fn an_error_response_with_a_flood_as_its_body_is_reported() {
    for (frame, expected) in [("", 0), ("no", 8 << 10), ("n", 8 << 10)] {
        let flood = Flood::of(frame);
        let error = Client::new(refusing(flood.clone())).get("/").send::<RawEvent>().await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.body().unwrap().len()), (403, expected));
        assert!(flood.polls() <= 8 << 10, "{}", flood.polls());

        let flood = Flood::of(frame);
        let service = SseDecodeLayer::<RawEvent>::new().layer(refusing(flood.clone()));
        let error = service.oneshot(Request::new(Full::default())).await.unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.body().unwrap().len()), (403, expected));
        assert!(flood.polls() <= 8 << 10, "{}", flood.polls());
    }
}
