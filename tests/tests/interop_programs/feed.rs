//! The server that several programs read: a short list of events, whose first stream is cut.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::HeaderMap,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use sse_typed::{EncodeEvent, Event, EventId, LastEventId, Sse, SseLayer};
use tokio::net::TcpListener;

/// The reconnection time: longer than the three seconds that Chromium and the npm package wait by default.
pub(crate) const RETRY: Duration = Duration::from_secs(4);

/// A text with every kind of line end, and with spaces that must be kept.
const NOTE: &str = " a leading space\r\nCRLF\rCR\nLF\n\nan empty line, and a last LF\n";

#[derive(Debug, EncodeEvent)]
#[sse(rename_all = "snake_case")]
enum Story {
    Position {
        x: f64,
    },
    #[sse(message, text)]
    Plain(&'static str),
    #[sse(text)]
    Note(&'static str),
    #[sse(terminal)]
    Completed,
}

/// All events with their numbers. The id of an event, if it has one, is its number after the prefix of the feed.
fn story(prefix: &str) -> Vec<(u64, Event<Story>)> {
    let id = |number: u64| EventId::new(format!("{prefix}{number}")).unwrap();
    vec![
        (1, Event::new(Story::Position { x: 1.5 }).id(id(1))),
        (2, Event::new(Story::Plain("data: no field")).id(id(2))),
        (3, Event::new(Story::Note(NOTE)).id(id(3))),
        (4, Event::new(Story::Position { x: -2.0 })),
        (5, Event::new(Story::Completed).id(id(5))),
        (6, Event::new(Story::Plain("never sent, because it follows the terminal event"))),
    ]
}

/// The events that a client must get: event type, data, and the id without the prefix, or an empty string without an id.
pub(crate) const EXPECTED: [(&str, &str, &str); 5] = [
    ("position", r#"{"x":1.5}"#, "1"),
    ("message", "data: no field", "2"),
    ("note", " a leading space\nCRLF\nCR\nLF\n\nan empty line, and a last LF\n", "3"),
    ("position", r#"{"x":-2.0}"#, ""),
    ("completed", "null", "5"),
];

/// The number of events that the first stream sends before it is cut.
pub(crate) const EVENTS_BEFORE_CUT: usize = 3;

#[derive(Clone, Debug)]
pub(crate) struct Visit {
    pub(crate) at: Instant,
    pub(crate) last_event_id: Option<String>,
    pub(crate) accept: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Feed {
    address: SocketAddr,
    state: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    prefix: &'static str,
    visits: Vec<Visit>,
    cut_at: Option<Instant>,
}

impl Feed {
    /// `/events` sends the events after the last event ID, or a 204 if there are none. Its first stream is cut. `/whole` sends
    /// all events and is never cut. `/` is an empty page.
    pub(crate) async fn start() -> Self {
        Self::with_ids("").await
    }

    /// Starts the same feed on axum's server, and on the server of this crate.
    pub(crate) async fn start_on_each_server() -> [Self; 2] {
        let own = Self::with_ids_on("", |listener, router| {
            tokio::spawn(sse_typed::server::Server::new(listener).serve(router));
        });
        [Self::start().await, own.await]
    }

    /// Starts a feed with ids that begin with `prefix`.
    pub(crate) async fn with_ids(prefix: &'static str) -> Self {
        Self::with_ids_on(prefix, |listener, router| {
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        })
        .await
    }

    async fn with_ids_on(prefix: &'static str, serve: impl FnOnce(TcpListener, Router)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(Record { prefix, ..Record::default() }));
        let router = Router::new()
            .route("/events", get(events))
            .route("/whole", get(whole))
            .layer(SseLayer::new())
            .route("/", get(|| std::future::ready(Html("<!doctype html><title>feed</title>"))))
            .with_state(Arc::clone(&state));
        serve(listener, router);
        Self { address, state }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.state.lock().unwrap().visits.clone()
    }

    pub(crate) fn cut_at(&self) -> Instant {
        self.state.lock().unwrap().cut_at.expect("the first stream was read to its end")
    }
}

async fn events(State(state): State<Arc<Mutex<Record>>>, headers: HeaderMap, after: LastEventId) -> Response {
    let text = |name| headers.get(name).map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap());
    let (first, prefix) = {
        let mut record = state.lock().unwrap();
        record.visits.push(Visit { at: Instant::now(), last_event_id: text("last-event-id"), accept: text("accept") });
        (record.visits.len() == 1, record.prefix)
    };
    let after = after.as_str().map_or(0, |id| id.strip_prefix(prefix).unwrap().parse().unwrap());
    let mut events = story(prefix);
    events.retain(|(number, _)| *number > after);
    if after >= 5 {
        return Sse::<stream::Empty<Story>>::stop().into_response();
    }
    if first {
        events.truncate(EVENTS_BEFORE_CUT);
    }
    let stream = stream::unfold(events.into_iter(), move |mut events| {
        let event = events.next();
        if event.is_none() && first {
            state.lock().unwrap().cut_at = Some(Instant::now());
        }
        std::future::ready(event.map(|(_, event)| (event, events)))
    });
    Sse::new(stream).retry(if first { RETRY } else { Duration::from_millis(20) }).into_response()
}

async fn whole() -> Response {
    let events = story("").into_iter().map(|(_, event)| event);
    // The size hint of `unfold` is unknown, so the response is never a 204.
    let stream = stream::unfold(events, |mut events| std::future::ready(events.next().map(|event| (event, events))));
    Sse::new(stream).retry(RETRY).into_response()
}
