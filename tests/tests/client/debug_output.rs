//! The client's `{:?}` output: it shows what traces show, and no secrets.

use std::{collections::BTreeSet, error::Error as StdError, fmt, future::Future, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use sse_typed::{
    Client, EventId, RawEvent, SseEvent,
    client::{
        Attempt, BadEvent, BoxHttpService, Ended, Error, HyperClient, ReadyState, ReconnectPolicy, Reply,
        RequestBuilder, ReqwestClient, ResponseBody, Resume, Signal, SseDecodeLayer, UnknownEvent, WithBody,
    },
    testing::{Answer, ScriptedServer},
};
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceExt};

use crate::reading::Reading;

const URL: &str = "http://user:secret-pw@host:81/feed?token=secret-query#secret-fragment";

/// Shows its secret only in `{:?}`.
#[derive(Debug)]
struct Failure(#[expect(dead_code, reason = "it is for `{:?}`")] &'static str);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it did not work")
    }
}

impl StdError for Failure {}

/// The outputs, with the name of the type.
#[derive(Default)]
struct Shown(Vec<(String, String)>);

impl Shown {
    fn add<T: fmt::Debug>(&mut self, value: &T) {
        let path = std::any::type_name::<T>().split('<').next().unwrap_or_default();
        let name = path.rsplit("::").next().unwrap_or_default().to_owned();
        self.0.push((name.clone(), format!("{value:?}")));
        self.0.push((name, format!("{value:#?}")));
    }

    /// Adds the error and all its sources.
    fn add_error(&mut self, error: &Error) {
        self.add(error);
        let mut next = Some(error as &dyn StdError);
        while let Some(error) = next {
            self.0.push(("Error".to_owned(), error.to_string()));
            next = error.source();
        }
    }
}

#[derive(Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Typed {
    Value {
        n: u64,
    },
    #[sse(error)]
    Failed {
        why: String,
    },
}

fn with_secrets<S>(request: RequestBuilder<S>) -> RequestBuilder<S> {
    request
        .header("x-api-key", "secret-header")
        .bearer_auth("secret-bearer")
        .body("secret-body")
        .last_event_id(EventId::new("secret-id").unwrap())
        .reconnect(ReconnectPolicy::never())
}

fn refusal() -> Answer {
    Answer::status(403).header("set-cookie", "secret-cookie").send("secret-answer")
}

fn events() -> Answer {
    let body = "id: secret-id\nevent: value\ndata: secret-data\n\nid: secret-id\nevent: value\ndata: 1\n\n";
    Answer::stream().send(body).header("set-cookie", "secret-cookie").send("data: secret-rest").stall()
}

async fn fails<T>(response: impl Future<Output = Result<T, Error>>) -> Error {
    Box::pin(response).await.err().unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_public_type_shows_a_secret() {
    let mut shown = Shown::default();
    let scripted = |reply| with_secrets(Client::new(ScriptedServer::new([reply])).post(URL));

    shown.add(&Client::hyper());
    shown.add(&HyperClient::new());
    let builder = HyperClient::builder().proxy("http://user:secret-pw@host").client_certificate_pem("", "secret-key");
    shown.add(&builder);
    shown.add(&builder.build().unwrap_err());
    shown.add(&ReqwestClient::new(reqwest::Client::builder().user_agent("secret-agent").build().unwrap()));
    shown.add(&scripted(events()));
    shown.add(&BadEvent::skip(|_| {}));
    if let BadEvent::Skip(hook) = BadEvent::skip(|_| {}) {
        shown.add(&hook);
    }
    shown.add(&(UnknownEvent::Skip));
    shown.add(&Resume::Get);
    shown.add(&Ended::Closed);
    shown.add(&ReadyState::Closed);
    shown.add(&ReconnectPolicy::new());
    shown.add(&ResponseBody::new(Full::new(Bytes::from_static(b"secret-body"))));

    let (attempts, mut attempted) = mpsc::unbounded_channel();
    let request = scripted(events()).request(move |attempt: Attempt| {
        attempts.send(format!("{attempt:?} {attempt:#?}")).unwrap();
        std::future::ready(Ok(attempt.into_request()))
    });
    let mut source = request.connect::<Reading>();
    shown.add(&source);
    let mut changes = source.handle().state_changes();
    shown.add(&source.handle());
    shown.add_error(&source.next().await.unwrap().unwrap_err());
    source.next().await.unwrap().unwrap();
    shown.add(&source);
    let state = changes.next().await.unwrap();
    assert_eq!(state.last_event_id(), "secret-id");
    shown.add(&state);
    shown.add(&changes);
    shown.0.push(("Attempt".to_owned(), attempted.recv().await.unwrap()));

    let mut signals = scripted(events()).connect::<Reading>().with_signals();
    shown.add(&signals.next().await.unwrap().unwrap());
    shown.add(&signals);
    let cause = fails(scripted(refusal()).send::<Reading>()).await;
    shown.add_error(&cause);
    shown.add(&Signal::<Reading>::Reconnecting { after: Duration::ZERO, cause: Some(cause) });

    let mut stream = scripted(events()).send::<Reading>().await.unwrap();
    stream.next().await.unwrap().unwrap_err();
    shown.add(&stream);
    shown.add(&Reply::Events(stream));
    shown.add(&scripted(refusal()).send_or_response::<Reading>().await.unwrap());

    let service = tower::service_fn(|_: Request<Full<Bytes>>| {
        std::future::ready(Err::<Response<Full<Bytes>>, _>(Failure("secret-failure")))
    });
    shown.add(&WithBody::<_, Full<Bytes>>::new(HyperClient::new()));
    let mut boxed = BoxHttpService::new(WithBody::<_, Full<Bytes>>::new(service));
    shown.add(&boxed);
    let mut request = Request::new(Bytes::from_static(b"secret-body"));
    *request.uri_mut() = URL.parse().unwrap();
    shown.add(&Service::call(&mut boxed, request.clone()));
    let layer = SseDecodeLayer::<RawEvent>::new();
    shown.add(&layer);
    shown.add(&layer.layer(HyperClient::new()));
    let response =
        layer.layer(WithBody::<_, Full<Bytes>>::new(ScriptedServer::new([refusal()]))).oneshot(request.clone());
    shown.add_error(&fails(response).await);
    shown.add(&layer.layer(WithBody::<_, Full<Bytes>>::new(ScriptedServer::new([events()]))).call(request));

    shown.add_error(&fails(with_secrets(Client::new(service).get(URL)).send::<Reading>()).await);
    let made = with_secrets(Client::new(service).get(URL))
        .request(|_| std::future::ready(Err(Failure("secret-failure").into())));
    shown.add_error(&fails(made.send::<Reading>()).await);
    let unsendable = with_secrets(Client::new(service).get("http://a b:secret-pw@host?secret-query"));
    shown.add(&unsendable);
    shown.add_error(&fails(unsendable.send::<Reading>()).await);
    let policy = ReconnectPolicy::new().max_attempts(1);
    let mut source = with_secrets(Client::new(service).get(URL)).reconnect(policy).connect::<Reading>();
    let handle = source.handle();
    shown.add_error(&source.next().await.unwrap().unwrap_err());
    shown.add(&handle.state());
    shown.add(handle.state().last_error().unwrap());

    // These messages quote the invalid data and the server's error.
    let events = "event: value\ndata: {\"n\":\"secret-n\"}\n\nevent: failed\ndata: {\"why\":\"secret-why\"}\n\n";
    let request = with_secrets(Client::new(ScriptedServer::new([Answer::stream().send(events)])).get(URL));
    let mut stream = request.in_band_errors(true).send::<Typed>().await.unwrap();
    for kind in ["Decode, event: \"value\", part: Json, path: \"n\"", "InBand, event: \"failed\""] {
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("secret"), "{error}");
        assert!(format!("{error:?}").starts_with(&format!("Error {{ kind: {kind}, data: ")), "{error:?}");
        shown.add(&error);
        shown.add(&Signal::<Typed>::Reconnecting { after: Duration::ZERO, cause: Some(error) });
    }
    shown.add(&stream);

    // No server listens there.
    let nowhere = "http://user:secret-pw@127.0.0.1:1/?token=secret-query";
    shown.add_error(&fails(with_secrets(Client::hyper().get(nowhere)).send::<Reading>()).await);
    let client = Client::reqwest(reqwest::Client::new());
    shown.add_error(&fails(with_secrets(client.get(nowhere)).send::<Reading>()).await);
    shown.add_error(&fails(with_secrets(client.get("ftp://host/?secret-query")).send::<Reading>()).await);

    for (name, text) in &shown.0 {
        assert!(!text.contains("secret"), "{name}: {text}");
    }
    let names: BTreeSet<_> = shown.0.iter().map(|(name, _)| &name[..]).collect();
    let missing: Vec<_> = exported().into_iter().filter(|name| !names.contains(name)).collect();
    // A trait.
    assert_eq!(missing, ["HttpService"]);
}

/// The names of the client's exports.
fn exported() -> Vec<&'static str> {
    let source = include_str!("../../../sse-typed/src/client/mod.rs");
    let uses = source.split("pub use ").skip(1).filter_map(|text| text.split(';').next());
    let words = uses.flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| word.starts_with(char::is_uppercase)).collect()
}

#[tokio::test]
async fn the_output_identifies_requests_and_responses() {
    let request = with_secrets(Client::new(ScriptedServer::new([])).post(URL));
    let shown = format!("{:?}", request.connect::<Reading>());
    let expected =
        "method: POST, url: http://host:81/feed.., headers: [\"x-api-key\", \"authorization\"], body: 11 bytes";
    assert!(shown.contains(expected), "{shown}");

    let error = fails(Client::new(ScriptedServer::new([refusal()])).get(URL).send::<Reading>()).await;
    let shown = format!("{error:?}");
    let expected = "Error { kind: Status, message: \"the response is not an event stream: its status is 403 Forbidden\", \
                    response: Head { status: 403, headers: [\"set-cookie\"] }, body: 13 bytes }";
    assert_eq!(shown, expected);
}
