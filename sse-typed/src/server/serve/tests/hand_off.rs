//! Which streams leave hyper, and when.

use http::{HeaderValue, StatusCode, Version};
use http_body_util::BodyExt as _;

use super::{
    super::{
        hand_off::{Framing, HandOff, Terms},
        request_body::IsRead,
        service::ResponseBody,
    },
    *,
};

fn ticks() -> Vec<Step> {
    vec![frame("one"), Step::Wait, frame("two"), Step::Wait, frame("three")]
}

#[tokio::test(start_paused = true)]
async fn a_stream_leaves_hyper_once_its_first_events_are_sent() {
    for hand_off in [true, false] {
        let service = Scripted::new(ticks());
        let log = service.log.clone();
        let (dial, _server) = start(service, |server| server.hand_off(hand_off));
        let mut client = dial.connect(PIPE);
        client.write_all(GET.as_bytes()).await.unwrap();
        let head = read_until(&mut client, "3\r\none\r\n").await;
        assert!(head.contains("transfer-encoding: chunked\r\n") && !head.contains("connection"), "{head}");
        log.release();
        read_until(&mut client, "3\r\ntwo\r\n").await;
        assert_eq!(log.was_handed_off(), hand_off);
        log.release();
        read_until(&mut client, "5\r\nthree\r\n0\r\n\r\n").await;
        tokio::task::yield_now().await;
        assert_eq!(log.dropped(), 1);
        // The connection takes the next request.
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(&mut client, "3\r\none\r\n").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_at_once_never_leaves_hyper() {
    let service = Scripted::new([frame("one"), frame("two")]);
    let log = service.log.clone();
    let (dial, _server) = start(service, |server| server);
    let mut client = dial.connect(PIPE);
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut client, "0\r\n\r\n").await;
    assert!(!log.was_handed_off());
}

#[tokio::test(start_paused = true)]
async fn a_stream_stays_with_hyper_until_its_client_has_taken_the_head() {
    let service = Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two"), Step::Wait]);
    let log = service.log.clone();
    let (dial, _server) = start(service, |server| server);
    // The head does not fit.
    let mut client = dial.connect(64);
    client.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(log.polls() > 0 && !log.was_handed_off());
    read_until(&mut client, "two\r\n").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(log.was_handed_off());
}

/// A change of the response, and whether the stream leaves hyper then.
type Case = (&'static str, &'static str, fn(Response<ScriptedBody>) -> Response<ScriptedBody>, bool);

fn with_header(
    mut response: Response<ScriptedBody>,
    name: &'static str,
    value: &'static str,
) -> Response<ScriptedBody> {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_no_stream_of_unknown_length_stays_with_hyper() {
    let cases: [Case; 12] = [
        ("a stream", "GET / HTTP/1.1\r\n\r\n", |response| response, true),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", |response| response, true),
        ("HEAD", "HEAD / HTTP/1.1\r\n\r\n", |response| response, false),
        (
            "another status",
            "GET / HTTP/1.1\r\n\r\n",
            |mut response| {
                *response.status_mut() = StatusCode::CREATED;
                response
            },
            false,
        ),
        (
            "parameters",
            "GET / HTTP/1.1\r\n\r\n",
            |r| with_header(r, "content-type", "Text/Event-Stream ; charset=utf-8"),
            true,
        ),
        ("another type", "GET / HTTP/1.1\r\n\r\n", |r| with_header(r, "content-type", "text/event-streams"), false),
        ("a length", "GET / HTTP/1.1\r\n\r\n", |r| with_header(r, "content-length", "6"), false),
        ("its own framing", "GET / HTTP/1.1\r\n\r\n", |r| with_header(r, "transfer-encoding", "chunked"), false),
        ("trailers", "GET / HTTP/1.1\r\n\r\n", |r| with_header(r, "trailer", "x-sum"), false),
        (
            "an exact size",
            "GET / HTTP/1.1\r\n\r\n",
            |mut response| {
                response.body_mut().exact_size = Some(6);
                response
            },
            false,
        ),
        (
            "another version",
            "GET / HTTP/1.1\r\n\r\n",
            |mut response| {
                *response.version_mut() = Version::HTTP_10;
                response
            },
            false,
        ),
        ("an unread request", "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", |response| response, false),
    ];
    for (what, request, change, expected) in cases {
        let mut texts = Vec::new();
        for hand_off in [true, false] {
            let service = Scripted { change, ..Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two")]) };
            let log = service.log.clone();
            texts.push(exchange(service, hand_off, request).await);
            assert_eq!(log.was_handed_off(), expected && hand_off, "{what}");
        }
        assert_eq!(texts[0], texts[1], "{what}");
    }
}

#[test]
fn the_body_of_hyper_ends_and_is_dropped_with_the_body_inside() {
    for (steps, is_end) in [(vec![frame("one")], false), (vec![], true)] {
        let service = Scripted::new(steps);
        let terms = Terms { framing: Framing::Chunked, is_persistent: true, request: IsRead::nothing_to_read() };
        let hand_off = Arc::new(HandOff::new());
        let body = Arc::clone(&hand_off).offer(service.response().into_body(), terms);
        let body = ResponseBody::Offered { body };
        assert_eq!(body.is_end_stream(), is_end);
        drop(body);
        assert_eq!(service.log.dropped(), 1);
    }
    let plain = ResponseBody::Plain { body: http_body_util::Empty::<Bytes>::new() };
    assert!(plain.is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_request_has_the_size_and_the_end_that_its_head_declares() {
    for (head, size, is_end) in [
        ("GET / HTTP/1.1\r\n\r\n", Some(0), true),
        ("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\n", Some(3), false),
        ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", None, false),
    ] {
        let service = tower::service_fn(move |request: Request<RequestBody>| {
            let body = request.body();
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (size, is_end), "{head}");
            ready(Ok::<_, Infallible>(Scripted::new([frame("one")]).response()))
        });
        let (dial, _server) = start(service, |server| server);
        let mut client = dial.connect(PIPE);
        client.write_all(head.as_bytes()).await.unwrap();
        assert!(read_until(&mut client, "0\r\n\r\n").await.starts_with("HTTP/1.1 200 OK"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_request_is_what_the_client_has_sent() {
    let service = tower::service_fn(|request: Request<RequestBody>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut response = Scripted::new([frame("one")]).response();
        response.headers_mut().insert("x-body", HeaderValue::from_bytes(&body).unwrap());
        Ok::<_, Infallible>(response)
    });
    let (dial, _server) = start(service, |server| server);
    let mut client = dial.connect(PIPE);
    client.write_all(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc").await.unwrap();
    assert!(read_until(&mut client, "0\r\n\r\n").await.contains("x-body: abc\r\n"));
}

/// Answers at once, and reads the request after a notification.
#[derive(Clone)]
struct ReadsLater {
    scripted: Scripted,
    reads: Arc<tokio::sync::Notify>,
}

impl Service<Request<RequestBody>> for ReadsLater {
    type Response = Response<ScriptedBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Self::Future {
        let reads = Arc::clone(&self.reads);
        let mut body = request.into_body();
        tokio::spawn(async move {
            reads.notified().await;
            let mut text = Vec::new();
            while let Some(frame) = body.frame().await {
                text.extend_from_slice(frame.unwrap().data_ref().unwrap());
            }
            assert_eq!(text, b"abc");
        });
        ready(Ok(self.scripted.response()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_leaves_hyper_after_its_request_was_read_to_the_end() {
    for request in [
        "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\nabc",
    ] {
        let scripted = Scripted::new(ticks());
        let (log, reads) = (scripted.log.clone(), Arc::new(tokio::sync::Notify::new()));
        let (dial, _server) = start(ReadsLater { scripted, reads: Arc::clone(&reads) }, |server| server);
        let mut client = dial.connect(PIPE);
        client.write_all(request.as_bytes()).await.unwrap();
        client.write_all(GET.as_bytes()).await.unwrap();
        read_until(&mut client, "3\r\none\r\n").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!log.was_handed_off(), "{request}");
        reads.notify_one();
        tokio::time::sleep(Duration::from_secs(1)).await;
        log.release();
        read_until(&mut client, "3\r\ntwo\r\n").await;
        log.release();
        read_until(&mut client, "0\r\n\r\n").await;
        assert!(log.was_handed_off(), "{request}");
        // The pipelined request is the next one.
        assert!(read_until(&mut client, "3\r\none\r\n").await.starts_with("HTTP/1.1 200 OK"));
    }
}
