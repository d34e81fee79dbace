//! The frames of a body.

use std::{
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt, future::poll_fn, stream};
use http_body::Body;
use sse_typed::{Encoded, RawEvent, Sse, SseLayer};
use tokio::sync::mpsc;

use crate::common::{Scene, encoded, frames, next_frame, poll_once, response};

const TICK: &str = "event: tick\ndata: 1\n\n";

#[tokio::test]
async fn events_that_are_ready_together_leave_at_once_as_one_frame() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut body = pin!(response(Sse::new(stream::poll_fn(move |cx| receiver.poll_recv(cx)))).into_body());
    assert_eq!(poll_once(body.as_mut()), Poll::Pending);
    for count in [1, 3] {
        (0..count).for_each(|_| sender.send(Scene::Tick(1)).unwrap());
        assert_eq!(poll_once(body.as_mut()), Poll::Ready(Some(TICK.repeat(count))));
        assert_eq!(poll_once(body.as_mut()), Poll::Pending);
    }
}

#[tokio::test]
async fn a_frame_ends_with_the_event_that_fills_the_batch() {
    let ticks = || stream::iter((0..5).map(|_| Scene::Tick(1)));
    for (batch, expected) in [(0, 1), (1, 1), (TICK.len(), 1), (TICK.len() + 1, 2), (2 * TICK.len(), 2), (1 << 20, 5)] {
        let frames = frames(response(Sse::new(ticks()).batch(batch))).await;
        assert_eq!(frames[0], TICK.repeat(expected), "batch of {batch}");
        assert_eq!(frames.concat(), TICK.repeat(5));
    }
}

#[tokio::test]
async fn the_default_batch_is_32_kib() {
    let event = RawEvent::new("x", "y".repeat(1000));
    let frames = frames(response(Sse::new(stream::iter(vec![event; 100])))).await;
    let (last, full) = frames.split_last().unwrap();
    assert!(!full.is_empty() && full.iter().all(|frame| (32 << 10..34 << 10).contains(&frame.len())));
    assert!(last.len() < 32 << 10);
}

#[tokio::test]
async fn an_event_larger_than_a_batch_is_one_frame() {
    let data = "z".repeat(1 << 20);
    let frames = frames(response(Sse::new(stream::iter([RawEvent::new("x", &data), RawEvent::new("x", "")])))).await;
    assert_eq!(frames, [format!("event: x\ndata: {data}\n\n"), "event: x\ndata: \n\n".to_owned()]);
}

#[tokio::test]
async fn small_encoded_events_share_a_frame_and_a_large_one_is_a_frame_without_a_copy() {
    let small = encoded(&Scene::Tick(1));
    assert_eq!(frames(response(Sse::new(stream::iter(vec![small.clone(); 3])))).await, [TICK.repeat(3)]);

    let large = Encoded::new(&RawEvent::new("x", "y".repeat(4 << 10))).unwrap();
    let text = String::from_utf8(large.as_bytes().to_vec()).unwrap();
    let events = stream::iter([&large, &large, &small, &large, &small].map(Encoded::clone));
    let mut body = pin!(response(Sse::new(events)).into_body());
    for _ in 0..2 {
        let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((frame.as_ptr(), frame.len()), (large.as_bytes().as_ptr(), text.len()));
    }
    // After other events in the same frame it is copied.
    assert_eq!(next_frame(body.as_mut()).await, Some([TICK, &text, TICK].concat()));
    assert_eq!(next_frame(body.as_mut()).await, None);
}

#[tokio::test(flavor = "current_thread")]
async fn a_stream_that_is_always_ready_lets_other_tasks_run() {
    // One poll takes a bounded number of events, whatever the batch.
    for batch in [1, 32 << 10, usize::MAX] {
        let sse = Sse::new(stream::repeat_with(|| Scene::Tick(1))).batch(batch);
        let mut body = pin!(response(sse).into_body());
        for _ in 0..3 {
            let Poll::Ready(Some(frame)) = poll_once(body.as_mut()) else { panic!("ready events are sent at once") };
            assert!(frame.len() <= (32 << 10) + TICK.len());
        }
    }
    // Events that are never on the wire do not fill a frame.
    let mut body = pin!(response(Sse::new(stream::repeat_with(|| Scene::Hidden))).into_body());
    let (sender, mut receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(async { sender.send(()) });
    tokio::select! {
        biased;
        frame = next_frame(body.as_mut()) => panic!("{frame:?}"),
        Ok(()) = &mut receiver => {}
    }
}

#[test]
fn a_body_with_many_hidden_events_sends_nothing_and_wakes_itself() {
    let mut events = vec![Scene::Hidden; 3000];
    events.push(Scene::Tick(1));
    let mut body = pin!(response(Sse::new(stream::iter(events)).no_keep_alive()).into_body());
    let woken = std::sync::Arc::new(Woken::default());
    let waker = std::task::Waker::from(woken.clone());
    for polls in 1.. {
        match body.as_mut().poll_frame(&mut Context::from_waker(&waker)) {
            Poll::Pending => assert_eq!(woken.0.load(std::sync::atomic::Ordering::SeqCst), polls),
            Poll::Ready(frame) => {
                assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), TICK);
                assert!((2..=4).contains(&polls));
                break;
            }
        }
    }
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn layers_and_bodies_are_created_and_dropped_without_a_runtime() {
    let layer = SseLayer::new().retry(Duration::from_secs(1)).on_open(|_| {}).on_close(|_| {});
    drop(tower::ServiceBuilder::new().layer(layer).service(()));
    drop(response(Sse::new(stream::pending::<RawEvent>())));
    drop(response(Sse::new(stream::pending::<RawEvent>()).boxed()));
}

#[test]
fn without_keep_alive_a_body_runs_on_any_executor() {
    let events = stream::iter([Scene::Tick(1)]).chain(stream::pending());
    let mut body = pin!(response(Sse::new(events).no_keep_alive()).into_body());
    assert_eq!(poll_once(body.as_mut()), Poll::Ready(Some(TICK.to_owned())));
    assert_eq!(poll_once(body.as_mut()), Poll::Pending);
}

#[test]
fn a_body_claims_no_length() {
    let body = response(Sse::new(stream::iter([RawEvent::new("x", "")]))).into_body();
    assert_eq!(body.size_hint().exact(), None);
    assert_eq!(body.size_hint().upper(), None);
    assert!(!body.is_end_stream());
}
