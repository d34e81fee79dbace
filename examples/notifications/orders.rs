//! Orders, and what becomes of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sse_typed::{Gap, Hub, SseEvent, hub::Topics};
use tokio::time::sleep;

use crate::log::Log;

/// The contract of `/orders/{order}`: what becomes of one order. `at` is in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum OrderEvent {
    /// The shop has it.
    Accepted { order: u32, item: String, total_cents: u32, at: u64 },
    /// It is ready to be fetched.
    Packed { at: u64 },
    /// A courier has it.
    HandedOver { carrier: String, at: u64 },
    /// Where the courier is: how much of the way is done, from 0 to 1, and how long the rest takes.
    OnTheWay { done: f64, eta_s: u32 },
    /// History is lost to this client.
    #[sse(gap)]
    Missed(Gap),
    /// It is where it should be: nothing more becomes of it.
    #[sse(terminal)]
    Delivered { to: String, at: u64 },
}

/// All orders: a hub for each, which is forgotten a while after the order was delivered and the last page has gone.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    topics: Arc<Topics<u32, OrderEvent>>,
    last: Arc<AtomicU32>,
    log: Log,
    pace: Duration,
}

/// How much of the way is between two reports of the courier.
const STRETCHES: u32 = 10;

impl Orders {
    pub(crate) fn new(log: Log, pace: Duration) -> Self {
        let topics = Topics::new(Hub::builder()).idle(Duration::from_secs(600));
        Self { topics: Arc::new(topics), last: Arc::new(AtomicU32::new(1041)), log, pace }
    }

    /// The events of an order, if there is one of that number.
    pub(crate) fn get(&self, order: u32) -> Option<Hub<OrderEvent>> {
        self.topics.get(&order)
    }

    pub(crate) fn place(&self, item: String) -> u32 {
        let order = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let total_cents = 1_490 + 100 * item.len() as u32;
        let hub = self.topics.hub(&order);
        self.log.info(&format!("order {order}: {item}"));
        tokio::spawn(deliver(hub, OrderEvent::Accepted { order, item, total_cents, at: now() }, self.clone(), order));
        order
    }
}

/// Takes an order through its life.
async fn deliver(hub: Hub<OrderEvent>, accepted: OrderEvent, orders: Orders, order: u32) {
    let Orders { log, pace, .. } = orders;
    let publish = async |event: OrderEvent| {
        if let Err(error) = hub.publish(&event).await {
            log.failure(&format!("order {order}: nobody is told of {event:?}\n  caused by: {error}"));
        }
    };
    publish(accepted).await;
    sleep(2 * pace).await;
    log.info(&format!("order {order} is packed"));
    publish(OrderEvent::Packed { at: now() }).await;
    sleep(2 * pace).await;
    let carrier = "Kiwi Express".to_owned();
    log.info(&format!("order {order} is with {carrier}"));
    publish(OrderEvent::HandedOver { carrier, at: now() }).await;
    for stretch in 0..STRETCHES {
        let eta_s = ((STRETCHES - stretch) * pace).as_secs_f64().ceil() as u32;
        publish(OrderEvent::OnTheWay { done: f64::from(stretch) / f64::from(STRETCHES), eta_s }).await;
        sleep(pace).await;
    }
    log.info(&format!("order {order} is delivered"));
    publish(OrderEvent::Delivered { to: "the neighbour's cat".to_owned(), at: now() }).await;
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes what the page imports.
#[cfg(test)]
#[test]
fn the_page_knows_every_event() {
    use sse_typed::typescript::{Options, assert_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/notifications/page/order_event.ts");
    assert_current::<OrderEvent>(path, &Options::new());
}
