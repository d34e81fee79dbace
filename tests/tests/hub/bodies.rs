//! The events of a hub in the bodies of responses.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::Body;
use sse_typed::{
    Entries, Sse, Subscription,
    hub::{OnGap, Retention, Start},
    server::SseBody,
};

use crate::common::{Feed, hub, hub_on_gap, poll, ticks};

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
fn all_bodies_share_the_memory_of_published_events() {
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
fn a_small_part_of_a_slice_does_not_keep_all_of_it_alive() {
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
fn a_long_history_is_sent_in_slices_and_in_order() {
    let hub = hub(Retention::events(10_000));
    ticks(&hub, 0..5_000);
    let mut first = body(Sse::new(hub.subscribe(Start::Earliest)));
    // With bytes in front of it, the first slice is copied.
    let mut second = body(Sse::new(hub.subscribe(Start::Earliest)).retry(std::time::Duration::from_millis(1)));
    let shared: Vec<_> = std::iter::from_fn(|| next(&mut first)).collect();
    let copied: Vec<_> = std::iter::from_fn(|| next(&mut second)).collect();
    assert!(shared.len() > 3);
    assert_eq!([&b"retry: 1\n\n"[..], &shared.concat()].concat(), copied.concat());
    assert_eq!(shared[1].as_ptr(), copied[1].as_ptr());
}

/// The first entries of a subscription.
fn first(mut subscription: Subscription<Feed>) -> Entries<Feed> {
    match poll(&mut subscription) {
        Poll::Ready(Some(entries)) => entries,
        other => panic!("{other:?}"),
    }
}

#[test]
fn entries_return_the_shared_wire_bytes_of_published_events() {
    let hub = hub(Retention::default());
    ticks(&hub, 0..3);
    let sent = next(&mut body(Sse::new(hub.subscribe(Start::Earliest)))).unwrap();
    let (one, other) = (first(hub.subscribe(Start::Earliest)), first(hub.subscribe(Start::Earliest)));
    assert_eq!(one.as_bytes(), Some(&sent[..]));
    assert_eq!(one.to_bytes().unwrap(), sent);
    assert_eq!(one.to_bytes().unwrap().as_ptr(), other.as_bytes().unwrap().as_ptr(), "shared, not copied");
}

#[test]
fn entries_of_every_kind_return_the_bytes_that_a_response_sends() {
    let hub = hub_on_gap(Retention::events(1), OnGap::emit());
    let id = hub.publish_now(&Feed::Tick(1)).unwrap();
    ticks(&hub, 2..=4);
    type Subscribe<'a> = &'a dyn Fn() -> Subscription<Feed>;
    let cases: [(Subscribe<'_>, &str, bool); 4] = [
        (&|| hub.subscribe(Start::Earliest), "tick", true),
        (&|| hub.subscribe(id.clone()), "missed", false),
        (&|| hub.subscribe_with(Start::Live, || Feed::State(7)), "state", false),
        (&|| hub.subscribe(Start::Live).start_with(Feed::Tick(0)), "tick", false),
    ];
    for (subscribe, event_type, published) in cases {
        let entries = first(subscribe());
        let bytes = entries.to_bytes().unwrap();
        let text = std::str::from_utf8(&bytes).unwrap();
        assert!(text.contains(&format!("event: {event_type}\n")) && text.ends_with("\n\n"), "{text}");
        assert!(next(&mut body(Sse::new(subscribe()))).unwrap().starts_with(&bytes), "{text}");
        assert_eq!(entries.as_bytes(), published.then_some(&bytes[..]), "{text}");
    }
}
