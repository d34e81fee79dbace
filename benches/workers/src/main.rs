//! Fan-out on a runtime with two workers. The publisher is a task on one of them, and its events wake tasks on both.
//!
//! `cargo run --release -p workers` prints a line for each number of tasks and each contender: `workers`, tasks, contender, and
//! the median and the quartiles of the nanoseconds of processor time for one delivery. The processor time is that of the whole
//! process: the publisher, both workers, and the wake-ups of a worker that has nothing to do.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use bytes::Bytes;
use cpu_time::ProcessTime;
use futures_util::{StreamExt, task::AtomicWaker};
use serde::Serialize;
use sse_typed::{
    EncodeEvent, Encoded, Hub,
    hub::{OnGap, Start},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Notify, broadcast},
};

const WORKERS: usize = 2;
const CHANNEL_CAPACITY: usize = 256;
const SAMPLES: usize = 15;

/// How many deliveries a sample has.
const DELIVERIES: u64 = 40_000;

/// JSON of 60 bytes.
#[derive(Serialize)]
struct Trade {
    symbol: &'static str,
    cents: u64,
    size: u64,
    at: u64,
}

#[derive(EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Market {
    Trade(Trade),
}

fn trade(n: u64) -> Market {
    let (cents, size) = (10_000 + n % 80_000, 1_000 + n % 9_000);
    Market::Trade(Trade { symbol: "KIWI", cents, size, at: 17_000_000_000 + n })
}

// Workers add what they have delivered to the common number when they have nothing left to do. Counting each delivery there
// would take longer than the delivery.
thread_local! {
    static DELIVERED: Cell<u64> = const { Cell::new(0) };
}

fn add_delivered(events: u64) {
    DELIVERED.set(DELIVERED.get() + events);
}

#[derive(Default)]
struct Progress {
    delivered: AtomicU64,
    goal: AtomicU64,
    reached: Notify,
}

impl Progress {
    /// Adds what this worker has delivered.
    fn add(&self) {
        let own = DELIVERED.take();
        if own > 0 && self.delivered.fetch_add(own, Ordering::AcqRel) + own >= self.goal.load(Ordering::Acquire) {
            self.reached.notify_one();
        }
    }

    /// Waits until all events are delivered.
    async fn wait(&self) {
        while self.delivered.load(Ordering::Acquire) < self.goal.load(Ordering::Acquire) {
            self.reached.notified().await;
        }
    }
}

struct Contender {
    name: &'static str,
    runtime: Runtime,
    progress: Arc<Progress>,
    publish: Arc<dyn Fn(u64) + Send + Sync>,
    tasks: u64,
}

impl Contender {
    /// Runs what `start` returns in each task. The tasks wait before the first event is published.
    fn new<F>(
        name: &'static str,
        tasks: usize,
        start: impl Fn() -> F,
        publish: impl Fn(u64) + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let progress = Arc::<Progress>::default();
        let parked = Arc::clone(&progress);
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .on_thread_park(move || parked.add())
            .build()
            .expect("a runtime");
        for _ in 0..tasks {
            runtime.spawn(start());
        }
        Self { name, runtime, progress, publish: Arc::new(publish), tasks: tasks as u64 }
    }

    /// Publishes events one at a time. Returns the nanoseconds of processor time of the process for one delivery.
    fn run(&self) -> f64 {
        let (progress, publish, tasks) = (Arc::clone(&self.progress), Arc::clone(&self.publish), self.tasks);
        let events = (DELIVERIES / tasks).max(1);
        let began = ProcessTime::now();
        let published = self.runtime.spawn(async move {
            for n in 0..events {
                progress.goal.fetch_add(tasks, Ordering::AcqRel);
                publish(n);
                progress.wait().await;
            }
        });
        self.runtime.block_on(published).expect("the publisher");
        began.elapsed().as_nanos() as f64 / (events * tasks) as f64
    }
}

fn hub(tasks: usize) -> Contender {
    let hub = Hub::builder_on_gap(OnGap::Ignore).build();
    let subscribed = hub.clone();
    let start = move || {
        let events = subscribed.subscribe(Start::Live);
        async move {
            let mut events = pin!(events);
            while let Some(entries) = events.next().await {
                add_delivered(entries.len() as u64);
            }
        }
    };
    Contender::new("sse-typed, subscriptions", tasks, start, move |n| {
        hub.publish_now(&trade(n)).expect("a hub");
    })
}

fn broadcast_bytes(tasks: usize) -> Contender {
    let (sender, _) = broadcast::channel::<Bytes>(CHANNEL_CAPACITY);
    let receivers = sender.clone();
    let start = move || {
        let mut receiver = receivers.subscribe();
        async move {
            while let Ok(bytes) = receiver.recv().await {
                add_delivered(u64::from(!bytes.is_empty()));
            }
        }
    };
    Contender::new("broadcast of Bytes, recv", tasks, start, move |n| {
        let encoded = Encoded::new(&trade(n)).expect("an event");
        let _ = sender.send(encoded.as_bytes().clone());
    })
}

/// The limit: each task is woken, sees a new number, and waits again.
fn waking(tasks: usize) -> Contender {
    let published = Arc::new(AtomicU64::new(0));
    let wakers: Arc<[AtomicWaker]> = (0..tasks).map(|_| AtomicWaker::new()).collect();
    let next = Cell::new(0);
    let (seen_by_tasks, task_wakers) = (Arc::clone(&published), Arc::clone(&wakers));
    let start = move || {
        let (published, wakers) = (Arc::clone(&seen_by_tasks), Arc::clone(&task_wakers));
        let own = next.replace(next.get() + 1);
        let mut seen = 0;
        poll_fn(move |context| {
            wakers[own].register(context.waker());
            let now = published.load(Ordering::Acquire);
            add_delivered(now - seen);
            seen = now;
            Poll::<()>::Pending
        })
    };
    Contender::new("waking a task", tasks, start, move |_| {
        published.fetch_add(1, Ordering::Release);
        wakers.iter().for_each(AtomicWaker::wake);
    })
}

fn main() {
    for tasks in [100, 1_000, 10_000] {
        let contenders = [hub(tasks), broadcast_bytes(tasks), waking(tasks)];
        let mut samples = contenders.each_ref().map(|_| Vec::with_capacity(SAMPLES));
        // The first turn warms up.
        for turn in 0..=SAMPLES {
            for number in 0..contenders.len() {
                let which = (number + turn) % contenders.len();
                let time = contenders[which].run();
                if turn > 0 {
                    samples[which].push(time);
                }
            }
        }
        for (contender, mut times) in contenders.iter().zip(samples) {
            times.sort_by(f64::total_cmp);
            let [first, median, third] = [1, 2, 3].map(|quarter| times[SAMPLES * quarter / 4]);
            println!("workers\t{tasks}\t{}\t{median:.1}\t{first:.1}\t{third:.1}", contender.name);
        }
    }
}
