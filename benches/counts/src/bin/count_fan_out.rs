//! Fan-out of a hub to 1,000 subscriptions: one event at a time, and in bursts. The count includes the code that wakes and
//! polls them, which is minimal.

use std::{
    hint::black_box,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use counts::sse_typed_counted_work;
use futures_core::Stream;
use sse_typed::{
    EncodeEvent, Hub, Subscription,
    hub::{OnGap, Start},
};

#[derive(EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Market {
    Trade { symbol: String, cents: u64, size: u64, at: u64 },
}

const SUBSCRIPTIONS: usize = 1_000;

type Queue = Arc<Mutex<Vec<usize>>>;

/// Adds the number of its subscription to the queue of those to poll.
struct Task {
    number: usize,
    queue: Queue,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
    }
}

fn main() {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let queue: Queue = Arc::new(Mutex::new((0..SUBSCRIPTIONS).collect()));
    let mut tasks: Vec<(Subscription<Market>, Waker)> = (0..SUBSCRIPTIONS)
        .map(|number| (hub.subscribe(Start::Live), Waker::from(Arc::new(Task { number, queue: Arc::clone(&queue) }))))
        .collect();
    let trade = Market::Trade { symbol: "KIWI".to_owned(), cents: 10_007, size: 1_007, at: 17_000_000_007 };
    let mut woken = Vec::with_capacity(SUBSCRIPTIONS);
    poll_woken(&queue, &mut woken, &mut tasks);
    sse_typed_counted_work(|| {
        let mut delivered = 0;
        for burst in [1, 1, 1, 1, 1, 1, 1, 1, 16, 16] {
            for _ in 0..burst {
                drop(black_box(hub.publish_now(&trade)));
            }
            delivered += poll_woken(&queue, &mut woken, &mut tasks);
        }
        delivered
    });
}

/// Polls the woken subscriptions until they are pending. Returns the number of deliveries.
fn poll_woken(queue: &Queue, woken: &mut Vec<usize>, tasks: &mut [(Subscription<Market>, Waker)]) -> usize {
    woken.append(&mut queue.lock().unwrap_or_else(PoisonError::into_inner));
    let mut delivered = 0;
    for number in woken.drain(..) {
        let (subscription, waker) = &mut tasks[number];
        let mut context = Context::from_waker(waker);
        while let Poll::Ready(Some(entries)) = Pin::new(&mut *subscription).poll_next(&mut context) {
            delivered += black_box(entries).len();
        }
    }
    delivered
}
