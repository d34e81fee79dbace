//! Closing, and ends.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use sse_typed::hub::{Retention, Start};

use crate::common::{Feed, Reader, Wakes, hub, poll, ticks};

#[tokio::test]
async fn a_closed_hub_gives_everyone_what_is_left_and_nobody_else_anything() {
    let hub = hub(Retention::default());
    let mut early = Reader::at(&hub, Start::Live);
    ticks(&hub, 1..=2);
    hub.close(Some(Feed::Done)).await.unwrap();
    assert!(hub.is_closed());
    assert_eq!(early.events(), [Feed::Tick(1), Feed::Tick(2), Feed::Done]);
    for start in [Start::Live, Start::Earliest, Start::Last(1)] {
        let mut late = hub.subscribe(start).start_with(Feed::Tick(0));
        assert_eq!(late.size_hint(), (0, Some(0)));
        assert!(matches!(poll(&mut late), Poll::Ready(None)));
    }
    let late = hub.subscribe_with(Start::Live, || panic!("nobody else"));
    assert_eq!(late.size_hint(), (0, Some(0)));
    assert!(hub.publish(&Feed::Tick(3)).await.unwrap_err().is_closed());
    assert!(hub.publish_with(|| panic!("nothing is changed")).await.unwrap_err().is_closed());
    assert!(hub.close(None).await.unwrap_err().is_closed());
    assert!(hub.close(Some(Feed::Done)).await.unwrap_err().is_closed());
}

#[test]
fn who_waits_hears_of_the_close() {
    let hub = hub(Retention::default());
    let (wakes, waker) = Wakes::new();
    let mut subscription = hub.subscribe(Start::Live);
    let mut poll = || Pin::new(&mut subscription).poll_next(&mut Context::from_waker(&waker));
    assert!(poll().is_pending());
    hub.close_now(None).unwrap();
    assert_eq!(wakes.count(), 1);
    assert!(matches!(poll(), Poll::Ready(None)));
    assert!(matches!(poll(), Poll::Ready(None)), "and stays so");
}

#[test]
fn a_close_whose_last_event_cannot_be_sent_does_not_close() {
    use sse_typed::{
        SseEvent,
        hub::{Hub, OnGap},
    };
    #[derive(SseEvent)]
    enum Inner {
        #[sse(skip)]
        Hidden,
    }
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    assert!(hub.close_now(Some(Inner::Hidden)).unwrap_err().is_never_sent());
    assert!(!hub.is_closed());
}

#[test]
fn subscriptions_end_when_nobody_can_publish_any_more() {
    let hub = hub(Retention::default());
    let handle = hub.clone();
    let mut reader = Reader::at(&hub, Start::Live);
    drop(hub);
    ticks(&handle, [1]);
    drop(handle);
    let (seen, open) = reader.read();
    assert_eq!((seen.len(), open), (1, false));
}
