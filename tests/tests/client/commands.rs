//! The commands of a handle reach the task that polls the source, whatever the source is doing, and take effect at
//! once.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use axum::body::Body;
use futures_util::Stream;
use http::{Request, Response};
use sse_typed::{
    Client, EventSource, RawEvent,
    client::{BadEvent, Ended, Handle, HttpService, ReadyState, Resume},
    testing::{Answer, ScriptedServer},
};

use crate::reading::Reading;

/// A task that counts its wake-ups.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn woken(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }

    fn poll<S: Stream + Unpin>(self: &Arc<Self>, stream: &mut S) -> Poll<Option<S::Item>> {
        let waker = Waker::from(Arc::clone(self));
        Pin::new(stream).poll_next(&mut Context::from_waker(&waker))
    }
}

/// A service that never responds.
fn never() -> Client<impl HttpService> {
    Client::with_body(tower::service_fn(|_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, Infallible>>()
    }))
}

#[tokio::test(start_paused = true)]
async fn every_command_wakes_the_task_also_after_an_earlier_one() {
    for last in [Handle::close, Handle::restart] {
        let mut source = never().get("/").connect::<RawEvent>();
        let (handle, task) = (source.handle(), Arc::new(Task::default()));
        assert!(task.poll(&mut source).is_pending());
        for order in [Handle::restart, Handle::restart, last] {
            order(&handle);
            assert_eq!(task.woken(), 1);
            let _ = task.poll(&mut source);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_wakes_the_task_that_polled_last() {
    let mut source = never().get("/").connect::<RawEvent>();
    let (handle, first, second) = (source.handle(), Arc::new(Task::default()), Arc::new(Task::default()));
    assert!(first.poll(&mut source).is_pending());
    assert!(second.poll(&mut source).is_pending());
    handle.close();
    assert_eq!((first.woken(), second.woken()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_handle_does_not_keep_the_task_of_a_source_that_was_dropped_or_has_ended() {
    let task = Arc::new(Task::default());
    let service = ScriptedServer::new([Answer::stream().send("event: bye\ndata\n\n")]);
    let mut over = Client::new(service).get("/").connect::<Reading>();
    let _handle = over.handle();
    assert!(task.poll(&mut over).is_ready());
    assert_eq!(Arc::strong_count(&task), 1);
    assert_eq!(task.poll(&mut over).map(|item| item.is_none()), Poll::Ready(true));
    assert_eq!(Arc::strong_count(&task), 1);

    let mut dropped = Client::new(ScriptedServer::new([Answer::stream().stall()])).get("/").connect::<Reading>();
    let _handle = dropped.handle();
    assert!(task.poll(&mut dropped).is_pending());
    assert!(Arc::strong_count(&task) > 1);
    drop(dropped);
    assert_eq!(Arc::strong_count(&task), 1);
}

/// A task that owns its source, like a spawned one: dropping its last waker drops the source.
struct Owner(Mutex<Option<EventSource<RawEvent>>>);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test(start_paused = true)]
async fn dropping_a_waker_that_owns_the_source_does_not_deadlock() {
    let client = Client::new(ScriptedServer::new([Answer::stream().stall()]));
    let mut source = client.get("/").connect::<RawEvent>().boxed();
    let handle = source.handle();
    let owner = Arc::new(Owner(Mutex::new(None)));
    let waker = Waker::from(Arc::clone(&owner));
    assert!(Pin::new(&mut source).poll_next(&mut Context::from_waker(&waker)).is_pending());
    *owner.0.lock().unwrap() = Some(source);
    drop((owner, waker));
    // The handle's waker was the last; dropping it under the lock would lock twice.
    handle.close();
}

#[tokio::test(start_paused = true)]
async fn k5_after_a_hook_has_closed_the_source_no_event_follows() {
    let body = "event: value\ndata: bad\n\nevent: value\ndata: worse\n\nevent: value\ndata: 2\n\n";
    let service = ScriptedServer::new([Answer::stream().send(body).stall()]);
    let slot: Arc<Mutex<Option<Handle>>> = Arc::default();
    let (held, hook_calls) = (Arc::clone(&slot), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&hook_calls);
    let hook = BadEvent::skip(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        held.lock().unwrap().as_ref().unwrap().close();
    });
    let mut source = Client::new(service.clone()).get("/").on_bad_event(hook).connect::<Reading>();
    *slot.lock().unwrap() = Some(source.handle());
    assert!(source.next().await.is_none());
    assert_eq!(source.ended(), Some(Ended::Closed));
    assert_eq!((hook_calls.load(Ordering::Relaxed), service.requests().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn k5_an_event_received_while_another_thread_closes_is_not_delivered() {
    // Closes the source during the poll that receives the event.
    let slot: Arc<Mutex<Option<Handle>>> = Arc::default();
    let held = Arc::clone(&slot);
    let closing = tower::service_fn(move |_: Request<Body>| {
        let held = Arc::clone(&held);
        let body = futures_util::stream::once(async move {
            held.lock().unwrap().as_ref().unwrap().close();
            Ok::<_, Infallible>("data: 1\n\n")
        });
        let response = Response::builder().header("content-type", "text/event-stream");
        std::future::ready(Ok::<_, Infallible>(response.body(Body::from_stream(body)).unwrap()))
    });
    let mut source = Client::with_body(closing).get("/").connect::<RawEvent>();
    *slot.lock().unwrap() = Some(source.handle());
    assert!(source.next().await.is_none());
    assert_eq!(source.ended(), Some(Ended::Closed));
}

#[tokio::test(start_paused = true)]
async fn k5_a_source_is_closed_as_soon_as_its_handle_closes_it() {
    let service = ScriptedServer::new([Answer::stream().send("data: 1\n\ndata: 2\n\n").stall()]);
    let mut source = Client::new(service).get("/").connect::<RawEvent>();
    let handle = source.handle();
    assert!(source.next().await.is_some());
    assert_eq!((source.ready_state(), source.ended()), (ReadyState::Open, None));
    handle.close();
    assert_eq!((source.ready_state(), source.ended()), (ReadyState::Closed, Some(Ended::Closed)));
    assert!(source.next().await.is_none());
    assert_eq!((source.ready_state(), source.ended()), (ReadyState::Closed, Some(Ended::Closed)));
}

async fn next_or_none(source: &mut EventSource<RawEvent>) -> Option<String> {
    let next = tokio::time::timeout(std::time::Duration::from_secs(1), source.next()).await;
    Some(next.ok()??.unwrap().data.data().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_repeat_a_request_that_is_sent_once() {
    for resume in [None, Some(Resume::Get)] {
        let service = ScriptedServer::new([Answer::stream().send("data: 1\n\ndata: 2\n\n").stall()]);
        let mut request = Client::new(service.clone()).post("/pay");
        if let Some(resume) = resume {
            request = request.resume_with(resume);
        }
        let mut source = request.connect().boxed();
        let handle = source.handle();
        assert_eq!(next_or_none(&mut source).await.as_deref(), Some("1"));
        handle.restart();
        // The stream continues: without an ID there is no position to resume from.
        assert_eq!(next_or_none(&mut source).await.as_deref(), Some("2"), "{resume:?}");
        assert_eq!(service.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_does_not_repeat_a_request_without_a_response_yet() {
    for (resume, expected) in [(None, 1), (Some(Resume::Get), 1), (Some(Resume::Same), 2)] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let service = tower::service_fn(move |_: Request<Body>| {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        let mut request = Client::with_body(service).post("/pay").last_event_id(sse_typed::EventId::from(7));
        if let Some(resume) = resume {
            request = request.resume_with(resume);
        }
        let mut source = request.connect::<RawEvent>().boxed();
        let handle = source.handle();
        assert_eq!(next_or_none(&mut source).await, None);
        handle.restart();
        assert_eq!(next_or_none(&mut source).await, None);
        assert_eq!(count.load(Ordering::Relaxed), expected, "{resume:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_resumes_a_post_as_set() {
    for (resume, expected) in [(Resume::Get, ["POST", "GET"]), (Resume::Same, ["POST", "POST"])] {
        let service = ScriptedServer::new([
            Answer::stream().send("id: 1\ndata: 1\n\n").stall(),
            Answer::stream().send("data: 2\n\n").stall(),
        ]);
        let mut source = Client::new(service.clone()).post("/mcp").resume_with(resume).connect().boxed();
        let handle = source.handle();
        assert_eq!(next_or_none(&mut source).await.as_deref(), Some("1"));
        handle.restart();
        assert_eq!(next_or_none(&mut source).await.as_deref(), Some("2"));
        let requests = service.requests();
        let methods: Vec<_> = requests.iter().map(|request| request.method.as_str()).collect();
        assert_eq!(methods, expected);
        assert_eq!(requests[1].header("last-event-id"), Some("1"));
    }
}
