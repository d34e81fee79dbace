//! Controls of a stream other than reading: close and restart a source, receive signals, build requests per attempt,
//! set timeouts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream::FusedStream};
use http::{HeaderValue, Method};
use sse_typed::{
    Client, EventSource, EventStream,
    client::{Ended, ReadyState, ReconnectPolicy, Reply, Resume, Signal},
    testing::{Answer, ScriptedServer},
};
use tokio::time::{Instant, timeout};

use crate::reading::Reading;

const SECOND: Duration = Duration::from_secs(1);

fn no_jitter() -> ReconnectPolicy {
    ReconnectPolicy::default().jitter(0.0)
}

fn connect(service: &ScriptedServer) -> EventSource<Reading> {
    Client::new(service.clone()).get("/").reconnect(no_jitter()).connect().boxed()
}

#[tokio::test(start_paused = true)]
async fn k5_after_close_no_event_is_delivered_not_even_a_received_one() {
    let service =
        ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\nevent: value\ndata: 2\n\n").stall()]);
    let mut source = connect(&service);
    let handle = source.handle();
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(1));
    handle.close();
    // A restart does not undo a close.
    handle.restart();
    assert!(source.next().await.is_none());
    assert_eq!(source.ended(), Some(Ended::Closed));
    assert_eq!(source.ready_state(), ReadyState::Closed);
    handle.restart();
    assert!(source.next().await.is_none());
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn k5_close_ends_a_wait_and_no_attempt_follows() {
    let service = ScriptedServer::new([Answer::stream().send("retry: 3600000\n\n")]);
    let mut source = connect(&service);
    let handle = source.handle();
    let (item, ()) = tokio::join!(source.next(), async {
        tokio::time::sleep(SECOND).await;
        handle.close();
    });
    assert!(item.is_none());
    let started = Instant::now();
    assert!(timeout(10 * SECOND, source.next()).await.unwrap().is_none());
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn k5_close_hangs_up_on_the_server_from_another_thread() {
    let (answer, control) = Answer::controlled();
    let server = ScriptedServer::new([answer]).listen().await;
    let mut source = Client::hyper().get(server.url("/")).connect::<Reading>();
    let handle = source.handle();
    control.send("event: value\ndata: 1\n\n");
    assert!(source.next().await.unwrap().is_ok());
    std::thread::spawn(move || handle.close());
    assert!(source.next().await.is_none());
    control.closed().await;
}

#[tokio::test(start_paused = true)]
async fn restart_reconnects_at_once_with_the_last_event_id() {
    let held = Answer::stream().send("id: 4\nevent: value\ndata: 1\n\nid: 5\nevent: val").stall();
    let service = ScriptedServer::new([held, Answer::status(503).header("retry-after", "3600")]);
    let mut source = connect(&service);
    let handle = source.handle();
    let started = Instant::now();
    assert!(source.next().await.unwrap().is_ok());
    for _ in 0..2 {
        assert!(timeout(SECOND, source.next()).await.is_err());
        handle.restart();
    }
    assert!(source.next().await.is_none());
    assert_eq!(started.elapsed(), 2 * SECOND);
    assert_eq!(service.last_event_ids(), ["", "4", "4"]);
}

#[tokio::test(start_paused = true)]
async fn restart_drops_an_unfinished_event_and_the_timers_of_its_connection() {
    let half = || Answer::stream().send("event: value\ndata: 1").stall();
    let whole = "\n\nevent: value\ndata: 2\n\n";
    let service = ScriptedServer::new([half(), Answer::stream().wait(9 * SECOND).send(whole).stall()]);
    let request = Client::new(service).get("/").reconnect(no_jitter()).idle_timeout(10 * SECOND);
    let mut source = request.connect::<Reading>();
    let handle = source.handle();
    assert!(timeout(8 * SECOND, source.next()).await.is_err());
    handle.restart();
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(2));
}

#[tokio::test(start_paused = true)]
async fn restart_resets_the_count_of_failed_attempts() {
    let service = ScriptedServer::new(std::iter::repeat_n(Answer::close(), 5));
    let mut source = connect(&service);
    let handle = source.handle();
    // At 0, 1 and 3 seconds; the next would be at 7.
    assert!(timeout(5 * SECOND, source.next()).await.is_err());
    handle.restart();
    assert!(source.next().await.is_none());
    assert_eq!(service.delays(), [1, 2, 2, 1, 2].map(Duration::from_secs));
}

#[tokio::test(start_paused = true)]
async fn signals_yield_connections_comments_and_reconnects_in_order() {
    let replies = [
        Answer::close(),
        Answer::stream().send(": hello\nevent: value\ndata: 1\n\n"),
        Answer::stream().send("event: bye\ndata\n\n"),
    ];
    let signals = connect(&ScriptedServer::new(replies)).with_signals();
    let items: Vec<_> = signals
        .map(|signal| match signal.unwrap() {
            Signal::Open(head) => format!("open {}", head.status.as_u16()),
            Signal::Event(event) => format!("{:?}", event.data),
            Signal::Comment(text) => format!("comment {text}"),
            Signal::Reconnecting { after, cause } => {
                format!("again in {after:?}: {}", cause.map_or("-".to_owned(), |cause| cause.to_string()))
            }
            other => format!("{other:?}"),
        })
        .collect()
        .await;
    let expected = [
        "again in 1s: no response: the scripted server closed the connection",
        "open 200",
        "comment hello",
        "Value(1)",
        "again in 1s: -",
        "open 200",
        "Bye",
    ];
    assert_eq!(items, expected);
}

#[tokio::test(start_paused = true)]
async fn a_source_returns_the_reason_of_its_end() {
    async fn ended(replies: impl IntoIterator<Item = Answer>, method: Method) -> Ended {
        let client = Client::new(ScriptedServer::new(replies));
        let mut source = client.request(method, "/").reconnect(no_jitter()).connect::<Reading>();
        assert_eq!(source.ended(), None);
        while source.next().await.is_some() {}
        assert!(source.is_terminated());
        source.ended().unwrap()
    }
    assert_eq!(ended([Answer::stream().send("event: bye\ndata\n\n")], Method::GET).await, Ended::Terminal);
    assert_eq!(ended([], Method::GET).await, Ended::NoContent);
    assert_eq!(ended([Answer::status(404)], Method::GET).await, Ended::Failed);
    assert_eq!(ended([Answer::stream()], Method::POST).await, Ended::EndOfBody);
}

#[tokio::test(start_paused = true)]
async fn the_closure_builds_the_request_of_each_attempt() {
    let replies = [Answer::stream().send("id: 7\nevent: value\ndata: 1\n\n"), Answer::status(503)];
    let service = ScriptedServer::new(replies);
    let mut source = Client::new(service.clone())
        .get("/feed")
        .header("x-a", "1")
        .reconnect(no_jitter())
        .request(|attempt| async move {
            let (number, id) = (attempt.number(), attempt.last_event_id().clone());
            let mut request = attempt.into_request();
            let path = format!("{}?cursor={}", request.uri(), id.as_str().unwrap_or("-"));
            *request.uri_mut() = path.parse()?;
            request.headers_mut().insert("x-token", HeaderValue::from(number));
            Ok(request)
        })
        .connect::<Reading>();
    while let Some(event) = source.next().await {
        event.unwrap();
    }
    let requests = service.requests();
    let seen: Vec<_> = requests
        .iter()
        .map(|request| {
            assert_eq!(request.header("x-a"), Some("1"));
            (request.uri.to_string(), request.header("x-token").unwrap(), request.header("last-event-id"))
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("/feed?cursor=-".to_owned(), "1", None),
            ("/feed?cursor=7".to_owned(), "2", Some("7")),
            ("/feed?cursor=7".to_owned(), "3", Some("7")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_built_by_the_closure_still_resumes() {
    let service = ScriptedServer::new([Answer::stream().send("id: 7\nevent: value\ndata: 1\n\n")]);
    let mut source = Client::new(service.clone())
        .post("/")
        .reconnect(no_jitter())
        .request(|_| async { Ok(http::Request::post("/own").body(bytes::Bytes::new())?) })
        .connect::<Reading>();
    while let Some(event) = source.next().await {
        event.unwrap();
    }
    let requests = service.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[1].method.as_str(), requests[1].uri.path()), ("POST", "/own"));
    assert_eq!(requests[1].header("last-event-id"), Some("7"));
    assert_eq!(requests[1].header("accept"), Some("text/event-stream"));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_closure_is_retried_and_counts_as_an_attempt() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let service = ScriptedServer::new([]);
    let mut source = Client::new(service.clone())
        .get("/")
        .reconnect(no_jitter().max_attempts(3))
        .request(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Err("no token".into()) }
        })
        .connect::<Reading>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_gave_up() && error.to_string().contains("no token"), "{error}");
    assert_eq!(tries.load(Ordering::Relaxed), 3);
    assert!(service.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_post_is_resumed_with_a_get_or_with_the_same_request_as_set() {
    for (resume, expected) in [(Resume::Get, ["POST", "GET", "GET"]), (Resume::Same, ["POST", "POST", "POST"])] {
        let replies = [
            Answer::stream().send("id: 1\nevent: value\ndata\n\n"),
            Answer::stream().send("id: 2\nevent: value\ndata: 2\n\n"),
        ];
        let service = ScriptedServer::new(replies);
        let request = Client::new(service.clone()).post("/mcp").json(&1).resume_with(resume);
        let mut source = request.reconnect(no_jitter()).connect::<Reading>();
        assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(2));
        assert!(source.next().await.is_none());
        let requests = service.requests();
        let methods: Vec<_> = requests.iter().map(|request| request.method.as_str()).collect();
        assert_eq!(methods, expected);
        assert_eq!(requests[2].header("last-event-id"), Some("2"));
        assert_eq!(requests[2].header("content-type").is_none(), resume == Resume::Get);
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_without_an_id_or_a_response_is_not_resumed_with_a_get() {
    let service = ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\n")]);
    let mut source = Client::new(service.clone()).post("/").resume_with(Resume::Get).connect::<Reading>();
    assert!(source.next().await.unwrap().is_ok());
    assert!(source.next().await.is_none());
    assert_eq!(service.requests().len(), 1);

    let service = ScriptedServer::new([Answer::close()]);
    let mut source = Client::new(service.clone()).post("/").resume_with(Resume::Get).connect::<Reading>();
    assert!(source.next().await.unwrap().unwrap_err().is_connect());
    assert!(source.next().await.is_none());
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_detected_and_the_source_reconnects() {
    let silent = Answer::stream().send("event: value\ndata: 1\n\nevent: value\nda").stall();
    let service = ScriptedServer::new([silent]);
    let request = Client::new(service.clone()).get("/").idle_timeout(7 * SECOND).reconnect(no_jitter());
    let mut signals = request.connect::<Reading>().with_signals();
    let started = Instant::now();
    let mut causes = Vec::new();
    while let Some(signal) = signals.next().await {
        if let Signal::Reconnecting { cause, .. } = signal.unwrap() {
            assert!(cause.as_ref().unwrap().is_timeout());
            causes.push(cause.unwrap().to_string());
            assert_eq!(started.elapsed(), 7 * SECOND);
        }
    }
    assert_eq!(causes, ["the event stream timed out: no data for 7s"]);
    assert_eq!(service.requests().len(), 2);
}

fn commenting(every: Duration, times: usize) -> Answer {
    (0..times).fold(Answer::stream(), |reply, _| reply.wait(every).send(":\n")).stall()
}

#[tokio::test(start_paused = true)]
async fn comments_restart_the_idle_timeout_but_not_the_event_timeout() {
    let body = || commenting(5 * SECOND, 100);
    let silent_after = async |request: sse_typed::client::RequestBuilder<_>| {
        let started = Instant::now();
        let mut stream: EventStream<Reading> = request.send().await.unwrap();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is_timeout() && error.is_fatal());
        assert!(stream.next().await.is_none());
        (started.elapsed(), error.to_string())
    };
    let get = || Client::new(ScriptedServer::new([body()])).get("/");
    let (after, _) = silent_after(get().idle_timeout(6 * SECOND)).await;
    assert_eq!(after, (500 + 6) * SECOND);
    let (after, message) = silent_after(get().idle_timeout(6 * SECOND).event_timeout(12 * SECOND)).await;
    assert_eq!(after, 12 * SECOND);
    assert!(message.contains("no event"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn events_in_time_keep_a_stream_alive() {
    let reply = (0..9).fold(Answer::stream(), |reply, _| reply.wait(5 * SECOND).send("event: value\ndata: 1\n\n"));
    let request = Client::new(ScriptedServer::new([reply.stall()])).get("/").event_timeout(6 * SECOND);
    let mut stream = request.send::<Reading>().await.unwrap();
    let started = Instant::now();
    for _ in 0..9 {
        assert!(stream.next().await.unwrap().is_ok());
    }
    assert!(stream.next().await.unwrap().unwrap_err().is_timeout());
    assert_eq!(started.elapsed(), (9 * 5 + 6) * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_idle_timeout_is_derived_from_the_servers_keep_alive() {
    let keep_alive = |value: &str| Answer::stream().header("sse-keep-alive", value).stall();
    let idle = async |reply: Answer, own: Option<Option<Duration>>| {
        let mut request = Client::new(ScriptedServer::new([reply])).get("/");
        if let Some(own) = own {
            request = request.idle_timeout(own);
        }
        let mut stream = request.send::<Reading>().await.unwrap();
        let started = Instant::now();
        timeout(Duration::from_secs(100_000), stream.next()).await.ok()?;
        Some(started.elapsed().as_secs())
    };
    assert_eq!(idle(keep_alive("15"), None).await, Some(45));
    assert_eq!(idle(keep_alive("15"), Some(Some(SECOND))).await, Some(1));
    assert_eq!(idle(keep_alive("15"), Some(None)).await, None);
    for value in ["0", "-1", "soon", "", "99999999999999999999"] {
        assert_eq!(idle(keep_alive(value), None).await, None, "{value:?}");
    }
    assert_eq!(idle(keep_alive("18446744073709551615"), None).await, None);
    assert_eq!(idle(Answer::stream().stall(), None).await, None);
}

#[tokio::test(start_paused = true)]
async fn time_that_the_consumer_takes_does_not_count_as_silence() {
    let reply = (1..=5).fold(Answer::stream(), |reply, n| reply.send(format!("event: value\ndata: {n}\n\n")));
    let service = ScriptedServer::new([reply.send("event: bye\ndata\n\n")]);
    let mut source = Client::new(service).get("/").idle_timeout(SECOND).event_timeout(SECOND).connect::<Reading>();
    while let Some(event) = source.next().await {
        event.unwrap();
        tokio::time::sleep(100 * SECOND).await;
    }
    assert_eq!(source.ended(), Some(Ended::Terminal));
}

#[tokio::test(start_paused = true)]
async fn received_data_that_is_not_read_yet_prevents_a_timeout() {
    let idle =
        |body: String| Client::new(ScriptedServer::new([Answer::stream().send(body)])).get("/").idle_timeout(SECOND);
    let mut signals = idle(":\n".repeat(5)).connect::<Reading>().with_signals();
    assert!(matches!(signals.next().await, Some(Ok(Signal::Open(_)))));
    for _ in 0..5 {
        assert!(matches!(signals.next().await, Some(Ok(Signal::Comment(_)))));
        tokio::time::sleep(100 * SECOND).await;
    }

    // More events than one poll skips.
    let mut stream = idle("event: new\ndata\n\n".repeat(1000)).send::<Reading>().await.unwrap();
    while stream.ended().is_none() {
        assert!(matches!(stream.next().now_or_never(), None | Some(None)));
        tokio::time::advance(100 * SECOND).await;
    }
    assert_eq!((stream.ended(), stream.unknown_events()), (Some(Ended::EndOfBody), 1000));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_timeout_applies_to_a_stream_that_is_already_waiting() {
    let service = ScriptedServer::new([Answer::stream().stall()]);
    let mut stream = Client::new(service).get("/").idle_timeout(3600 * SECOND).send::<Reading>().await.unwrap();
    let started = Instant::now();
    assert!(timeout(SECOND, stream.next()).await.is_err());
    let mut stream = stream.idle_timeout(5 * SECOND);
    assert!(stream.next().await.unwrap().unwrap_err().is_timeout());
    assert_eq!(started.elapsed(), 5 * SECOND);
}

#[tokio::test]
async fn a_silent_peer_is_detected_over_a_real_socket() {
    let server = ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\n").stall()]).listen().await;
    let request = Client::hyper().get(server.url("/")).idle_timeout(Duration::from_millis(500));
    let mut stream = request.send::<Reading>().await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    assert!(stream.next().await.unwrap().unwrap_err().is_timeout());
    assert_eq!(stream.ended(), Some(Ended::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_response_that_does_not_arrive_times_out() {
    let never = tower::service_fn(|_: http::Request<bytes::Bytes>| {
        std::future::pending::<Result<http::Response<axum::body::Body>, std::convert::Infallible>>()
    });
    let client = Client::with_body(never);
    let started = Instant::now();
    let error = client.get("/").response_timeout(9 * SECOND).send::<Reading>().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(started.elapsed(), 9 * SECOND);
    // A source retries it.
    let request = client.get("/").response_timeout(9 * SECOND).reconnect(no_jitter().max_attempts(2));
    assert!(request.connect::<Reading>().next().await.unwrap().unwrap_err().is_gave_up());
    assert_eq!(started.elapsed(), (9 + 9 + 1 + 9) * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_missing_terminal_event_is_an_error_with_require_terminal() {
    let body = "event: value\ndata: 1\n\n";
    let post =
        |body: &str| Client::new(ScriptedServer::new([Answer::stream().send(body)])).post("/").require_terminal(true);
    let mut stream = post(body).send::<Reading>().await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_truncated() && error.is_fatal(), "{error}");
    assert!(stream.next().await.is_none());

    let mut source = post(body).connect::<Reading>();
    assert!(source.next().await.unwrap().is_ok());
    assert!(source.next().await.unwrap().unwrap_err().is_truncated());
    assert!(source.next().await.is_none());

    let whole = format!("{body}event: bye\ndata\n\n");
    let stream = post(&whole).send::<Reading>().await.unwrap();
    assert_eq!(stream.filter(|item| std::future::ready(item.is_err())).count().await, 0);
}

#[tokio::test(start_paused = true)]
async fn send_or_response_returns_a_response_that_is_not_an_event_stream() {
    let json = Answer::status(200).header("content-type", "application/json").send("{}");
    let client =
        Client::new(ScriptedServer::new([json, Answer::stream().send("event: bye\ndata\n\n"), Answer::status(204)]));
    let post = || client.post("/mcp").send_or_response::<Reading>();
    let Reply::Other(response) = post().await.unwrap() else { panic!("an event stream") };
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "{}");
    let Reply::Events(mut events) = post().await.unwrap() else { panic!("no event stream") };
    assert_eq!(events.next().await.unwrap().unwrap().data, Reading::Bye);
    let Reply::Events(events) = post().await.unwrap() else { panic!("no event stream") };
    assert_eq!(events.ended(), Some(Ended::NoContent));
}

#[tokio::test(start_paused = true)]
async fn in_band_errors_makes_error_events_of_the_server_error_items() {
    let body = "event: failed\ndata: overloaded\n\nevent: value\ndata: 1\n\n";
    let stream = |yes| {
        let body = http_body_util::Full::new(bytes::Bytes::from_static(body.as_bytes()));
        EventStream::<crate::reading::Fallible, _>::from_body(body).in_band_errors(yes)
    };
    assert!(stream(false).next().await.unwrap().is_ok());

    let mut stream = stream(true);
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_in_band() && !error.is_fatal());
    assert_eq!(error.to_string(), "the server reports an error: event `failed`: overloaded");
    assert_eq!(error.decode::<crate::reading::Fallible>().unwrap().0, "overloaded");
    assert!(stream.next().await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_terminal_error_event_of_the_server_ends_the_stream() {
    let reply = || Answer::stream().send("event: failed\ndata: for good\n\nevent: value\ndata: 1\n\n");
    let service = ScriptedServer::new([reply(), reply()]);
    let get = || Client::new(service.clone()).get("/").in_band_errors(true);
    let mut source = get().connect::<crate::reading::Fallible>();
    assert!(source.next().await.unwrap().unwrap_err().is_in_band());
    assert!(source.next().await.is_none());
    assert_eq!((source.ended(), service.requests().len()), (Some(Ended::Terminal), 1));

    let mut stream = get().send::<crate::reading::Fallible>().await.unwrap();
    assert!(stream.next().await.unwrap().unwrap_err().is_in_band());
    assert!(stream.next().await.is_none());
}
