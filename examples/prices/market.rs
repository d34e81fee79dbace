//! The events of the ticker, and the topic of each symbol.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use sse_typed::{
    Hub, LastEventId, Merge, SseEvent, Subscription,
    hub::{OnGap, Retention, Topics},
};
use tokio::time::{Instant, sleep_until};

use crate::{symbol::Symbol, walk::Walk};

/// The contract of `/prices`. Times are in milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum PriceEvent {
    /// The last two minutes of a symbol. It is the first event of each symbol, and comes again to a client that was disconnected
    /// for too long, or whose last event is of an earlier process.
    Snapshot { symbol: Symbol, opening: f64, decimals: u8, points: Vec<Point> },
    /// A new price.
    Price { symbol: Symbol, at: u64, price: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS, schemars::JsonSchema))]
pub(crate) struct Point {
    at: u64,
    price: f64,
}

/// The time that a snapshot covers, and that a page shows.
const SPAN: Duration = Duration::from_secs(120);

/// The retained history of each topic: the longest disconnection after which a client resumes without a snapshot.
const HISTORY: Duration = Duration::from_secs(60);

/// The prices of all symbols. It is a handle and cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    topics: Topics<Symbol, PriceEvent>,
    quotes: Arc<[Quote]>,
}

/// A symbol and the points of a snapshot. It is a handle and cheap to clone.
#[derive(Clone, Debug)]
struct Quote {
    symbol: Symbol,
    points: Arc<Mutex<VecDeque<Point>>>,
}

impl Market {
    /// Starts a task for each symbol, which publishes its prices.
    pub(crate) fn open() -> Self {
        let builder = Hub::builder_on_gap(OnGap::Snapshot).retain(Retention::events(1_000).age(HISTORY));
        let topics = Topics::new(builder);
        let now = SystemTime::now();
        let quotes = Symbol::ALL.map(|symbol| {
            let mut walk = Walk::at(symbol, now - SPAN);
            let quote = Quote { symbol, points: Arc::default() };
            while walk.time() <= now {
                quote.add(&walk);
                walk.advance();
            }
            // The task has a handle of the hub, so the topic is never idle.
            tokio::spawn(publish(topics.hub(&symbol), quote.clone(), walk));
            quote
        });
        Self { topics, quotes: quotes.into() }
    }

    /// The prices of these symbols, merged on one stream. The ID of each event contains a position in every topic.
    pub(crate) fn prices(&self, symbols: &BTreeSet<Symbol>, last_event_id: LastEventId) -> Merge<PriceEvent> {
        let chosen = self.quotes.iter().filter(|quote| symbols.contains(&quote.symbol));
        chosen.fold(Merge::new(last_event_id), |merge, quote| {
            merge.add(quote.symbol.name(), |id| self.subscribe(quote.clone(), id))
        })
    }

    fn subscribe(&self, quote: Quote, id: LastEventId) -> Subscription<PriceEvent> {
        self.topics.hub(&quote.symbol).subscribe_with(id, move || quote.snapshot())
    }
}

impl Quote {
    fn add(&self, walk: &Walk) -> PriceEvent {
        let at = milliseconds(walk.time());
        let price = walk.price();
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.push_back(Point { at, price });
        let oldest = at.saturating_sub(SPAN.as_millis() as u64);
        while points.front().is_some_and(|point| point.at < oldest) {
            points.pop_front();
        }
        PriceEvent::Price { symbol: self.symbol, at, price }
    }

    fn snapshot(&self) -> PriceEvent {
        let terms = self.symbol.terms();
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        PriceEvent::Snapshot {
            symbol: self.symbol,
            opening: terms.opening,
            decimals: terms.decimals,
            points: points.iter().copied().collect(),
        }
    }
}

/// Publishes each price when its time comes, for ever.
async fn publish(hub: Hub<PriceEvent>, quote: Quote, mut walk: Walk) {
    loop {
        let wait = walk.time().duration_since(SystemTime::now()).unwrap_or_default();
        sleep_until(Instant::now() + wait).await;
        // The point and its event are one step, so that a snapshot contains exactly the events before it.
        if let Err(error) = hub.publish_with(|| quote.add(&walk)).await {
            eprintln!("a price was not published: {error}");
        }
        walk.advance();
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the files that the page imports.
#[cfg(test)]
#[test]
fn the_generated_typescript_is_current() {
    use sse_typed::typescript::{Options, assert_current, assert_runtime_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/prices/page/");
    assert_current::<PriceEvent>(format!("{path}price_event.ts"), &Options::new().runtime_at("./sse_typed.ts"));
    assert_runtime_current(format!("{path}sse_typed.ts"));
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/prices.json");
    assert_compatible(path, &Contract::of::<PriceEvent>(), Policy::both());
}
