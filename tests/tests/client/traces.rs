//! The client's `tracing` spans and events.

use std::{
    collections::BTreeSet,
    fmt::{self, Write},
    sync::{Arc, Mutex},
};

use sse_typed::{
    Client,
    client::Signal,
    testing::{Answer, ScriptedServer},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::reading::Reading;

/// Records the spans and events of the client, each as one line.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

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

impl Subscriber for Recorder {
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
async fn opens_retries_ends_unknown_and_bad_events_are_traced_and_queries_are_not() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let replies = [
        Answer::close(),
        Answer::stream().send("id: \u{1}\nretry: 1000\nevent: value\ndata: x\n\nevent: new\ndata: 1\n\n"),
        Answer::stream().send("event: bye\ndata\n\n"),
    ];
    let policy = sse_typed::client::ReconnectPolicy::default().jitter(0.0);
    let request = Client::new(ScriptedServer::new(replies)).get("http://user:pw@host:81/feed?token=secret");
    let mut source = request.reconnect(policy).connect::<Reading>();
    while source.next().await.is_some() {}
    let expected = [
        "event_stream http.request.method=\"GET\" server.address=host server.port=81 url.path=\"/feed\"",
        "WARN event stream lost, reconnecting after_ms=1000 error=no response: the scripted server closed the connection",
        "DEBUG event stream open http.response.status_code=200",
        "WARN bad event error=event `value` has bad data: invalid digit found in string",
        "DEBUG event of unknown type event_type=\"new\"",
        "DEBUG event stream ended, reconnecting after_ms=1000",
        "WARN last event ID cannot be sent in a header id=\\u{1}",
        "DEBUG event stream open http.response.status_code=200",
        "DEBUG event stream closed reason=Terminal",
    ];
    assert_eq!(*recorder.0.lock().unwrap(), expected);
}

/// The seconds that a client waits because of a header value, if the value is valid, and whether the header is
/// traced.
async fn waits(name: &'static str, value: &'static str) -> (Option<u64>, bool) {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let (reply, wait): (Answer, fn(u64) -> Option<u64>) = if name == "retry-after" {
        // Without the header the delay is one second.
        (Answer::status(503), |wait| (wait > 1).then_some(wait))
    } else {
        (Answer::stream().stall(), |wait| (wait < 100_000).then_some(wait / 3))
    };
    let service = ScriptedServer::new([reply.header(name, value)]);
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
    let is_traced = recorder.0.lock().unwrap().iter().any(|line| {
        let is_it = line.starts_with("WARN response header has an invalid value");
        assert!(!is_it || line.contains(&format!("header=\"{name}\"")), "{line}");
        is_it
    });
    (wait(after), is_traced)
}

#[tokio::test(start_paused = true)]
async fn a_header_with_a_time_is_valid_or_traced() {
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
async fn a_body_without_events_and_an_unfinished_event_are_traced() {
    let recorder = Recorder::default();
    let _guard = tracing::subscriber::set_default(recorder.clone());
    let client = Client::new(ScriptedServer::new([
        Answer::stream().send("<p>\u{7}"),
        Answer::stream().send("event: bye\ndata"),
    ]));
    for _ in 0..2 {
        assert!(client.get("http://host/").send::<Reading>().await.unwrap().next().await.is_none());
    }
    let expected = [
        "WARN event stream without an event ignored=1 line without a field: `<p>\\u{7}`",
        "WARN event stream ended within an event, which is discarded unfinished=event `bye` of 3 bytes",
    ];
    let warnings: Vec<_> = recorder.0.lock().unwrap().iter().filter(|line| line.starts_with("WARN")).cloned().collect();
    assert_eq!(warnings, expected);
}

/// Records the targets of all spans and events of this crate.
#[derive(Clone, Default)]
struct Targets(Arc<Mutex<BTreeSet<String>>>);

impl Subscriber for Targets {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("sse_typed")
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.0.lock().unwrap().insert(span.metadata().target().to_owned());
        span::Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().insert(event.metadata().target().to_owned());
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn every_span_and_event_has_the_public_module_as_its_target() {
    let targets = Targets::default();
    let _guard = tracing::subscriber::set_default(targets.clone());
    let replies = [
        Answer::close(),
        Answer::status(503).header("retry-after", "soon"),
        Answer::stream().send("id: \u{1}\nevent: value\ndata: x\n\nevent: new\ndata: 1\n\ndata"),
        Answer::stream().send("<p>"),
        Answer::status(404),
    ];
    let mut source = Client::new(ScriptedServer::new(replies)).get("http://host/").connect::<Reading>();
    while source.next().await.is_some() {}
    assert_eq!(*targets.0.lock().unwrap(), BTreeSet::from(["sse_typed::client".to_owned()]));
}
