//! Events as values: decoded once, and dropped with their events.

use std::{
    convert::Infallible,
    fmt,
    str::FromStr,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::Stream;
use sse_typed::{
    Gap, SseEvent,
    hub::{Hub, Retention, Start},
};
use tokio::time::advance;

use crate::common::{Feed, poll};

static LIVING: AtomicUsize = AtomicUsize::new(0);

/// Counts its instances.
#[derive(Debug)]
struct Counted(String);

impl Counted {
    fn new(text: &str) -> Self {
        LIVING.fetch_add(1, Ordering::SeqCst);
        Self(text.to_owned())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Counted {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

#[derive(Debug, SseEvent)]
enum Letters {
    #[sse(text)]
    Letter(Counted),
    #[sse(gap)]
    Missed(Gap),
}

/// One test, because it counts all values of the process.
#[tokio::test(start_paused = true)]
async fn values_are_dropped_with_their_events() {
    let retention = Retention::events(100).age(Duration::from_secs(60));
    let hub = Hub::<Letters>::builder().retain(retention).build();
    let publish = |count| (0..count).for_each(|_| drop(hub.publish_now(&Letters::Letter(Counted::new("x"))).unwrap()));
    publish(100);
    assert_eq!(LIVING.load(Ordering::SeqCst), 0, "no subscription has decoded values");
    let mut visitor = hub.subscribe(Start::Earliest).only(|_| false);
    assert!(poll(&mut visitor).is_pending());
    drop(visitor);
    assert_eq!(LIVING.load(Ordering::SeqCst), 100, "they are cached with their events");
    // Trimmed by number.
    publish(100);
    assert_eq!(LIVING.load(Ordering::SeqCst), 0);
    // Trimmed by age, by any call.
    let mut visitor = hub.subscribe(Start::Earliest).events();
    assert!(poll(&mut visitor).is_ready());
    drop(visitor);
    assert_eq!(LIVING.load(Ordering::SeqCst), 100);
    advance(Duration::from_secs(61)).await;
    assert_eq!(hub.stats().events, 0);
    assert_eq!(LIVING.load(Ordering::SeqCst), 0);
}

#[test]
fn values_are_not_over_before_the_last_one_is_yielded() {
    let hub = crate::common::hub(Retention::default());
    crate::common::ticks(&hub, [1]);
    hub.publish_now(&Feed::Done).unwrap();
    let mut values = hub.subscribe(Start::Earliest).events();
    let Poll::Ready(Some(event)) = poll(&mut values) else { panic!("it was published") };
    assert_eq!(*event.data, Feed::Tick(1));
    assert_ne!(values.size_hint().1, Some(0), "the terminal event follows");
    let Poll::Ready(Some(event)) = poll(&mut values) else { panic!("it was published") };
    assert_eq!(*event.data, Feed::Done);
    assert!(matches!(poll(&mut values), Poll::Ready(None)));
    assert_eq!(values.size_hint(), (0, Some(0)));
}

static OWN: OnceLock<Hub<Calls>> = OnceLock::new();

/// Uses its hub when it is dropped.
#[derive(Debug)]
struct Caller;

impl Drop for Caller {
    fn drop(&mut self) {
        if let Some(hub) = OWN.get() {
            let mut some = hub.subscribe(Start::Earliest).only(|_| true);
            while poll(&mut some).is_ready() {}
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("x")
    }
}

impl FromStr for Caller {
    type Err = Infallible;

    fn from_str(_: &str) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

#[derive(Debug, SseEvent)]
enum Calls {
    #[sse(text)]
    Call(Caller),
    #[sse(gap)]
    Missed(Gap),
}

#[test]
fn a_value_may_use_the_hub_when_it_is_dropped() {
    let hub = OWN.get_or_init(|| Hub::builder().retain(Retention::events(1)).build());
    for _ in 0..3 {
        hub.publish_now(&Calls::Call(Caller)).unwrap();
        let mut values = hub.subscribe(Start::Earliest).events();
        let Poll::Ready(Some(event)) = poll(&mut values) else { panic!("it was published") };
        assert!(matches!(&*event.data, Calls::Call(_)));
        drop((values, event));
    }
}
