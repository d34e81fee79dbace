//! What clients get while and after a stream is sent without hyper.

use super::*;

/// A body that leaves hyper, waits, and then sends these frames.
fn waits_for(frames: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::Yield, Step::Yield, Step::Wait, Step::Yield];
    steps.extend(frames.iter().map(|text| frame(text)));
    steps
}

#[tokio::test(start_paused = true)]
async fn over_http_1_0_the_body_is_plain_and_its_end_is_that_of_the_connection() {
    for hand_off in [true, false] {
        for connection in ["", "connection: keep-alive\r\n"] {
            let service =
                Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two"), Step::Yield, Step::Yield]);
            let log = service.log.clone();
            let request = format!("GET / HTTP/1.0\r\n{connection}\r\n");
            let text = exchange(service, hand_off, &request).await;
            assert!(text.starts_with("HTTP/1.0 200 OK\r\n") && text.ends_with("\r\n\r\nonetwo"), "{text}");
            assert_eq!(log.was_handed_off(), hand_off);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn connection_close_of_the_request_or_the_response_closes_the_connection() {
    let close: fn(Response<ScriptedBody>) -> _ = |mut response: Response<ScriptedBody>| {
        response.headers_mut().insert("connection", http::HeaderValue::from_static("x, Close"));
        response
    };
    for (request, change) in
        [("GET / HTTP/1.1\r\nconnection: foo, ClOSE \r\n\r\n", std::convert::identity as fn(_) -> _), (GET, close)]
    {
        for hand_off in [true, false] {
            let service = Scripted { change, ..Scripted::new(waits_for(&["one"])) };
            let log = service.log.clone();
            log.release();
            let (dial, _server) = start(service, |server| server.hand_off(hand_off));
            let mut client = dial.connect(PIPE);
            client.write_all(request.as_bytes()).await.unwrap();
            let text = read_to_end(&mut client).await;
            assert!(text.contains("lose\r\n") && text.ends_with("3\r\none\r\n0\r\n\r\n"), "{text}");
            assert_eq!(log.was_handed_off(), hand_off);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order() {
    for hand_off in [true, false] {
        let service = Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two")]);
        let log = service.log.clone();
        let (dial, _server) = start(service, |server| server.hand_off(hand_off));
        let mut client = dial.connect(PIPE);
        // Two at once, and one in pieces while a stream is sent.
        client.write_all(GET.repeat(2).as_bytes()).await.unwrap();
        client.write_all(&GET.as_bytes()[..7]).await.unwrap();
        for _ in 0..2 {
            let text = read_until(&mut client, "0\r\n\r\n").await;
            assert!(
                text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
                "{text}"
            );
        }
        client.write_all(&GET.as_bytes()[7..]).await.unwrap();
        read_until(&mut client, "0\r\n\r\n").await;
        assert_eq!((log.was_handed_off(), log.dropped()), (hand_off, 3));
    }
}

/// The bytes that a client gets for these requests, and whether the server closes the connection. The service reads each
/// request first.
async fn exchange_after_reading(hand_off: bool, requests: &str, closes: bool) -> (String, bool) {
    let service = Scripted::new([frame("one"), Step::Yield, Step::Yield, frame("two")]);
    let service = tower::service_fn(move |request: Request<RequestBody>| {
        let service = service.clone();
        async move {
            drop(http_body_util::BodyExt::collect(request.into_body()).await);
            Ok::<_, Infallible>(service.response())
        }
    });
    let (dial, server) = start(service, |server| server.hand_off(hand_off).half_close(true));
    let mut client = dial.connect(PIPE);
    client.write_all(requests.as_bytes()).await.unwrap();
    if closes {
        client.shutdown().await.unwrap();
    }
    let mut text = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(1), client.read_to_end(&mut text)).await;
    server.abort();
    (without_date(&String::from_utf8(text).unwrap()), ended.is_ok())
}

#[tokio::test(start_paused = true)]
async fn no_request_is_taken_behind_one_with_two_lengths() {
    const LENGTH: &str = "content-length: 5\r\n";
    const CHUNKED: &str = "transfer-encoding: chunked\r\n";
    for [first, second] in [[LENGTH, CHUNKED], [CHUNKED, LENGTH]] {
        let requests = format!("POST / HTTP/1.1\r\n{first}{second}\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n");
        let (hyper, is_closed) = exchange_after_reading(false, &requests, false).await;
        assert_eq!(hyper.matches("HTTP/1.1 200 OK").count(), 1, "{hyper}");
        assert!(hyper.contains("connection: close") && is_closed, "{hyper}");
        assert_eq!(exchange_after_reading(true, &requests, false).await, (hyper, is_closed));
    }
}

#[tokio::test(start_paused = true)]
async fn requests_before_the_end_of_a_half_closed_client_are_all_answered() {
    let requests = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n";
    let hyper = exchange_after_reading(false, requests, true).await;
    assert_eq!((hyper.0.matches("HTTP/1.1 200 OK").count(), hyper.1), (3, true), "{}", hyper.0);
    assert_eq!(exchange_after_reading(true, requests, true).await, hyper);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_or_closed_after_any_request_as_in_hyper() {
    for request in [
        "GET / HTTP/1.1\r\nconnection: close\r\nconnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: keep-alive\r\nconnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: keep-alive, CLOSE\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: closed\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: \t close \t\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: \u{e9}, close\r\n\r\n",
        "GET / HTTP/1.1\r\nproxy-connection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
        "GET / HTTP/1.0\r\nconnection: keep-alive, close\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "GET / HTTP/1.1\r\nupgrade: websocket\r\n\r\n",
        "GET / HTTP/1.0\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        "POST / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab",
        "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
        "POST / HTTP/1.0\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nexpect: 200-ok\r\ncontent-length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\ntrailer: 1\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "CONNECT host:1 HTTP/1.1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "GET http://host/ HTTP/1.1\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\n\r\n",
    ] {
        // A half request stays open.
        for behind in [GET, "", "GET /ha", "\r\n\r\n", "\0"] {
            for closes in [false, true] {
                let requests = format!("{request}{behind}");
                let hyper = exchange_after_reading(false, &requests, closes).await;
                assert_eq!(exchange_after_reading(true, &requests, closes).await, hyper, "{requests} {closes}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_than_8_kib_of_a_client_are_kept() {
    let service = Scripted::new(waits_for(&["one"]));
    let log = service.log.clone();
    let (dial, server) = start(service, |server| server);
    let mut client = dial.connect(4 << 10);
    client.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut client, "\r\n\r\n").await;
    let mut count = 0;
    for size in [(8 << 10) - 1, 16 << 10] {
        for _ in 0..size {
            let byte = tokio::time::timeout(Duration::from_secs(1), client.write_u8(b'.'));
            let Ok(written) = byte.await else { break };
            written.unwrap();
            count += 1;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(log.was_handed_off());
    // The pipe is full, too.
    assert_eq!(count, (8 << 10) + (4 << 10));
    server.abort();
}

#[tokio::test(start_paused = true)]
async fn a_client_may_fill_the_socket_behind_its_request_and_loses_nothing() {
    let service = Scripted::new(waits_for(&["one"]));
    let log = service.log.clone();
    let (dial, _server) = start(service, |server| server);
    let (mut read, mut write) = tokio::io::split(dial.connect(1 << 10));
    // Requests of 100 KiB behind a stream that is open.
    let count = (100 << 10) / GET.len();
    let writer = tokio::spawn(async move { write.write_all(GET.repeat(count).as_bytes()).await.unwrap() });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!writer.is_finished(), "the server stops reading");
    for _ in 0..count {
        log.release();
    }
    let mut text = String::new();
    let mut buffer = vec![0; 1 << 10];
    while text.matches("0\r\n\r\n").count() < count {
        let length = tokio::time::timeout(Duration::from_secs(60), read.read(&mut buffer)).await.unwrap().unwrap();
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), count);
    assert_eq!(log.dropped(), count);
}

#[tokio::test(start_paused = true)]
async fn garbage_behind_a_request_is_answered_after_the_stream() {
    for hand_off in [true, false] {
        let service = Scripted::new(waits_for(&["one"]));
        service.log.release();
        let text = exchange(service, hand_off, &format!("{GET}\0\0 garbage\r\n\r\n")).await;
        let (stream, answer) = text.split_once("0\r\n\r\n").unwrap();
        assert!(stream.ends_with("3\r\none\r\n") && answer.starts_with("HTTP/1.1 400 Bad Request"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn empty_frames_do_not_end_the_body_and_trailers_do() {
    for hand_off in [true, false] {
        let steps =
            [Step::Yield, Step::Yield, frame(""), frame("one"), frame(""), Step::Yield, frame("two"), Step::Trailers];
        let text = exchange(Scripted::new(steps), hand_off, GET).await;
        assert!(text.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), "{hand_off} {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_breaks_its_connection_without_a_last_chunk() {
    for hand_off in [true, false] {
        let service = Scripted::new([frame("one"), Step::Yield, Step::Yield, Step::Fail]);
        let log = service.log.clone();
        let (dial, _server) = start(service, |server| server.hand_off(hand_off));
        let mut client = dial.connect(PIPE);
        client.write_all(GET.as_bytes()).await.unwrap();
        let text = read_to_end(&mut client).await;
        assert!(text.ends_with("\r\n3\r\none\r\n"), "{text}");
        assert_eq!(log.dropped(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_closes_its_side_ends_its_stream_unless_half_close_is_set() {
    for hand_off in [true, false] {
        for half_close in [false, true] {
            let service = Scripted::new(waits_for(&["one"]));
            let log = service.log.clone();
            let (dial, _server) = start(service, |server| server.hand_off(hand_off).half_close(half_close));
            let mut client = dial.connect(PIPE);
            client.write_all(GET.as_bytes()).await.unwrap();
            read_until(&mut client, "\r\n\r\n").await;
            client.shutdown().await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
            assert_eq!(log.dropped(), usize::from(!half_close), "{hand_off} {half_close}");
            log.release();
            let text = read_to_end(&mut client).await;
            assert_eq!(text, if half_close { "3\r\none\r\n0\r\n\r\n" } else { "" }, "{hand_off} {half_close}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_is_read_until_its_client_has_closed_it_too() {
    let service = Scripted::new(waits_for(&["one"]));
    service.log.release();
    let (dial, _server) = start(service, |server| server);
    let mut client = dial.connect(PIPE);
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    read_to_end(&mut client).await;
    // It takes what was under way.
    client.write_all(&[b'x'; 1000]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(900)).await;
    client.write_all(&[b'x'; 1000]).await.unwrap();
    // The wait has a limit.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(client.write_all(b"x").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_flood_after_the_end_is_not_read_for_ever() {
    let service = Scripted::new(waits_for(&["one"]));
    service.log.release();
    let (dial, _server) = start(service, |server| server);
    let mut client = dial.connect(1 << 10);
    client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    read_to_end(&mut client).await;
    let begin = tokio::time::Instant::now();
    assert_eq!(client.write_all(&vec![b'x'; 1 << 20]).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}
