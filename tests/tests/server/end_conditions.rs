//! The end of a stream by a future or by a repeated check.

use std::{
    convert::Infallible,
    future::{Future, pending, ready},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use sse_typed::{
    Client, Encoded, RawEvent, Sse, SseLayer,
    server::{Drain, Events, Shutdown, SseBody, Stats},
};
use tests::budget::{Other, out_of_budget, poll_once as poll_with};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{Scene, encoded, frames, next_frame, poll_once, response, silence, text};

pub(crate) const TICK: &str = "event: tick\ndata: 1\n\n";
pub(crate) const DONE: &str = "event: done\ndata: null\n\n";

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A stream of one event, followed by silence.
pub(crate) fn open() -> Sse<impl Stream<Item = Scene> + Send> {
    Sse::new(stream::iter([Scene::Tick(1)]).chain(silence())).no_keep_alive()
}

type Notes = Arc<Mutex<Vec<String>>>;

/// A layer that records why streams end.
fn noting() -> (SseLayer, Notes) {
    let notes = Notes::default();
    let closes = Arc::clone(&notes);
    let layer = SseLayer::new().on_close(move |closed| {
        closes.lock().unwrap().push(format!("{} events={}", closed.reason().name(), closed.events()));
    });
    (layer, notes)
}

async fn answer<St: Events>(layer: &SseLayer, method: Method, sse: Sse<St>) -> Response<SseBody<St>> {
    let mut sse = Some(sse);
    let service = layer.layer(service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(sse.take().unwrap()))));
    service.oneshot(Request::builder().method(method).body(()).unwrap()).await.unwrap()
}

/// The reason of the end with the number of events, the text of the body, and the duration in seconds.
pub(crate) async fn ended<St: Events>(sse: Sse<St>) -> (String, String, u64) {
    let begin = Instant::now();
    let (layer, notes) = noting();
    let text = text(answer(&layer, Method::GET, sse).await).await;
    let notes = std::mem::take(&mut *notes.lock().unwrap());
    assert_eq!(notes.len(), 1, "{notes:?}");
    (notes[0].clone(), text, begin.elapsed().as_secs())
}

/// The number of polls and the drop of a [`Probed`] future.
#[derive(Clone, Default)]
struct Probe {
    polls: Arc<AtomicUsize>,
    dropped: Arc<AtomicBool>,
}

impl Probe {
    fn future<F: Future>(&self, future: F) -> Probed<F> {
        Probed { future: Box::pin(future), probe: self.clone() }
    }

    fn seen(&self) -> (usize, bool) {
        (self.polls.load(Ordering::SeqCst), self.dropped.load(Ordering::SeqCst))
    }
}

struct Probed<F> {
    future: Pin<Box<F>>,
    probe: Probe,
}

impl<F: Future> Future for Probed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.probe.polls.fetch_add(1, Ordering::SeqCst);
        self.future.as_mut().poll(cx)
    }
}

impl<F> Drop for Probed<F> {
    fn drop(&mut self) {
        self.probe.dropped.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_a_future_is_ready() {
    let after = |output| async {
        sleep(seconds(5)).await;
        output
    };
    assert_eq!(ended(open().until(sleep(seconds(5)))).await, ("until events=1".into(), TICK.into(), 5));
    assert_eq!(ended(open().until(after(None))).await, ("until events=1".into(), TICK.into(), 5));
    let last = || encoded(&Scene::Tick(2));
    let two = format!("{TICK}event: tick\ndata: 2\n\n");
    assert_eq!(ended(open().until(after(Some(last())))).await, ("until events=2".into(), two.clone(), 5));
    let bare = async {
        sleep(seconds(5)).await;
        encoded(&Scene::Tick(2))
    };
    assert_eq!(ended(open().until(bare)).await, ("until events=2".into(), two, 5));
    // The reason is `until` even if the last event is terminal.
    assert_eq!(
        ended(open().until(after(Some(encoded(&Scene::Done))))).await,
        ("until events=2".into(), format!("{TICK}{DONE}"), 5)
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_of_several_conditions_ends_the_stream_and_all_are_dropped() {
    let (slow, check) = (Probe::default(), Probe::default());
    let checks = check.clone();
    let sse = open()
        .until(slow.future(sleep(seconds(60))))
        .until(async {
            sleep(seconds(5)).await;
            encoded(&Scene::Done)
        })
        .recheck(seconds(2), move || checks.future(ready(true)))
        .until(pending::<()>());
    let (layer, _) = noting();
    let mut body = pin!(answer(&layer, Method::GET, sse).await.into_body());
    assert_eq!(next_frame(body.as_mut()).await.unwrap(), TICK);
    assert_eq!(next_frame(body.as_mut()).await.unwrap(), DONE);
    assert!(slow.seen().1, "the future is dropped with the last event, not with the body");
    assert!(check.seen().0 >= 1);
    assert!(body.is_end_stream());
    // If several are ready, the first that was added ends the stream.
    let both = open().until(async { encoded(&Scene::Done) }).until(async { encoded(&Scene::Tick(9)) });
    assert_eq!(ended(both).await.1, DONE);
}

#[tokio::test(start_paused = true)]
async fn a_future_that_is_never_ready_does_not_end_the_stream() {
    let mut body = pin!(response(open().until(pending::<Encoded>()).keep_alive(seconds(15))).into_body());
    assert_eq!(next_frame(body.as_mut()).await.unwrap(), TICK);
    for _ in 0..3 {
        assert_eq!(next_frame(body.as_mut()).await.unwrap(), ": keep-alive\n\n");
    }
    let finished = Sse::new(stream::iter([Scene::Tick(1)])).until(pending::<()>());
    assert_eq!(ended(finished).await, ("finished events=1".into(), TICK.into(), 0));
}

#[tokio::test]
async fn a_future_that_is_ready_at_once_makes_a_200_with_only_its_event() {
    let at_once = response(open().retry(seconds(3)).until(async { encoded(&Scene::Done) }));
    assert_eq!(at_once.status(), StatusCode::OK);
    assert_eq!(frames(at_once).await, [format!("retry: 3000\n\n{DONE}")]);
    let nothing = response(open().until(ready(())));
    assert_eq!(nothing.status(), StatusCode::OK);
    assert!(frames(nothing).await.is_empty());
}

#[tokio::test]
async fn events_that_are_ready_together_with_the_future_are_not_sent() {
    for last in [Scene::Tick(1), Scene::Done] {
        let (close, closed) = oneshot::channel::<()>();
        let mut last = Some(last);
        let mut polls = 0;
        let events = stream::poll_fn(move |_| {
            polls += 1;
            if polls == 1 { Poll::Pending } else { Poll::Ready(last.take()) }
        });
        let sse = Sse::new(events).no_keep_alive().until(async {
            let _ = closed.await;
        });
        let (layer, notes) = noting();
        let mut body = pin!(answer(&layer, Method::GET, sse).await.into_body());
        assert_eq!(poll_once(body.as_mut()), Poll::Pending);
        close.send(()).unwrap();
        assert_eq!(poll_once(body.as_mut()), Poll::Ready(None));
        assert_eq!(*notes.lock().unwrap(), ["until events=0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_and_a_lifetime_are_checked_before_a_future() {
    let shutdown = Shutdown::new();
    let (layer, notes) = noting();
    let layer = layer.shutdown(&shutdown, Drain::Farewell(encoded(&Scene::Done)));
    let (close, closed) = oneshot::channel::<()>();
    let sse = open().until(async {
        let _ = closed.await;
        encoded(&Scene::Tick(9))
    });
    let mut body = pin!(answer(&layer, Method::GET, sse).await.into_body());
    assert_eq!(next_frame(body.as_mut()).await.unwrap(), TICK);
    close.send(()).unwrap();
    shutdown.begin();
    assert_eq!(next_frame(body.as_mut()).await.unwrap(), DONE);
    assert_eq!(next_frame(body.as_mut()).await, None);
    assert_eq!(*notes.lock().unwrap(), ["shutdown events=2"]);

    let over = open().max_lifetime(Duration::ZERO).until(ready(()));
    assert_eq!(ended(over).await.0, "lifetime events=0");

    // During a grace period the future ends the stream.
    let shutdown = Shutdown::new();
    let (layer, notes) = noting();
    let layer = layer.shutdown(&shutdown, Drain::Finish { grace: seconds(60) });
    let begin = Instant::now();
    let mut body = pin!(answer(&layer, Method::GET, open().until(sleep(seconds(5)))).await.into_body());
    assert_eq!(next_frame(body.as_mut()).await.unwrap(), TICK);
    shutdown.begin();
    assert!(next_frame(body.as_mut()).await.unwrap().starts_with("retry: "));
    assert_eq!(next_frame(body.as_mut()).await, None);
    assert_eq!((begin.elapsed().as_secs(), &notes.lock().unwrap()[..]), (5, &["until events=1".to_owned()][..]));
}

#[tokio::test(start_paused = true)]
async fn the_first_check_is_after_half_to_one_interval_and_the_others_are_one_interval_apart() {
    let mut firsts = Vec::new();
    for _ in 0..50 {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let times = Arc::clone(&asked);
        let begin = Instant::now();
        let sse = open().recheck(seconds(10), move || {
            let times = Arc::clone(&times);
            async move {
                times.lock().unwrap().push(begin.elapsed());
                // The next interval begins when the check is finished.
                sleep(seconds(3)).await;
                times.lock().unwrap().len() < 3
            }
        });
        let (reason, sent, _) = ended(sse).await;
        assert_eq!((reason.as_str(), sent.as_str()), ("recheck events=1", TICK));
        let asked = asked.lock().unwrap();
        assert!((seconds(5)..=Duration::from_millis(10_001)).contains(&asked[0]), "{asked:?}");
        // Timers count whole milliseconds.
        for pair in asked.windows(2) {
            assert_eq!((pair[1] - pair[0]).as_secs_f64().round() as u64, 13, "{asked:?}");
        }
        firsts.push(asked[0]);
    }
    assert!(firsts.iter().any(|first| *first < seconds(7)) && firsts.iter().any(|first| *first > seconds(8)));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_returns_false_ends_the_stream_within_one_interval() {
    for revoked_after in [0, 1, 7, 10, 25, 99] {
        let begin = Instant::now();
        let is_valid = move || ready(begin.elapsed() < seconds(revoked_after));
        let (reason, _, after) = ended(open().recheck(seconds(10), is_valid)).await;
        assert_eq!(reason, "recheck events=1");
        assert!((revoked_after..=revoked_after + 10).contains(&after), "{revoked_after}: {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_polled_while_a_check_runs() {
    let ticks = stream::unfold(0, |n| async move {
        sleep(seconds(1)).await;
        Some((Scene::Tick(n), n + 1))
    });
    let check = Probe::default();
    let checks = check.clone();
    let sse = Sse::new(ticks).recheck(seconds(2), move || checks.future(pending()));
    let mut body = pin!(response(sse).into_body());
    for _ in 0..100 {
        assert!(next_frame(body.as_mut()).await.unwrap().starts_with("event: tick"));
    }
    assert!(check.seen().0 > 10 && !check.seen().1, "one check is still running");
    // A check with a timeout, as in the documentation.
    let bounded = open().recheck(seconds(2), || async { timeout(seconds(3), pending()).await.unwrap_or(false) });
    let (reason, _, after) = ended(bounded).await;
    assert_eq!((reason.as_str(), (4..=5).contains(&after)), ("recheck events=1", true));
}

#[tokio::test(start_paused = true)]
async fn a_zero_interval_is_no_busy_loop_and_after_a_maximal_one_no_check_runs() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let sse = open().until(sleep(seconds(10))).recheck(Duration::ZERO, move || {
        count.fetch_add(1, Ordering::SeqCst);
        ready(true)
    });
    assert_eq!(ended(sse).await.0, "until events=1");
    // The timer rounds each interval up to a millisecond.
    assert!((95..=101).contains(&asked.load(Ordering::SeqCst)), "{asked:?}");

    let never = Probe::default();
    let checks = never.clone();
    let sse = open().until(sleep(seconds(1_000_000))).recheck(Duration::MAX, move || checks.future(ready(false)));
    assert_eq!(ended(sse).await, ("until events=1".into(), TICK.into(), 1_000_000));
    assert_eq!(never.seen(), (0, false));
}

#[tokio::test]
async fn the_future_of_a_response_without_a_stream_is_dropped_unpolled() {
    let probe = Probe::default();
    let inner_probe = Probe::default();
    let full = SseLayer::new().max_streams(0);
    let plain = SseLayer::new();
    let with_conditions = |probe: &Probe| Sse::new(silence()).boxed().until(probe.future(ready(())));
    for (layer, method, sse, status) in [
        (&plain, Method::HEAD, with_conditions(&probe), 200),
        (&full, Method::GET, with_conditions(&probe), 503),
        (&plain, Method::GET, Sse::stop().until(probe.future(ready(()))), 204),
        (&plain, Method::GET, Sse::new(stream::empty::<Scene>()).boxed().until(probe.future(ready(()))), 204),
    ] {
        probe.dropped.store(false, Ordering::SeqCst);
        let answer = answer(layer, method, sse).await;
        assert_eq!(answer.status(), status);
        assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty());
        assert_eq!(probe.seen(), (0, true), "{status}");
    }
    // So is the future of a response that only an outer layer knows to answer a HEAD request.
    let inner = response(with_conditions(&inner_probe));
    let (outer, notes) = noting();
    let mut inner = Some(inner);
    let service = outer.layer(service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(inner.take().unwrap()))));
    let head = service.oneshot(Request::head("/").body(()).unwrap()).await.unwrap();
    assert!(text(head).await.is_empty());
    assert_eq!((inner_probe.seen(), notes.lock().unwrap().len()), ((0, true), 0));
}

#[tokio::test(start_paused = true)]
async fn conditions_work_for_every_kind_of_stream() {
    let after = || sleep(seconds(5));
    assert_eq!(ended(open().until(after()).boxed()).await.0, "until events=1");
    assert_eq!(ended(open().boxed().until(after())).await.0, "until events=1");
    let results = stream::iter([Ok(Scene::Tick(1)), Ok(Scene::Tick(2))]).chain(silence().map(Ok::<_, ()>));
    let failing = Sse::from_results(results, |()| None).until(after());
    assert_eq!(ended(failing).await.0, "until events=2");
    let skipping = stream::iter([Scene::Tick(1), Scene::Broken]).chain(silence());
    assert_eq!(ended(Sse::new(skipping).on_unsendable(|_| None).until(after())).await.0, "until events=1");
}

/// `BoxBody` of `http-body-util` requires `Sync`, and futures are only `Send`.
#[test]
fn a_response_with_a_future_that_is_not_sync_is_sync() {
    fn is_sync<T: Send + Sync>(_: &T) {}
    let sse = Sse::new(stream::iter([Scene::Tick(1)])).until(async {
        let cell = std::cell::Cell::new(0);
        pending::<()>().await;
        cell.set(1);
    });
    is_sync(&sse);
    is_sync(&response(sse).into_body().boxed());
}

#[tokio::test(start_paused = true)]
async fn conditions_end_a_stream_that_is_always_ready() {
    let other = Other::spawn();
    let flood = || Sse::new(stream::repeat(Scene::Tick(1)));
    for (name, sse) in
        [("until", flood().until(sleep(seconds(5)))), ("recheck", flood().recheck(seconds(10), || ready(false)))]
    {
        let (layer, notes) = noting();
        let mut body = Box::pin(answer(&layer, Method::GET, sse).await.into_body());
        let begin = Instant::now();
        while let Poll::Ready(Some(_)) = poll_with(true, |cx| body.as_mut().poll_frame(cx)).await {
            tokio::time::advance(Duration::from_millis(100)).await;
            assert!(begin.elapsed() < seconds(11));
        }
        assert!(notes.lock().unwrap()[0].starts_with(name));
        assert!(begin.elapsed() >= seconds(5));
    }
    assert!(other.turns() > 0);
}

#[tokio::test(start_paused = true)]
async fn a_poll_without_budget_arms_a_condition() {
    let begin = Instant::now();
    let mut body = Box::pin(response(Sse::new(silence()).no_keep_alive().until(sleep(seconds(5)))).into_body());
    assert!(out_of_budget(|cx| body.as_mut().poll_frame(cx)).await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 5);

    let asked = Sse::new(silence()).no_keep_alive().recheck(seconds(10), || ready(false));
    let mut body = Box::pin(response(asked).into_body());
    assert!(out_of_budget(|cx| body.as_mut().poll_frame(cx)).await.is_none());
    assert!((10..=15).contains(&begin.elapsed().as_secs()));
}

#[tokio::test(start_paused = true)]
async fn a_condition_wakes_the_task_that_polled_last() {
    let (close, closed) = oneshot::channel::<()>();
    let until = Sse::new(silence()).no_keep_alive().until(async {
        let _ = closed.await;
    });
    let recheck = Sse::new(silence()).no_keep_alive().recheck(seconds(10), || ready(false));
    let mut close = Some(close);
    for sse in [until, recheck] {
        let mut body = Box::pin(response(sse.boxed()).into_body());
        let mut tasks = [tokio_test::task::spawn(()), tokio_test::task::spawn(())];
        for task in &mut tasks {
            for _ in 0..2 {
                task.enter(|cx, _| assert!(body.as_mut().poll_frame(cx).is_pending()));
            }
        }
        match close.take() {
            Some(close) => close.send(()).unwrap(),
            None => sleep(seconds(11)).await,
        }
        assert!(tasks[1].is_woken() && !tasks[0].is_woken());
        tasks[0].enter(|cx, _| assert!(matches!(body.as_mut().poll_frame(cx), Poll::Ready(None))));
    }
}

#[tokio::test(start_paused = true)]
async fn stats_count_both_reasons() {
    let stats = Stats::new();
    let layer = SseLayer::new().stats(&stats);
    text(answer(&layer, Method::GET, open().until(ready(()))).await).await;
    text(answer(&layer, Method::GET, open().recheck(seconds(1), || ready(false))).await).await;
    let counted: Vec<_> = stats.closed().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("until", 1), ("recheck", 1)]);
    assert_eq!(stats.open(), 0);
}

/// When a session is revoked, the stream ends, the client reconnects, and is refused for good.
#[tokio::test(start_paused = true)]
async fn a_client_whose_session_was_revoked_is_refused_when_it_reconnects() {
    let valid = Arc::new(AtomicBool::new(true));
    let requests = Arc::new(AtomicUsize::new(0));
    let (session, count) = (Arc::clone(&valid), Arc::clone(&requests));
    let service = SseLayer::new().layer(service_fn(move |_: Request<Full<Bytes>>| {
        count.fetch_add(1, Ordering::SeqCst);
        let session = Arc::clone(&session);
        ready(Ok::<_, Infallible>(if session.load(Ordering::SeqCst) {
            Ok(open().boxed().recheck(seconds(60), move || ready(session.load(Ordering::SeqCst))))
        } else {
            Err(Response::builder().status(401).body(String::new()).unwrap())
        }))
    }));
    let mut events = Client::new(service).get("http://news.example/").connect::<RawEvent>();
    assert!(events.try_next().await.unwrap().is_some());
    let begin = Instant::now();
    valid.store(false, Ordering::SeqCst);
    let error = events.try_next().await.unwrap_err();
    assert_eq!((error.status(), requests.load(Ordering::SeqCst)), (Some(StatusCode::UNAUTHORIZED), 2));
    assert!(begin.elapsed() <= seconds(70), "{:?}", begin.elapsed());
}
