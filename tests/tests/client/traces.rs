//! What the client tells by the `tracing` crate.

use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex},
};

use sse_typed::{Client, client::Signal};
use tests::scripted::{Reply, ScriptedService};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::reading::Reading;

/// Keeps what it hears of this crate's client, a line for each span and event.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, " {value:?}").unwrap();
        } else {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sse_typed::client")
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut line = Line(span.metadata().name().to_owned());
        span.record(&mut line);
        self.0.lock().unwrap().push(line.0);
        span::Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn open_retry_end_unknown_and_bad_events_are_traced_and_no_query_is() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let replies = [
        Reply::hang_up(),
        Reply::events("id: \u{1}\nretry: 1000\nevent: value\ndata: x\n\nevent: new\ndata: 1\n\n"),
        Reply::events("event: bye\ndata\n\n"),
    ];
    let policy = sse_typed::client::ReconnectPolicy::default().jitter(0.0);
    let request = Client::new(ScriptedService::new(replies)).get("http://user:pw@host:81/feed?token=secret");
    let mut source = request.reconnect(policy).connect::<Reading>();
    while source.next().await.is_some() {}
    let expected = [
        "event_stream http.request.method=\"GET\" server.address=host server.port=81 url.path=\"/feed\"",
        "WARN event stream lost, reconnecting after_ms=1000 error=no response: hung up",
        "DEBUG event stream open http.response.status_code=200",
        "WARN bad event error=event `value` has bad data: invalid digit found in string",
        "DEBUG event of unknown type event_type=\"new\"",
        "DEBUG event stream ended, reconnecting after_ms=1000",
        "WARN last event ID cannot stand in a header, and is not sent id=\\u{1}",
        "DEBUG event stream open http.response.status_code=200",
        "DEBUG event stream over reason=Terminal",
    ];
    assert_eq!(*heard.0.lock().unwrap(), expected);
}

/// The seconds that each value of a header makes a client wait, if it is understood, and whether it is traced.
async fn waits(name: &'static str, value: &'static str) -> (Option<u64>, bool) {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let (reply, wait): (Reply, fn(u64) -> Option<u64>) = if name == "retry-after" {
        // A second it is without the header, plus the one that the server asks for.
        (Reply::status(503), |wait| (wait > 1).then_some(wait))
    } else {
        (Reply::events("").hold(), |wait| (wait < 100_000).then_some(wait / 3))
    };
    let service = ScriptedService::new([reply.header(name, value)]);
    let policy = sse_typed::client::ReconnectPolicy::default().jitter(0.0);
    let mut signals = Client::new(service).get("/").reconnect(policy).connect::<Reading>().with_signals();
    let started = tokio::time::Instant::now();
    let after = loop {
        match tokio::time::timeout(std::time::Duration::from_secs(100_000), signals.next()).await {
            Ok(Some(Ok(Signal::Reconnecting { after, .. }))) if name == "retry-after" => break after.as_secs(),
            Ok(Some(Ok(Signal::Reconnecting { .. }))) | Err(_) => break started.elapsed().as_secs(),
            Ok(Some(Ok(_))) => {}
            Ok(other) => panic!("{other:?}"),
        }
    };
    let told = heard.0.lock().unwrap().iter().any(|line| {
        let is_it = line.starts_with("WARN header of the response is not understood");
        assert!(!is_it || line.contains(&format!("header=\"{name}\"")), "{line}");
        is_it
    });
    (wait(after), told)
}

#[tokio::test(start_paused = true)]
async fn a_header_that_asks_for_a_time_is_understood_or_traced() {
    for (value, expected) in [
        ("5", (Some(5), false)),
        ("2.5", (Some(3), false)),
        ("4.000", (Some(4), false)),
        ("4, 6", (Some(6), false)),
        ("4, soon", (Some(4), true)),
        ("0", (None, false)),
        ("", (None, true)),
        (",", (None, true)),
        ("-5", (None, true)),
        ("+5", (None, true)),
        (".5", (None, true)),
        ("5s", (None, true)),
        ("5e1", (None, true)),
        ("0x10", (None, true)),
        ("1.5.5", (None, true)),
        ("soon", (None, true)),
    ] {
        for name in ["retry-after", "sse-keep-alive"] {
            assert_eq!(waits(name, value).await, expected, "{name}: {value}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_events_and_an_event_without_an_end_are_traced() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());
    let client = Client::new(ScriptedService::new([Reply::events("<p>\u{7}"), Reply::events("event: bye\ndata")]));
    for _ in 0..2 {
        assert!(client.get("http://host/").send::<Reading>().await.unwrap().next().await.is_none());
    }
    let expected = [
        "WARN event stream without an event ignored=1 line without a field: `<p>\\u{7}`",
        "WARN event stream ended within an event, which is discarded unfinished=event `bye` of 3 bytes",
    ];
    let warnings: Vec<_> = heard.0.lock().unwrap().iter().filter(|line| line.starts_with("WARN")).cloned().collect();
    assert_eq!(warnings, expected);
}
