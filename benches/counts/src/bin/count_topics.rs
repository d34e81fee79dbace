//! Topics with one subscriber each, such as jobs, rooms and symbols: one event per topic in turn.

use std::{
    hint::black_box,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use counts::sse_typed_counted_work;
use futures_core::Stream;
use sse_typed::{
    EncodeEvent, Hub, Subscription,
    hub::{OnGap, Start, Topics},
};

#[derive(EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Market {
    Trade { symbol: String, cents: u64, size: u64, at: u64 },
}

const TOPICS: usize = 200;

struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

fn main() {
    let topics = Topics::<usize, Market>::new(Hub::builder_on_gap(OnGap::Ignore));
    let mut tasks: Vec<(Subscription<Market>, Waker)> =
        (0..TOPICS).map(|key| (topics.subscribe(&key, Start::Live), Waker::from(Arc::new(Task)))).collect();
    let trade = Market::Trade { symbol: "KIWI".to_owned(), cents: 10_007, size: 1_007, at: 17_000_000_007 };
    tasks.iter_mut().for_each(|task| assert_eq!(poll(task), 0));
    // A topic allocates with its first events, which is not counted.
    publish(&topics, &trade, &mut tasks, 3);
    sse_typed_counted_work(|| publish(&topics, &trade, &mut tasks, 10));
}

/// Publishes this many events on each topic in turn, and delivers each.
fn publish(
    topics: &Topics<usize, Market>,
    trade: &Market,
    tasks: &mut [(Subscription<Market>, Waker)],
    events: usize,
) -> usize {
    let mut delivered = 0;
    for n in 0..events * TOPICS {
        let key = n * 7 % TOPICS;
        drop(black_box(topics.publish_now(&key, trade)));
        delivered += poll(&mut tasks[key]);
    }
    delivered
}

/// Polls until the subscription is pending. Returns the number of deliveries.
fn poll((subscription, waker): &mut (Subscription<Market>, Waker)) -> usize {
    let mut delivered = 0;
    while let Poll::Ready(Some(entries)) = Pin::new(&mut *subscription).poll_next(&mut Context::from_waker(waker)) {
        delivered += black_box(entries).len();
    }
    delivered
}
