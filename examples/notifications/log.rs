//! The server's log, as an event stream.

use std::{error::Error, iter, time::Duration};

use serde::Deserialize;
use sse_typed::{
    Gap, Hub, LastEventId, SseEvent, Subscription,
    hub::{AnyLog, AnyStore, EventStore as _, Start},
};
use tokio::time::sleep;

use crate::orders::now;

/// The contract of `/log`: plain text of one or several lines. The level is the event type.
#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
pub(crate) enum LogEvent {
    /// Without an event type: `onmessage` receives it.
    #[sse(message, text)]
    Info(String),
    #[sse(text)]
    Warning(String),
    /// Not `error`: an `EventSource` fires its own events of that name.
    #[sse(text)]
    Failure(String),
    /// Lines are missing: the server was restarted with another store, or the client was disconnected for too long.
    #[sse(gap)]
    Missed(Gap),
}

/// The lowest level that a page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    #[default]
    Info,
    Warning,
    Failure,
}

impl LogEvent {
    const fn level(&self) -> Level {
        match self {
            Self::Info(_) => Level::Info,
            Self::Warning(_) => Level::Warning,
            // Every page shows a gap.
            Self::Failure(_) | Self::Missed(_) => Level::Failure,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Log {
    hub: Hub<LogEvent, AnyLog>,
}

impl Log {
    /// The log under the key `log` of the store. It goes on where an earlier process has ended.
    pub(crate) fn open(store: &AnyStore) -> Self {
        Self { hub: Hub::builder().build_on(store.log("log")) }
    }

    /// Writes simulated lines. `pace` is the time between two of them.
    pub(crate) fn simulate(&self, pace: Duration) {
        tokio::spawn(simulate_shop(self.clone(), pace));
    }

    /// The lines after the client's last one. A new client first receives the last 50.
    pub(crate) fn tail(&self, level: Level, last_event_id: LastEventId) -> Subscription<LogEvent> {
        let start = if last_event_id.is_none() { Start::Last(50) } else { Start::after(last_event_id) };
        self.hub.subscribe(start).only(move |line| line.level() >= level)
    }

    pub(crate) async fn info(&self, text: &str) {
        self.write(LogEvent::Info, text).await;
    }

    pub(crate) async fn warning(&self, text: &str) {
        self.write(LogEvent::Warning, text).await;
    }

    pub(crate) async fn failure(&self, text: &str) {
        self.write(LogEvent::Failure, text).await;
    }

    async fn write(&self, event: fn(String) -> LogEvent, text: &str) {
        let seconds = now() / 1_000 % 86_400;
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let line = format!("{hours:02}:{minutes:02}:{seconds:02} {text}");
        if let Err(error) = self.hub.publish(&event(line.clone())).await {
            // The store is away: the line is at least in the terminal.
            eprintln!("{line}\n  not stored: {}", causes(&error));
        }
    }
}

/// An error with the errors that caused it.
pub(crate) fn causes(error: &dyn Error) -> String {
    iter::successors(Some(error), |error| (*error).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n  caused by: ")
}

/// Writes lines that do not depend on orders.
async fn simulate_shop(log: Log, pace: Duration) {
    for round in 1_u64.. {
        sleep(pace).await;
        match round % 12 {
            3 => log.warning("shelf 7 is nearly empty").await,
            5 => log.info(&format!("stock is counted: {} boxes", 200 - round % 40)).await,
            8 => {
                let text = "the label printer does not respond\n  caused by: connection refused\n  caused by: it is out of paper";
                log.failure(text).await;
            }
            9 => log.info("the label printer responds again").await,
            _ => log.info(&format!("{} visitors in the shop", 3 + round * 7 % 11)).await,
        }
    }
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the files that the page imports.
#[cfg(test)]
#[test]
fn the_generated_typescript_is_current() {
    use sse_typed::typescript::{Options, assert_current, assert_runtime_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/notifications/page/log_event.ts");
    assert_current::<LogEvent>(path, &Options::new().runtime_at("./sse_typed.ts"));
    // Both event types share it.
    assert_runtime_current(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/notifications/page/sse_typed.ts"));
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/notifications_log.json");
    assert_compatible(path, &Contract::of::<LogEvent>(), Policy::both().stored_history());
}
