//! The reconnecting source on paused time.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Client, EventSource, RawEvent,
    client::{BoxHttpService, Error, ReconnectPolicy},
    testing::{Answer, ScriptedServer},
};

use crate::reading::Reading;

fn connect<E: sse_typed::DecodeEvent>(service: &ScriptedServer, policy: ReconnectPolicy) -> EventSource<E> {
    Client::new(service.clone()).get("/").reconnect(policy).connect().boxed()
}

fn no_jitter() -> ReconnectPolicy {
    ReconnectPolicy::default().jitter(0.0)
}

async fn values(source: &mut EventSource<Reading>) -> Vec<i64> {
    let mut values = Vec::new();
    while let Some(event) = source.next().await {
        if let Reading::Value(value) = event.unwrap().data {
            values.push(value);
        }
    }
    values
}

fn seconds(seconds: &[u64]) -> Vec<Duration> {
    seconds.iter().copied().map(Duration::from_secs).collect()
}

#[tokio::test(start_paused = true)]
async fn a_terminal_event_ends_the_source_without_another_request() {
    let service = ScriptedServer::new([
        Answer::stream().send("event: value\ndata: 1\n\nevent: bye\ndata: null\n\nevent: value\ndata: 2\n\n")
    ]);
    let mut source = connect::<Reading>(&service, no_jitter());
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(1));
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Bye);
    assert!(source.next().await.is_none());
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn delays_double_without_an_event_and_an_event_resets_them() {
    let replies = [
        Answer::close(),
        Answer::status(500),
        Answer::stream(),
        Answer::stream().send("event: value\ndata: 1\n\n"),
        Answer::close(),
        Answer::close(),
    ];
    let service = ScriptedServer::new(replies);
    assert_eq!(values(&mut connect(&service, no_jitter())).await, [1]);
    assert_eq!(service.delays(), seconds(&[1, 2, 4, 1, 1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_responses_end_at_once_is_retried_with_back_off() {
    let service = ScriptedServer::new(std::iter::repeat_n(Answer::stream().send(":hello\n\n"), 6));
    assert!(values(&mut connect(&service, no_jitter())).await.is_empty());
    assert_eq!(service.delays(), seconds(&[1, 2, 4, 8, 16, 30]));
}

#[tokio::test(start_paused = true)]
async fn retry_zero_does_not_make_a_busy_loop() {
    let service =
        ScriptedServer::new(std::iter::repeat_n(Answer::stream().send("retry: 0\nevent: value\ndata: 1\n\n"), 10));
    let started = tokio::time::Instant::now();
    assert_eq!(values(&mut connect(&service, no_jitter())).await.len(), 10);
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn p15_a_huge_retry_waits_up_to_the_policys_limit_and_does_not_overflow() {
    let (hour, year) = (Duration::from_secs(3600), Duration::from_secs(365 * 24 * 3600));
    for (policy, expected) in [(no_jitter(), Some(hour)), (no_jitter().max_server_delay(Duration::MAX), None)] {
        let huge = Answer::stream().send("retry: 99999999999999999999999999\nevent: value\ndata: 1\n\n");
        let service = ScriptedServer::new([huge]);
        let mut source = connect::<Reading>(&service, policy);
        assert!(source.next().await.unwrap().is_ok());
        assert_eq!(source.reconnection_time(), Some(Duration::from_millis(u64::MAX)));
        assert!(source.next().now_or_never().is_none());
        assert_eq!(tokio::time::timeout(year, source.next()).await.ok().is_none(), expected.is_none());
        assert_eq!(service.delays().first().copied(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_uptime_resets_the_delay() {
    let up = |seconds| Answer::stream().wait(Duration::from_secs(seconds));
    let service = ScriptedServer::new([Answer::close(), Answer::close(), up(60), up(59)]);
    values(&mut connect(&service, no_jitter())).await;
    assert_eq!(service.delays(), seconds(&[1, 2, 60 + 1, 59 + 1]));
}

#[tokio::test(start_paused = true)]
async fn the_source_waits_for_retry_after() {
    let busy = |after: &str| Answer::status(503).header("retry-after", after);
    let service = ScriptedServer::new([
        busy("90"),
        busy("1"),
        busy("nonsense"),
        Answer::status(429).header("retry-after", "100"),
    ]);
    values(&mut connect(&service, no_jitter())).await;
    assert_eq!(service.delays(), seconds(&[90, 2, 4, 100]));
}

#[tokio::test(start_paused = true)]
async fn temporary_statuses_are_retried() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let service = ScriptedServer::new([Answer::status(status), Answer::stream().send("event: bye\ndata\n\n")]);
        let mut source = connect::<Reading>(&service, no_jitter());
        assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Bye, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_of_giving_up_has_the_last_cause() {
    let reply = Answer::status(503).send("maintenance");
    let service = ScriptedServer::new(std::iter::repeat_n(reply, 9));
    let mut source = connect::<Reading>(&service, no_jitter().max_attempts(3));
    let error: Error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_gave_up() && error.is_fatal() && !error.is_status());
    assert_eq!(error.status().unwrap(), 503);
    assert_eq!(&error.body().unwrap()[..], b"maintenance");
    assert_eq!(service.requests().len(), 3);
    assert!(source.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn attempts_that_are_retried_yield_no_items() {
    let replies = [
        Answer::close(),
        Answer::status(500),
        Answer::stream().break_off(),
        Answer::stream().send("event: bye\ndata\n\n"),
    ];
    let mut source = connect::<Reading>(&ScriptedServer::new(replies), no_jitter());
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Bye);
}

#[tokio::test(start_paused = true)]
async fn methods_other_than_get_are_sent_once() {
    let post = |service: &ScriptedServer| Client::new(service.clone()).post("/").json(&1).connect::<Reading>();

    let service = ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\n")]);
    let mut source = post(&service);
    assert!(source.next().await.unwrap().is_ok());
    assert!(source.next().await.is_none());

    let broken = ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\n").break_off()]);
    let mut source = post(&broken);
    assert!(source.next().await.unwrap().is_ok());
    assert!(source.next().await.unwrap().unwrap_err().is_body());
    assert!(source.next().await.is_none());

    let unavailable = ScriptedServer::new([Answer::status(503)]);
    let mut source = post(&unavailable);
    assert_eq!(source.next().await.unwrap().unwrap_err().status().unwrap(), 503);
    assert!(source.next().await.is_none());

    for service in [service, broken, unavailable] {
        assert_eq!(service.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_sent_is_an_error_as_the_only_item() {
    let service = ScriptedServer::new([]);
    let client = Client::new(service.clone());
    let requests = [
        client.get("http://a b/"),
        client.get("/").header("na me", "x"),
        client.get("/").header("x", "a\nb"),
        client.post("/").json(&std::collections::HashMap::from([((1, 2), 3)])),
        client.get("/").bearer_auth("a\nb").header("y", "z"),
    ];
    for request in requests {
        let mut source = request.connect::<RawEvent>();
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_request() && error.is_fatal(), "{error}");
        assert!(source.next().await.is_none());
    }
    assert!(client.get("http://a b/").send::<RawEvent>().await.unwrap_err().is_request());
    assert!(service.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_of_an_error_response_does_not_delay_the_error() {
    let endless = Answer::status(400).send("a").stall();
    let mut source = connect::<Reading>(&ScriptedServer::new([endless]), no_jitter());
    let error = tokio::time::timeout(Duration::from_secs(5), source.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(&error.body().unwrap()[..], b"a");
}

#[tokio::test(start_paused = true)]
async fn the_body_in_an_error_is_bounded() {
    let large = Answer::status(400).send(vec![b'x'; 6000]).send(vec![b'x'; 6000]).send(vec![b'x'; 6000]);
    let mut source = connect::<Reading>(&ScriptedServer::new([large]), no_jitter());
    assert_eq!(source.next().await.unwrap().unwrap_err().body().unwrap().len(), 8192);
}

#[tokio::test(start_paused = true)]
async fn a_source_can_be_named_moved_and_streamed() {
    struct Feed {
        source: EventSource<Reading>,
        client: Client,
    }
    fn is_send_unpin<T: Send + Unpin>(_: &T) {}
    fn is_send<T: Send>(_: &T) {}

    let service = ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\nevent: bye\ndata\n\n")]);
    let client: Client<BoxHttpService> = Client::new(service).boxed();
    let feed = Feed { source: client.clone().get("/").connect(), client };
    is_send_unpin(&feed.source);
    is_send_unpin(&feed.client);
    is_send(&feed.client.get("/").send::<Reading>());
    is_send(&feed.client.get("/").connect::<Reading>().opened());
    let items =
        tokio::spawn(async move { feed.source.map(Result::unwrap).map(|event| event.data).collect::<Vec<_>>().await });
    assert_eq!(items.await.unwrap(), [Reading::Value(1), Reading::Bye]);
}

#[tokio::test]
async fn a_last_event_id_header_is_the_last_one_set_and_must_be_text() {
    let service = ScriptedServer::new([]);
    let get = || Client::new(service.clone()).get("/");
    let mut source = get().header("last-event-id", "1").header("last-event-id", "2").connect::<Reading>();
    assert!(source.next().await.is_none());
    assert_eq!(service.requests()[0].header_all("last-event-id"), ["2"]);

    let mut source = get().header("last-event-id", &b"\xff"[..]).connect::<Reading>();
    let error = source.next().await.unwrap().unwrap_err();
    assert!(error.is_request() && error.to_string().contains("`last-event-id` is not UTF-8"), "{error}");
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn boxing_keeps_the_state_of_an_open_source() {
    let service = ScriptedServer::new([Answer::stream().send("event: value\ndata: 1\n\n").header("x-a", "1").stall()]);
    let mut source = Client::new(service).get("/").connect::<Reading>().opened().await.unwrap();
    let handle = source.handle();
    let mut source = source.boxed();
    assert_eq!(source.head().unwrap().headers["x-a"], "1");
    assert_eq!(source.next().await.unwrap().unwrap().data, Reading::Value(1));
    handle.close();
    assert!(source.next().now_or_never().unwrap().is_none());
}
