//! Orders, and the events of each.

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

/// The contract of `/orders/{order}`: the steps of one order. `at` is in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum OrderEvent {
    /// The shop has accepted the order.
    Accepted { order: u32, item: String, total_cents: u32, at: u64 },
    /// The order is ready for the courier.
    Packed { at: u64 },
    /// The courier has the order.
    HandedOver { carrier: String, at: u64 },
    /// The completed part of the transit, from 0 to 1, and the time to the delivery.
    OnTheWay { done: f64, eta_s: u32 },
    /// Steps are missing: the client was disconnected for too long.
    #[sse(gap)]
    Missed(Gap),
    /// The order is delivered. No event follows.
    #[sse(terminal)]
    Delivered { to: String, at: u64 },
}

/// All orders, with a hub for each. A hub without handles and subscriptions is dropped after ten minutes at the earliest.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    topics: Topics<u32, OrderEvent>,
    last_order: Arc<AtomicU32>,
    log: Log,
    pace: Duration,
}

/// The number of progress events of a transit.
const PROGRESS_EVENTS: u32 = 10;

impl Orders {
    pub(crate) fn new(log: Log, pace: Duration) -> Self {
        let topics = Topics::new(Hub::builder()).idle(Duration::from_secs(600));
        Self { topics, last_order: Arc::new(AtomicU32::new(1041)), log, pace }
    }

    /// The hub of an order, if the order exists.
    pub(crate) fn get(&self, order: u32) -> Option<Hub<OrderEvent>> {
        self.topics.get(&order)
    }

    pub(crate) fn place(&self, item: String) -> u32 {
        let order = self.last_order.fetch_add(1, Ordering::Relaxed) + 1;
        let total_cents = 1_490 + 100 * item.len() as u32;
        let hub = self.topics.hub(&order);
        self.log.info(&format!("order {order}: {item}"));
        tokio::spawn(deliver(hub, OrderEvent::Accepted { order, item, total_cents, at: now() }, self.clone(), order));
        order
    }
}

/// Simulates the steps of an order.
async fn deliver(hub: Hub<OrderEvent>, accepted: OrderEvent, orders: Orders, order: u32) {
    let Orders { log, pace, .. } = orders;
    let publish = async |event: OrderEvent| {
        if let Err(error) = hub.publish(&event).await {
            log.failure(&format!("order {order}: {event:?} was not published\n  caused by: {error}"));
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
    for number in 0..PROGRESS_EVENTS {
        let eta_s = ((PROGRESS_EVENTS - number) * pace).as_secs_f64().ceil() as u32;
        publish(OrderEvent::OnTheWay { done: f64::from(number) / f64::from(PROGRESS_EVENTS), eta_s }).await;
        sleep(pace).await;
    }
    log.info(&format!("order {order} is delivered"));
    publish(OrderEvent::Delivered { to: "the neighbour's cat".to_owned(), at: now() }).await;
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the file that the page imports.
#[cfg(test)]
#[test]
fn the_generated_typescript_is_current() {
    use sse_typed::typescript::{Options, assert_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/notifications/page/order_event.ts");
    assert_current::<OrderEvent>(path, &Options::new());
}
