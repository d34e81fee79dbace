//! Bodies and connections in a task that has spent tokio's coop budget.

use std::{
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use http_body::Body;
use sse_typed::{
    Sse, SseLayer,
    server::{ConnectionGuard, Drain, Shutdown},
};
use tests::budget::{out_of_budget, poll_once, spend};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::common::{Scene, frames, next_frame, response, silence};

const COMMENT: &str = ": keep-alive\n\n";

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A channel of tokio spends the budget, and is pending without it.
#[tokio::test(start_paused = true)]
async fn a_keep_alive_follows_a_burst_of_any_size() {
    for burst in (0..10).chain(120..140).chain([256, 300, 1_000]) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..burst).for_each(|n| sender.send(Scene::Tick(n)).unwrap());
        let events = stream::poll_fn(move |cx| receiver.poll_recv(cx));
        let mut body = pin!(response(Sse::new(events)).into_body());
        let begin = Instant::now();
        let mut ticks = 0;
        loop {
            let frame = timeout(seconds(60), next_frame(body.as_mut())).await;
            let frame = frame.unwrap_or_else(|_| panic!("no keep-alive after a burst of {burst}")).unwrap();
            if frame == COMMENT {
                break;
            }
            ticks += frame.matches("event: tick").count() as u64;
        }
        assert_eq!((ticks, begin.elapsed().as_secs()), (burst, 15), "{burst}");
        drop(sender);
    }
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_is_sent_although_the_stream_always_spends_the_budget() {
    // The stream spends the whole budget in each poll and yields nothing.
    let greedy = stream::poll_fn(|cx| {
        spend(cx);
        Poll::<Option<Scene>>::Pending
    });
    let mut body = pin!(response(Sse::new(greedy)).into_body());
    let mut comments = 0;
    let begin = Instant::now();
    // The spent budget wakes this task all the time, so paused time does not advance by itself.
    for _ in 0..61 {
        if let Poll::Ready(frame) = poll_once(false, |cx| body.as_mut().poll_frame(cx)).await {
            let frame = frame.unwrap().unwrap().into_data().unwrap();
            assert_eq!(frame, COMMENT);
            comments += 1;
        }
        tokio::time::advance(seconds(1)).await;
    }
    assert_eq!((comments, begin.elapsed().as_secs()), (4, 61));
}

#[tokio::test(start_paused = true)]
async fn a_poll_without_budget_arms_keep_alive_lifetime_and_grace_period() {
    let body = || pin_body(Sse::new(silence()));
    let begin = Instant::now();
    let mut quiet = body();
    assert!(out_of_budget(|cx| quiet.as_mut().poll_frame(cx)).await.is_some());
    assert_eq!(begin.elapsed().as_secs(), 15);

    let begin = Instant::now();
    let mut short = pin_body(Sse::new(silence()).no_keep_alive().max_lifetime(seconds(10)));
    assert!(out_of_budget(|cx| short.as_mut().poll_frame(cx)).await.is_none());
    assert!((8..=10).contains(&begin.elapsed().as_secs()));

    let shutdown = Shutdown::new();
    let layer = SseLayer::new().no_keep_alive().shutdown(&shutdown, Drain::Finish { grace: seconds(5) });
    let service = tower::ServiceBuilder::new()
        .layer(layer)
        .service_fn(|_: http::Request<()>| std::future::ready(Ok::<_, std::convert::Infallible>(Sse::new(silence()))));
    let answer = tower::ServiceExt::oneshot(service, http::Request::new(())).await.unwrap();
    let mut draining = Box::pin(answer.into_body());
    shutdown.begin();
    let begin = Instant::now();
    let first = out_of_budget(|cx| draining.as_mut().poll_frame(cx)).await;
    assert!(first.is_some(), "a reconnection time is sent first");
    assert!(out_of_budget(|cx| draining.as_mut().poll_frame(cx)).await.is_none());
    assert_eq!(begin.elapsed().as_secs(), 5);
}

fn pin_body<St: sse_typed::server::Events>(sse: Sse<St>) -> Pin<Box<sse_typed::server::SseBody<St>>> {
    Box::pin(response(sse).into_body())
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_polled_without_budget_notices_a_shutdown() {
    let shutdown = Shutdown::new();
    let layer = SseLayer::new().shutdown(&shutdown, Drain::Now);
    let service = tower::ServiceBuilder::new()
        .layer(layer)
        .service_fn(|_: http::Request<()>| std::future::ready(Ok::<_, std::convert::Infallible>(Sse::new(silence()))));
    let answer = tower::ServiceExt::oneshot(service, http::Request::new(())).await.unwrap();
    let mut body = Box::pin(answer.into_body());
    assert!(poll_once(true, |cx| body.as_mut().poll_frame(cx)).await.is_pending());
    shutdown.begin();
    // The second poll is without budget, too.
    assert!(poll_once(true, |cx| body.as_mut().poll_frame(cx)).await.is_ready() || body.is_end_stream());
}

#[tokio::test]
async fn polls_without_budget_lose_no_event_and_notice_the_end() {
    let mut events = 0;
    let mut body = pin_body(Sse::new(stream::iter((0..5).map(Scene::Tick))).batch(1));
    while let Some(frame) = out_of_budget(|cx| body.as_mut().poll_frame(cx)).await {
        assert!(frame.unwrap().is_data());
        events += 1;
    }
    assert_eq!(events, 5);
    assert_eq!(frames(response(Sse::new(stream::iter([Scene::Done])))).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn polls_without_budget_arm_the_timeouts_of_a_connection() {
    // The write timeout of a pending write.
    let (_client, server) = duplex(16);
    let mut server = ConnectionGuard::new(server).write_timeout(seconds(3));
    server.write_all(&[0; 16]).await.unwrap();
    let begin = Instant::now();
    let mut write = pin!(server.write_u8(1));
    let error = out_of_budget(|cx| write.as_mut().poll(cx)).await.unwrap_err();
    assert_eq!((error.kind(), begin.elapsed().as_secs()), (std::io::ErrorKind::TimedOut, 3));

    // The shutdown deadline of a pending read.
    let shutdown = Shutdown::new();
    let (_client, server) = duplex(16);
    let mut server = ConnectionGuard::new(server).shutdown_deadline(&shutdown, seconds(4));
    let begin = Instant::now();
    let mut read = pin!(server.read_u8());
    assert!(poll_once(true, |cx| read.as_mut().poll(cx)).await.is_pending());
    shutdown.begin();
    let error = out_of_budget(|cx| read.as_mut().poll(cx)).await.unwrap_err();
    assert_eq!((error.kind(), begin.elapsed().as_secs()), (std::io::ErrorKind::TimedOut, 4));
}

/// Without budget a write is pending whether or not the client reads.
#[tokio::test(start_paused = true)]
async fn a_write_that_waits_for_the_budget_does_not_time_out() {
    let (server, mut client) = duplex(64);
    let mut guard = ConnectionGuard::new(server).write_timeout(seconds(1));
    tokio::spawn(async move {
        let mut bytes = [0; 64];
        while client.read(&mut bytes).await.unwrap() > 0 {}
    });
    for _ in 0..2 {
        let polled = poll_once(true, |cx| Pin::new(&mut guard).poll_write(cx, b"data: 1\n\n")).await;
        assert!(!matches!(polled, Poll::Ready(Err(_))), "{polled:?}");
        // Other work keeps the thread busy for longer than the write timeout.
        tokio::time::advance(seconds(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_two_tasks_poll_wakes_the_last_one() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut body = pin_body(Sse::new(stream::poll_fn(move |cx| receiver.poll_recv(cx)).boxed()));
    let mut tasks = [tokio_test::task::spawn(()), tokio_test::task::spawn(())];
    for task in &mut tasks {
        // A second poll by the same task changes nothing.
        for _ in 0..2 {
            task.enter(|cx, _| assert!(body.as_mut().poll_frame(cx).is_pending()));
        }
    }
    sleep(seconds(16)).await;
    assert!(tasks[1].is_woken() && !tasks[0].is_woken(), "by the keep-alive");
    tasks[1].enter(|cx, _| assert!(body.as_mut().poll_frame(cx).is_ready()));
    tasks[0].enter(|cx, _| assert!(body.as_mut().poll_frame(cx).is_pending()));
    sender.send(Scene::Tick(1)).unwrap();
    assert!(tasks[0].is_woken());
}
