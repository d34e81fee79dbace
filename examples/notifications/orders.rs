//! Orders, the events of each, and how they continue after a restart.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Gap, Hub, SseEvent,
    hub::{AnyLog, AnyStore, EventStore as _, PublishError, Start, Topics},
};
use tokio::time::sleep;

use crate::log::{Log, causes};

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

/// What the shop must know after a restart, besides the events of each order. No client receives it.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum JournalEntry {
    /// A process has begun. All entries before it are of earlier processes.
    Opened,
    /// An order has this number.
    Placed { order: u32, item: String },
    #[sse(gap)]
    Missed(Gap),
}

/// All orders. The store has the history of order 1042 under the key `orders/1042`, and a journal of the orders that were
/// placed.
///
/// An order continues after a restart, at the step after its last stored event. So one process at a time may have the
/// store: a second one would continue the same orders.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    topics: Topics<u32, OrderEvent, AnyLog>,
    journal: Hub<JournalEntry, AnyLog>,
    last_order: Arc<AtomicU32>,
    log: Log,
    pace: Duration,
}

/// The number before that of the first order.
const BEFORE_FIRST_ORDER: u32 = 1041;

/// The number of progress events of a transit.
const PROGRESS_EVENTS: u32 = 10;

impl Orders {
    /// The orders in the store. Those that were under way when the last process ended continue.
    pub(crate) async fn open(store: &AnyStore, log: Log, pace: Duration) -> Result<Self, PublishError> {
        let topics = Topics::on(store.clone(), "orders", Hub::builder()).idle(Duration::from_secs(600));
        let journal = Hub::builder().build_on(store.log("journal"));
        let orders = Self { topics, journal, last_order: Arc::new(AtomicU32::new(BEFORE_FIRST_ORDER)), log, pace };
        for (order, item) in orders.placed_orders().await? {
            orders.last_order.fetch_max(order, Ordering::Relaxed);
            tokio::spawn(orders.clone().deliver(order, item));
        }
        Ok(orders)
    }

    /// The orders of the journal, which retains the last thousand.
    async fn placed_orders(&self) -> Result<Vec<(u32, String)>, PublishError> {
        let mut entries = self.journal.subscribe(Start::Earliest).events();
        // The end of what there is to read.
        let opened = self.journal.publish(&JournalEntry::Opened).await?;
        let mut placed = Vec::new();
        while let Some(entry) = entries.next().await.filter(|entry| entry.id.as_ref() != Some(&opened)) {
            if let JournalEntry::Placed { order, item } = &*entry.data {
                placed.push((*order, item.clone()));
            }
        }
        Ok(placed)
    }

    /// The hub of an order, if the order exists.
    pub(crate) fn get(&self, order: u32) -> Option<Hub<OrderEvent, AnyLog>> {
        let exists = order > BEFORE_FIRST_ORDER && order <= self.last_order.load(Ordering::Relaxed);
        exists.then(|| self.topics.hub(&order))
    }

    /// Returns the number of the new order once the store has it.
    pub(crate) async fn place(&self, item: String) -> Result<u32, PublishError> {
        let order = self.last_order.fetch_add(1, Ordering::Relaxed) + 1;
        self.journal.publish(&JournalEntry::Placed { order, item: item.clone() }).await?;
        tokio::spawn(self.clone().deliver(order, item));
        Ok(order)
    }

    /// Simulates the steps of an order that are not in the store yet.
    async fn deliver(self, order: u32, item: String) {
        let hub = self.topics.hub(&order);
        let mut last = last_event(&hub).await;
        match last {
            None => {}
            Some(OrderEvent::Delivered { .. }) => return,
            Some(_) => self.log.info(&format!("order {order} continues after a restart of the server")).await,
        }
        loop {
            let paces = match last {
                Some(OrderEvent::Accepted { .. } | OrderEvent::Packed { .. }) => 2,
                Some(OrderEvent::OnTheWay { .. }) => 1,
                _ => 0,
            };
            sleep(paces * self.pace).await;
            let Some(event) = self.step_after(last.as_ref(), order, &item) else { return };
            let published = if let OrderEvent::Delivered { .. } = event {
                hub.close(Some(event.clone())).await
            } else {
                hub.publish(&event).await.map(drop)
            };
            last = match published {
                Ok(()) => {
                    self.announce(order, &event).await;
                    Some(event)
                }
                Err(error) => {
                    self.log
                        .failure(&format!("order {order} waits for the store\n  caused by: {}", causes(&error)))
                        .await;
                    sleep(self.pace).await;
                    // If the store did not answer, the event may be stored in spite of the error.
                    last_event(&hub).await
                }
            };
        }
    }

    fn step_after(&self, last: Option<&OrderEvent>, order: u32, item: &str) -> Option<OrderEvent> {
        let at = now();
        let on_the_way = |number: u32| {
            let eta_s = ((PROGRESS_EVENTS - number) * self.pace).as_secs_f64().ceil() as u32;
            OrderEvent::OnTheWay { done: f64::from(number) / f64::from(PROGRESS_EVENTS), eta_s }
        };
        match last {
            None => {
                let total_cents = 1_490 + 100 * item.len() as u32;
                Some(OrderEvent::Accepted { order, item: item.to_owned(), total_cents, at })
            }
            Some(OrderEvent::Accepted { .. }) => Some(OrderEvent::Packed { at }),
            Some(OrderEvent::Packed { .. }) => Some(OrderEvent::HandedOver { carrier: "Kiwi Express".to_owned(), at }),
            Some(OrderEvent::HandedOver { .. }) => Some(on_the_way(0)),
            Some(OrderEvent::OnTheWay { done, .. }) => {
                let number = (done * f64::from(PROGRESS_EVENTS)).round() as u32 + 1;
                let delivered = || OrderEvent::Delivered { to: "the neighbour's cat".to_owned(), at };
                Some(if number < PROGRESS_EVENTS { on_the_way(number) } else { delivered() })
            }
            Some(OrderEvent::Delivered { .. } | OrderEvent::Missed(_)) => None,
        }
    }

    async fn announce(&self, order: u32, event: &OrderEvent) {
        match event {
            OrderEvent::Accepted { item, .. } => self.log.info(&format!("order {order}: {item}")).await,
            OrderEvent::Packed { .. } => self.log.info(&format!("order {order} is packed")).await,
            OrderEvent::HandedOver { carrier, .. } => self.log.info(&format!("order {order} is with {carrier}")).await,
            OrderEvent::Delivered { .. } => self.log.info(&format!("order {order} is delivered")).await,
            OrderEvent::OnTheWay { .. } | OrderEvent::Missed(_) => {}
        }
    }
}

/// The newest event of an order in the store, if it has any.
async fn last_event(hub: &Hub<OrderEvent, AnyLog>) -> Option<OrderEvent> {
    // Once it is ready, it is known whether there is an event.
    let newest = hub.subscribe(Start::Last(1)).ready().await.events().next().now_or_never()??;
    Some(OrderEvent::clone(&newest.data))
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
    assert_current::<OrderEvent>(path, &Options::new().runtime_at("./sse_typed.ts"));
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/notifications_orders.json");
    assert_compatible(path, &Contract::of::<OrderEvent>(), Policy::both().stored_history());
    // No client reads the journal, but the next version of the shop does.
    let journal = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/notifications_journal.json");
    assert_compatible(journal, &Contract::of::<JournalEntry>(), Policy::client_first().stored_history());
}
