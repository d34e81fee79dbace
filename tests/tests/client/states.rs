//! The state of a source, as its handles show it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::body::Body;
use futures_util::{FutureExt, StreamExt, stream::FusedStream};
use http::{Request, Response, StatusCode};
use sse_typed::{
    Client, EventSource,
    client::{Ended, Handle, ReadyState, ReconnectPolicy, Signal, Signals, SourceState, StateChanges},
    testing::{Answer, ScriptedServer},
};
use tokio::{sync::Barrier, time::Instant};

use crate::reading::Reading;

const SECOND: Duration = Duration::from_secs(1);
const EVENT: &str = "id: 7\nevent: value\ndata: 1\n\n";

fn connect(replies: impl IntoIterator<Item = Answer>, policy: ReconnectPolicy) -> EventSource<Reading> {
    Client::new(ScriptedServer::new(replies)).get("/").reconnect(policy.jitter(0.0)).connect().boxed()
}

/// Seconds since `started`.
fn since(started: Instant, moment: Option<std::time::Instant>) -> Option<u64> {
    moment.map(|moment| (moment - started.into_std()).as_secs())
}

fn shown(state: &SourceState) -> String {
    let ended = state.ended().map(|ended| format!(" {ended:?}")).unwrap_or_default();
    format!("{:?}{ended} {} {}", state.ready_state(), state.attempts(), state.failures())
}

#[tokio::test(start_paused = true)]
async fn a_state_has_the_connection_and_the_last_error() {
    let started = Instant::now();
    let replies = [
        Answer::status(503).header("retry-after", "3"),
        Answer::stream().wait(4 * SECOND).send(EVENT).send("event: new\ndata\n\n").wait(SECOND),
    ];
    let mut source = connect(replies, ReconnectPolicy::new());
    let handle = source.handle();
    let state = handle.state();
    assert_eq!(shown(&state), "Connecting 0 0");
    assert!(state.last_error().is_none() && state.last_event_at().is_none() && state.next_attempt_at().is_none());

    assert!(source.next().now_or_never().is_none());
    let state = handle.state();
    assert_eq!(shown(&state), "Connecting 1 1");
    assert_eq!(since(started, state.next_attempt_at()), Some(3));
    let error = state.last_error().unwrap();
    assert_eq!((error.kind(), error.status()), ("Status", Some(StatusCode::SERVICE_UNAVAILABLE)));
    assert_eq!(error.message(), "the response is not an event stream: its status is 503 Service Unavailable");
    assert_eq!(since(started, Some(error.at())), Some(0));

    tokio::time::advance(3 * SECOND).await;
    assert!(source.next().now_or_never().is_none());
    let state = handle.state();
    // A `200 OK` alone does not reset the failures.
    assert_eq!(shown(&state), "Open 2 1");
    assert_eq!((since(started, state.connected_since()), state.last_event_id()), (Some(3), ""));
    assert!(state.next_attempt_at().is_none() && state.last_event_at().is_none());

    source.next().await.unwrap().unwrap();
    let state = handle.state();
    assert_eq!(shown(&state), "Open 2 0");
    assert_eq!((since(started, state.last_event_at()), state.last_event_id()), (Some(7), "7"));
    assert!(state.last_error().is_some(), "of the past");

    tokio::time::advance(SECOND / 2).await;
    assert!(source.next().now_or_never().is_none());
    assert_eq!(since(started, handle.state().last_event_at()), Some(7));
}

#[tokio::test(start_paused = true)]
async fn events_of_every_type_are_a_sign_of_life() {
    let started = Instant::now();
    let body =
        Answer::stream().send(EVENT).wait(2 * SECOND).send("event: new\ndata\n\n").wait(SECOND).send(": no event\n");
    let mut source = connect([body.stall()], ReconnectPolicy::new());
    let handle = source.handle();
    source.next().await.unwrap().unwrap();
    assert!(tokio::time::timeout(9 * SECOND, source.next()).await.is_err());
    assert_eq!(since(started, handle.state().last_event_at()), Some(2));
}

#[tokio::test(start_paused = true)]
async fn changes_are_yielded_in_order_and_end_with_the_source() {
    let replies = [
        Answer::close(),
        Answer::stream().wait(SECOND).send(EVENT.repeat(3)).wait(SECOND),
        Answer::stream().send(EVENT.repeat(3)).wait(SECOND).send("event: bye\ndata\n\n"),
    ];
    let mut source = connect(replies, ReconnectPolicy::new());
    let mut changes = source.handle().state_changes();
    let (states, ()) = tokio::join!(
        async {
            let mut states = Vec::new();
            while let Some(state) = changes.next().await {
                states.push(shown(&state));
            }
            states
        },
        async { while source.next().await.is_some() {} }
    );
    let expected = [
        "Connecting 0 0",
        "Connecting 1 1",
        "Open 2 1",
        "Open 2 0",
        "Connecting 2 0",
        "Open 3 0",
        "Closed Terminal 3 0",
    ];
    assert_eq!(states, expected);
    assert!(changes.is_terminated() && changes.next().await.is_none());
    drop(source);
    assert!(changes.next().await.is_none());
}

/// Returns the first change after the current state, which `cause` must bring about.
async fn first_change(source: &mut EventSource<Reading>, cause: impl FnOnce(&Handle)) -> SourceState {
    let handle = source.handle();
    let mut changes = tokio_test::task::spawn(handle.state_changes());
    assert!(changes.poll_next().is_ready() && changes.poll_next().is_pending());
    cause(&handle);
    assert!(changes.is_woken());
    let state = changes.next().now_or_never().unwrap().unwrap();
    assert!(changes.next().now_or_never().unwrap().is_none(), "it is the last");
    state
}

#[tokio::test(start_paused = true)]
async fn a_closed_or_failed_source_has_its_final_state_at_once() {
    let mut source = connect([Answer::stream().send(EVENT).stall()], ReconnectPolicy::new());
    source.next().await.unwrap().unwrap();
    let state = first_change(&mut source, Handle::close).await;
    assert_eq!(shown(&state), "Closed Closed 1 0");
    assert!(state.connected_since().is_none());
    assert!(source.next().await.is_none());
    assert_eq!(shown(&source.handle().state()), "Closed Closed 1 0");

    let mut source = connect([Answer::close(), Answer::close()], ReconnectPolicy::new().max_attempts(2));
    let mut changes = source.handle().state_changes();
    assert!(source.next().await.unwrap().unwrap_err().is_gave_up());
    let state = changes.next().await.unwrap();
    assert_eq!((shown(&state), state.last_error().unwrap().kind()), ("Closed Failed 2 2".to_owned(), "GaveUp"));
    assert!(changes.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_state_of_a_dropped_source_says_so() {
    let mut source = connect([Answer::stream().send(EVENT).stall()], ReconnectPolicy::new());
    source.next().await.unwrap().unwrap();
    let handle = source.handle();
    let state = {
        let mut dropped = Some(source);
        let mut changes = tokio_test::task::spawn(handle.state_changes());
        assert!(changes.poll_next().is_ready() && changes.poll_next().is_pending());
        dropped.take();
        assert!(changes.is_woken());
        let state = changes.next().now_or_never().unwrap().unwrap();
        assert!(changes.next().now_or_never().unwrap().is_none());
        state
    };
    assert_eq!((shown(&state), state.is_dropped()), ("Closed 1 0".to_owned(), true));
    assert_eq!((state.last_event_id(), state.connected_since()), ("7", None));
    // A command has no effect any more.
    handle.close();
    assert_eq!(handle.state().ended(), None);
}

#[tokio::test(start_paused = true)]
async fn a_handle_created_later_has_the_current_state() {
    let started = Instant::now();
    let mut source = connect([Answer::stream().wait(SECOND).send(EVENT).stall()], ReconnectPolicy::new());
    source.next().await.unwrap().unwrap();
    let mut source = source.boxed();
    let state = source.handle().state();
    assert_eq!((shown(&state), state.last_event_id()), ("Open 1 0".to_owned(), "7"));
    // The time of an event before the first handle is not known.
    assert_eq!((since(started, state.connected_since()), state.last_event_at()), (Some(0), None));
}

#[tokio::test(start_paused = true)]
async fn an_event_does_not_wake_tasks_that_wait_for_a_change() {
    let mut source = connect([Answer::stream().send(EVENT.repeat(5)).stall()], ReconnectPolicy::new());
    source.next().await.unwrap().unwrap();
    let mut changes = tokio_test::task::spawn(source.handle().state_changes());
    assert!(changes.poll_next().is_ready() && changes.poll_next().is_pending());
    for _ in 0..4 {
        source.next().await.unwrap().unwrap();
    }
    assert!(!changes.is_woken());
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_change_can_be_cancelled_at_any_time() {
    let mut source = connect([Answer::stream().send(EVENT)], ReconnectPolicy::new());
    let mut changes = source.handle().state_changes();
    assert!(changes.next().now_or_never().is_some());
    assert!(changes.next().now_or_never().is_none());
    source.next().await.unwrap().unwrap();
    // The cancelled wait does not lose the change.
    assert_eq!(shown(&changes.next().now_or_never().unwrap().unwrap()), "Open 1 0");
    // Dropping the stream of changes drops its waker.
    let waker = Arc::new(());
    drop_while_waiting(source.handle().state_changes(), &waker);
    assert_eq!(Arc::strong_count(&waker), 1);
}

fn drop_while_waiting(mut changes: StateChanges, owned: &Arc<()>) {
    struct Owner(#[expect(dead_code, reason = "it is owned")] Arc<()>);
    impl std::task::Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let waker = std::task::Waker::from(Arc::new(Owner(Arc::clone(owned))));
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(changes.poll_next_unpin(&mut cx).is_ready());
    assert!(changes.poll_next_unpin(&mut cx).is_pending());
    drop(waker);
    assert_eq!(Arc::strong_count(owned), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tasks_on_other_threads_all_see_the_last_state() {
    for _ in 0..50 {
        let mut source = connect([Answer::stream().send("event: bye\ndata\n\n")], ReconnectPolicy::new());
        let handle = source.handle();
        let barrier = Arc::new(Barrier::new(9));
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let (mut changes, barrier) = (handle.state_changes(), Arc::clone(&barrier));
                tokio::spawn(async move {
                    barrier.wait().await;
                    let mut last = None;
                    while let Some(state) = changes.next().await {
                        last = Some(state);
                    }
                    last.unwrap().ended()
                })
            })
            .collect();
        barrier.wait().await;
        while source.next().await.is_some() {}
        for waiting in waiting {
            assert_eq!(waiting.await.unwrap(), Some(Ended::Terminal));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn boxing_keeps_the_state_of_signals() {
    let service = ScriptedServer::new([Answer::stream().send(": hi\n").send(EVENT).wait(SECOND).send(EVENT)]);
    let mut signals = Client::new(service.clone()).get("/").connect::<Reading>().with_signals();
    assert!(matches!(signals.next().await, Some(Ok(Signal::Open(_)))));
    let handle = signals.source().handle();
    let mut signals: Signals<Reading> = signals.boxed();
    assert!(matches!(signals.next().await, Some(Ok(Signal::Comment(text))) if text == "hi"));
    assert!(matches!(signals.next().await, Some(Ok(Signal::Event(_)))));
    assert_eq!((handle.state().last_event_id(), service.requests().len()), ("7", 1));
    handle.close();
    assert!(signals.next().await.is_none());
}

/// A source whose service responds at once, and whose requests restart it.
fn restarted_by_each_request() -> EventSource<Reading> {
    let service = tower::service_fn(|_: Request<Body>| {
        let response = Response::builder().header("content-type", "text/event-stream");
        std::future::ready(Ok::<_, Infallible>(
            response.body(Body::from_stream(futures_util::stream::pending::<Result<&str, Infallible>>())).unwrap(),
        ))
    });
    let slot = Arc::new(std::sync::Mutex::new(None::<Handle>));
    let held = Arc::clone(&slot);
    let mut source = Client::with_body(service)
        .get("/")
        .request(move |attempt| {
            held.lock().unwrap().as_ref().unwrap().restart();
            std::future::ready(Ok(attempt.into_request()))
        })
        .connect()
        .boxed();
    *slot.lock().unwrap() = Some(source.handle());
    source
}

#[tokio::test(start_paused = true)]
async fn a_source_that_each_request_restarts_lets_other_tasks_run() {
    let mut source = restarted_by_each_request();
    let handle = source.handle();
    assert!(source.next().now_or_never().is_none());
    let attempts = handle.state().attempts();
    assert!((1..100).contains(&attempts), "{attempts}");
    assert_eq!(handle.state().ready_state(), ReadyState::Connecting);

    let mut signals = restarted_by_each_request().with_signals();
    let signals = async { while signals.next().await.is_some() {} };
    assert!(tokio::time::timeout(SECOND, signals).now_or_never().is_none());
}
