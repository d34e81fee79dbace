//! Keep-alives, on paused time.

use std::{pin::pin, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use sse_typed::{
    Sse,
    server::{Events, KeepAlive},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::common::{Scene, encoded, frames, next_frame, response, silence};

const COMMENT: &str = ": keep-alive\n\n";
const HOUR: Duration = Duration::from_secs(3600);

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The frames of the first `span`, each with the second at which it was sent.
async fn timeline<St: Events>(sse: Sse<St>, span: Duration) -> Vec<(u64, String)> {
    let begin = Instant::now();
    let mut body = pin!(response(sse).into_body());
    let mut timeline = Vec::new();
    let _ = timeout(span, async {
        while let Some(frame) = next_frame(body.as_mut()).await {
            timeline.push((begin.elapsed().as_secs(), frame));
        }
    })
    .await;
    timeline
}

/// A tick at each of these seconds, then silence.
fn ticks_at<const N: usize>(seconds: [u64; N]) -> impl Stream<Item = Scene> {
    let begin = Instant::now();
    stream::iter(seconds)
        .then(move |at| async move {
            tokio::time::sleep_until(begin + Duration::from_secs(at)).await;
            Scene::Tick(at)
        })
        .chain(stream::pending())
}

#[tokio::test(start_paused = true)]
async fn a_comment_follows_each_15_seconds_of_silence() {
    let expected = [15, 30, 45].map(|at| (at, COMMENT.to_owned()));
    assert_eq!(timeline(Sse::new(silence()), seconds(50)).await, expected);
}

#[tokio::test(start_paused = true)]
async fn traffic_restarts_the_silence() {
    let timeline = timeline(Sse::new(ticks_at([4, 13, 22])).keep_alive(seconds(10)), seconds(45)).await;
    let at: Vec<_> = timeline.iter().map(|(at, frame)| (*at, frame.as_str())).collect();
    let tick = |at: u64| format!("event: tick\ndata: {at}\n\n");
    assert_eq!(at, [(4, &*tick(4)), (13, &tick(13)), (22, &tick(22)), (32, COMMENT), (42, COMMENT)]);
}

#[tokio::test(start_paused = true)]
async fn an_event_can_replace_the_comment() {
    let keep_alive = KeepAlive::every(seconds(5)).event(encoded(&Scene::Tick(0)));
    let timeline = timeline(Sse::new(ticks_at([1])).keep_alive(keep_alive).ids_from(1), seconds(12)).await;
    // A keep-alive gets no id, because it is no position to resume from.
    let ping = "event: tick\ndata: 0\n\n".to_owned();
    assert_eq!(timeline, [(1, "id: 1\nevent: tick\ndata: 1\n\n".to_owned()), (6, ping.clone()), (11, ping)]);
}

#[tokio::test(start_paused = true)]
async fn the_text_of_the_comment_can_be_set() {
    let keep_alive = KeepAlive::every(seconds(1)).comment("still\nhere");
    assert_eq!(
        timeline(Sse::new(silence()).keep_alive(keep_alive), Duration::from_millis(1500)).await,
        [(1, ": still\n: here\n\n".to_owned())]
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_never_on_the_wire_is_no_keep_alive() {
    let keep_alive = KeepAlive::every(seconds(1)).event(encoded(&Scene::Hidden));
    assert_eq!(
        timeline(Sse::new(silence()).keep_alive(keep_alive), Duration::from_millis(1500)).await,
        [(1, COMMENT.to_owned())]
    );
}

#[tokio::test(start_paused = true)]
async fn a_terminal_keep_alive_ends_the_stream() {
    let sse = Sse::new(silence()).keep_alive(KeepAlive::every(seconds(9)).event(encoded(&Scene::Done)));
    let begin = Instant::now();
    assert_eq!(frames(response(sse)).await, ["event: done\ndata: null\n\n"]);
    assert_eq!(begin.elapsed(), seconds(9));
}

#[tokio::test(start_paused = true)]
async fn keep_alive_can_be_off() {
    assert_eq!(timeline(Sse::new(silence()).no_keep_alive(), HOUR).await, []);
    assert_eq!(timeline(Sse::new(silence()).keep_alive(Duration::ZERO), HOUR).await, []);
    // Later than `Instant` can express.
    assert_eq!(timeline(Sse::new(silence()).keep_alive(Duration::MAX), HOUR).await, []);
}

#[tokio::test(start_paused = true)]
async fn the_timer_does_not_delay_an_event() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut body = pin!(response(Sse::new(stream::poll_fn(move |cx| receiver.poll_recv(cx)))).into_body());
    assert_eq!(next_frame(body.as_mut()).await.as_deref(), Some(COMMENT));
    let begin = Instant::now();
    tokio::spawn(async move {
        sleep(seconds(3)).await;
        sender.send(Scene::Tick(3)).unwrap();
        sender
    });
    assert_eq!(next_frame(body.as_mut()).await.as_deref(), Some("event: tick\ndata: 3\n\n"));
    assert_eq!(begin.elapsed(), seconds(3));
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_hidden_events_is_silent_and_gets_keep_alives() {
    let begin = Instant::now();
    // One second passes per thousand events, none of which is sent.
    let events = stream::iter(0_u64..).then(|n| async move {
        if n % 1_000 == 999 {
            tokio::time::advance(seconds(1)).await;
        }
        Scene::Hidden
    });
    let mut body = pin!(response(Sse::new(events).keep_alive(seconds(5))).into_body());
    assert_eq!(next_frame(body.as_mut()).await.as_deref(), Some(COMMENT));
    // The silence is checked once per poll of the body, which takes about a second here.
    assert!((5..=7).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_a_nanosecond_is_no_busy_loop() {
    let keep_alive = Duration::from_nanos(1);
    assert_eq!(timeline(Sse::new(silence()).keep_alive(keep_alive), Duration::from_millis(1050)).await.len(), 10);
}
