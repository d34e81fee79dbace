//! The budget of a task. A stream that always has an item spends it, so that other tasks can run; timers and
//! commands work even when other work of the task has spent it.

use std::{
    convert::Infallible,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use sse_typed::{
    Client, EventStream, RawEvent,
    client::{BadEvent, Ended, HttpService, ReconnectPolicy, RequestBuilder, SseDecodeLayer, UnknownEvent},
    testing::{Answer, ScriptedServer},
};
use tests::budget::{spend, with_budget_of};
use tokio::sync::{mpsc, oneshot};
use tower::{Layer, Service};

use crate::reading::Reading;

const SECOND: Duration = Duration::from_secs(1);

/// Far more items than a task may take in a row.
const MANY: usize = 10_000;

/// A body that yields the same chunk on every poll.
#[derive(Clone)]
struct Always(Bytes);

impl Body for Always {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(self.0.clone()))))
    }
}

/// A request to a service whose bodies repeat this chunk.
fn request(chunk: &'static str) -> RequestBuilder<impl HttpService> {
    let service = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let response = Response::builder().header("content-type", "text/event-stream");
        let body = Always(Bytes::from_static(chunk.as_bytes()));
        std::future::ready(Ok::<_, Infallible>(response.body(body).unwrap()))
    });
    Client::new(service).get("/")
}

/// How many items a task takes from a stream before another ready task runs.
async fn items_before_another_task(stream: impl Stream) -> usize {
    let mut stream = pin!(stream);
    let turn = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&turn);
    tokio::spawn(async move { other.fetch_add(1, Ordering::Relaxed) });
    for items in 0..MANY {
        if turn.load(Ordering::Relaxed) > 0 {
            return items;
        }
        stream.next().await;
    }
    MANY
}

#[tokio::test]
async fn a_stream_that_is_always_ready_lets_other_tasks_run() {
    let chunk = "event: value\ndata: 1\n\n";
    let response = request(chunk).send::<Reading>().await.unwrap();
    let body = EventStream::<Reading, _>::from_body(Always(Bytes::from_static(chunk.as_bytes())));
    for items in [
        items_before_another_task(response).await,
        items_before_another_task(body).await,
        items_before_another_task(request(chunk).connect::<Reading>()).await,
        items_before_another_task(request(chunk).connect::<Reading>().with_signals()).await,
        items_before_another_task(request(":\n").connect::<Reading>().with_signals()).await,
        items_before_another_task(request("event: value\ndata: bad\n\n").connect::<Reading>()).await,
        items_before_another_task(request("event: new\ndata\n\n").on_unknown(UnknownEvent::Error).connect::<Reading>())
            .await,
    ] {
        assert!(items < 200, "{items}");
    }
}

#[tokio::test]
async fn events_that_are_passed_over_let_other_tasks_run_too() {
    let passed_over = Arc::new(AtomicUsize::new(0));
    for event in ["event: new\ndata\n\n", "event: value\ndata\n\n", "event: value\ndata: bad\n\n"] {
        let counted = Arc::clone(&passed_over);
        let skip = BadEvent::skip(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let body = Full::new(Bytes::from(event.repeat(MANY)));
        let mut stream = tokio_test::task::spawn(EventStream::<Reading, _>::from_body(body).on_bad_event(skip));
        let mut polls = 0;
        while stream.poll_next().is_pending() {
            assert!(stream.is_woken());
            polls += 1;
        }
        assert!(polls >= MANY / 200, "{event:?}: {polls}");
    }
    assert_eq!(passed_over.load(Ordering::Relaxed), MANY);
}

#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls without budget until the output is ready, which must be after this time.
async fn ready_after<T>(time: Duration, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let tasks = [Arc::<Task>::default(), Arc::<Task>::default()];
    for task in [&tasks[0], &tasks[0], &tasks[1]] {
        spend(&mut Context::from_waker(Waker::noop()));
        let waker = Waker::from(Arc::clone(task));
        assert!(poll(&mut Context::from_waker(&waker)).is_pending());
    }
    // A poll without budget wakes the task at once.
    tokio::task::yield_now().await;
    tasks[1].0.store(0, Ordering::Relaxed);
    tokio::time::advance(time - Duration::from_millis(2)).await;
    assert_eq!(tasks[1].0.load(Ordering::Relaxed), 0);
    tokio::time::advance(Duration::from_millis(4)).await;
    assert!(tasks[1].0.load(Ordering::Relaxed) > 0, "the task is not woken");
    spend(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(output) = poll(&mut Context::from_waker(Waker::noop())) else { panic!("the timer did not fire") };
    output
}

async fn item_after<S: Stream + Unpin>(time: Duration, mut stream: S) -> S::Item {
    ready_after(time, |cx| stream.poll_next_unpin(cx)).await.unwrap()
}

fn get(reply: Answer) -> RequestBuilder<impl HttpService> {
    Client::new(ScriptedServer::new([reply])).get("/").reconnect(ReconnectPolicy::never())
}

fn never() -> Client<impl HttpService> {
    Client::new(tower::service_fn(|_: Request<Full<Bytes>>| {
        std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>()
    }))
}

#[tokio::test(start_paused = true)]
async fn every_timer_fires_although_the_budget_is_spent_at_each_poll() {
    let held = || Answer::stream().stall();
    for request in [get(held()).idle_timeout(5 * SECOND), get(held()).event_timeout(5 * SECOND)] {
        let stream = request.send::<Reading>().await.unwrap();
        assert!(item_after(5 * SECOND, stream).await.unwrap_err().is_timeout());
    }
    let source = get(held()).idle_timeout(5 * SECOND).connect::<Reading>();
    assert!(item_after(5 * SECOND, source).await.unwrap_err().is_timeout());

    let source = never().get("/").reconnect(ReconnectPolicy::never()).response_timeout(5 * SECOND);
    assert!(item_after(5 * SECOND, source.connect::<Reading>()).await.unwrap_err().is_timeout());
    let mut response = pin!(never().get("/").response_timeout(5 * SECOND).send::<Reading>());
    assert!(ready_after(5 * SECOND, |cx| response.as_mut().poll(cx)).await.unwrap_err().is_timeout());

    // The body of an error response that does not end is read for two seconds.
    let refusal = || Answer::status(503).send("no").stall();
    assert!(item_after(2 * SECOND, get(refusal()).connect::<Reading>()).await.unwrap_err().is_status());
    let mut service = SseDecodeLayer::<Reading>::new().layer(ScriptedServer::new([refusal()]));
    let mut response = pin!(service.call(Request::new(Full::<Bytes>::default())));
    assert!(ready_after(2 * SECOND, |cx| response.as_mut().poll(cx)).await.unwrap_err().is_status());

    // The delay before the second attempt, whose response is a 204.
    let mut source = get(Answer::close()).reconnect(ReconnectPolicy::default().jitter(0.0)).connect::<Reading>();
    assert!(ready_after(SECOND, |cx| source.poll_next_unpin(cx)).await.is_none());
    assert_eq!(source.ended(), Some(Ended::NoContent));
}

#[tokio::test(start_paused = true)]
async fn received_data_prevents_a_timeout_although_the_budget_is_spent_at_each_poll() {
    let mut stream = request("event: value\ndata: 1\n\n").idle_timeout(5 * SECOND).send::<Reading>().await.unwrap();
    for _ in 0..3 {
        assert!(ready_after(5 * SECOND, |cx| stream.poll_next_unpin(cx)).await.unwrap().is_ok());
    }
}

/// A tokio channel spends one unit of the budget, and so does the stream around it.
#[tokio::test(start_paused = true)]
async fn a_received_event_is_read_whatever_is_left_of_the_budget() {
    for left in 0..4 {
        let (sender, mut chunks) = mpsc::unbounded_channel::<Bytes>();
        let frames =
            stream::poll_fn(move |cx| chunks.poll_recv(cx)).map(|chunk| Ok::<_, Infallible>(Frame::data(chunk)));
        let events = EventStream::<Reading, _>::from_body(StreamBody::new(frames)).idle_timeout(SECOND);
        let mut events = tokio_test::task::spawn(events);
        assert!(events.poll_next().is_pending());
        // The task polls after the timeout has expired.
        sender.send(Bytes::from_static(b"event: value\ndata: 1\n\n")).unwrap();
        tokio::time::advance(2 * SECOND).await;
        let event = with_budget_of(left, |cx| events.poll_next_unpin(cx)).await;
        let event = event.unwrap().map(|event| event.data).map_err(|error| error.to_string());
        assert_eq!(event, Ok(Reading::Value(1)), "with {left} units left");
    }
}

#[tokio::test(start_paused = true)]
async fn a_received_response_is_accepted_whatever_is_left_of_the_budget() {
    for left in 0..3 {
        let (sender, receiver) = oneshot::channel::<Response<Full<Bytes>>>();
        let receiver = Arc::new(Mutex::new(Some(receiver)));
        let service =
            tower::service_fn(move |_: Request<Full<Bytes>>| receiver.lock().unwrap().take().expect("one request"));
        let request = Client::new(service).get("/").response_timeout(SECOND);
        let mut response = tokio_test::task::spawn(request.send::<Reading>());
        assert!(response.poll().is_pending());
        let answer = Response::builder().header("content-type", "text/event-stream");
        sender.send(answer.body(Full::default()).unwrap()).unwrap();
        tokio::time::advance(2 * SECOND).await;
        let response = with_budget_of(left, |cx| response.enter(|_, response| response.poll(cx))).await;
        assert!(response.is_ok(), "with {left} units left: {}", response.unwrap_err());
    }
}

#[tokio::test(start_paused = true)]
async fn commands_take_effect_although_the_budget_is_spent() {
    for request in [request("event: value\ndata: 1\n\n"), request(":\n")] {
        let mut source = request.connect::<RawEvent>();
        let (handle, task) = (source.handle(), Arc::<Task>::default());
        let waker = Waker::from(Arc::clone(&task));
        let mut cx = Context::from_waker(&waker);
        spend(&mut Context::from_waker(Waker::noop()));
        assert!(source.poll_next_unpin(&mut cx).is_pending());
        task.0.store(0, Ordering::Relaxed);
        handle.close();
        assert_eq!(task.0.load(Ordering::Relaxed), 1);
        assert!(matches!(source.poll_next_unpin(&mut cx), Poll::Ready(None)));
        assert_eq!(source.ended(), Some(Ended::Closed));
    }
}
