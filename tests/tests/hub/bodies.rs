//! What a hub's events are in the bodies of responses.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::Body;
use sse_typed::{
    Sse, Subscription,
    hub::{Retention, Start},
    server::SseBody,
};

use crate::common::{Feed, hub, ticks};

type SubscriptionBody = Pin<Box<SseBody<Subscription<Feed>>>>;

fn body(sse: Sse<Subscription<Feed>>) -> SubscriptionBody {
    Box::pin(http::Response::from(sse.no_keep_alive()).into_body())
}

fn next(body: &mut SubscriptionBody) -> Option<Bytes> {
    match body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(frame)) => Some(frame.unwrap().into_data().unwrap()),
        Poll::Ready(None) | Poll::Pending => None,
    }
}

#[test]
fn what_is_published_is_one_piece_of_memory_for_all_bodies() {
    let hub = hub(Retention::default());
    let mut bodies: Vec<_> = (0..3).map(|_| body(Sse::new(hub.subscribe(Start::Live)))).collect();
    bodies.iter_mut().for_each(|body| assert!(next(body).is_none()));
    for count in [1, 16] {
        ticks(&hub, 0..count);
        let frames: Vec<_> = bodies.iter_mut().map(|body| next(body).unwrap()).collect();
        assert_eq!(frames[0].windows(2).filter(|end| end == b"\n\n").count() as u64, count);
        assert!(frames.iter().all(|frame| frame.as_ptr() == frames[0].as_ptr()), "shared, not copied");
        bodies.iter_mut().for_each(|body| assert!(next(body).is_none()));
    }
}

#[test]
fn a_small_part_of_a_slice_does_not_hold_all_of_it() {
    let hub = hub(Retention::default());
    let id = {
        ticks(&hub, 0..99);
        hub.publish_now(&Feed::Tick(99)).unwrap()
    };
    hub.publish_now(&Feed::Tick(100)).unwrap();
    let mut all = body(Sse::new(hub.subscribe(Start::Earliest)));
    let all = next(&mut all).unwrap();
    let part = next(&mut body(Sse::new(hub.subscribe(id)))).unwrap();
    assert_eq!(part, all[all.len() - part.len()..]);
    assert!(!all.as_ptr_range().contains(&part.as_ptr()), "copied, not shared");
}

#[test]
fn a_long_history_leaves_in_slices_and_in_order() {
    let hub = hub(Retention::events(10_000));
    ticks(&hub, 0..5_000);
    let mut first = body(Sse::new(hub.subscribe(Start::Earliest)));
    // With something in front, the first slice is copied behind it.
    let mut second = body(Sse::new(hub.subscribe(Start::Earliest)).retry(std::time::Duration::from_millis(1)));
    let shared: Vec<_> = std::iter::from_fn(|| next(&mut first)).collect();
    let copied: Vec<_> = std::iter::from_fn(|| next(&mut second)).collect();
    assert!(shared.len() > 3);
    assert_eq!([&b"retry: 1\n\n"[..], &shared.concat()].concat(), copied.concat());
    assert_eq!(shared[1].as_ptr(), copied[1].as_ptr());
}
