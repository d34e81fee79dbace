//! The server's log, as an event stream.

use std::time::Duration;

use serde::Deserialize;
use sse_typed::{
    Gap, Hub, LastEventId, SseEvent, Subscription,
    hub::{Retention, Start},
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
    /// Lines are missing: the server was restarted, or the client was disconnected for too long.
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
    hub: Hub<LogEvent>,
}

impl Log {
    /// Starts the log with simulated lines. `pace` is the time between two of them.
    pub(crate) fn start(pace: Duration) -> Self {
        let log = Self { hub: Hub::builder().retain(Retention::events(1_000)).build() };
        log.info("the server is started");
        tokio::spawn(simulate_shop(log.clone(), pace));
        log
    }

    /// The lines after the client's last one. A new client first receives the last 50.
    pub(crate) fn tail(&self, level: Level, last_event_id: LastEventId) -> Subscription<LogEvent> {
        let start = if last_event_id.is_none() { Start::Last(50) } else { Start::after(last_event_id) };
        self.hub.subscribe(start).only(move |line| line.level() >= level)
    }

    pub(crate) fn info(&self, text: &str) {
        self.write(LogEvent::Info, text);
    }

    pub(crate) fn warning(&self, text: &str) {
        self.write(LogEvent::Warning, text);
    }

    pub(crate) fn failure(&self, text: &str) {
        self.write(LogEvent::Failure, text);
    }

    fn write(&self, event: fn(String) -> LogEvent, text: &str) {
        let seconds = now() / 1_000 % 86_400;
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let line = event(format!("{hours:02}:{minutes:02}:{seconds:02} {text}"));
        // There is no other log to report an error to.
        let _ = self.hub.publish_now(&line);
    }
}

/// Writes lines that do not depend on orders.
async fn simulate_shop(log: Log, pace: Duration) {
    for round in 1_u64.. {
        sleep(pace).await;
        match round % 12 {
            3 => log.warning("shelf 7 is nearly empty"),
            5 => log.info(&format!("stock is counted: {} boxes", 200 - round % 40)),
            8 => log.failure(
                "the label printer does not respond\n  caused by: connection refused\n  caused by: it is out of paper",
            ),
            9 => log.info("the label printer responds again"),
            _ => log.info(&format!("{} visitors in the shop", 3 + round * 7 % 11)),
        }
    }
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --bins` writes the file that the page imports.
#[cfg(test)]
#[test]
fn the_generated_typescript_is_current() {
    use sse_typed::typescript::{Options, assert_current};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/notifications/page/log_event.ts");
    assert_current::<LogEvent>(path, &Options::new());
}
