//! Responses that end within an event.

use futures_util::{FutureExt, StreamExt};
use sse_typed::{
    Client, EventStream, RawEvent, SseEvent,
    client::{Ended, Error, ReconnectPolicy, SourceState},
    testing::{Answer as Scripted, ScriptedServer},
};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Answer {
    #[sse(message, data = "[DONE]", terminal)]
    Done,
    #[sse(text)]
    Word(String),
    #[sse(terminal)]
    Complete,
}

fn word(word: &str) -> Answer {
    Answer::Word(word.to_owned())
}

/// An event stream with this body, in chunks of `size`.
fn reply(body: &str, size: usize) -> Scripted {
    body.as_bytes().chunks(size).fold(Scripted::stream(), Scripted::send)
}

/// All items of `send`, and the reason of its end.
async fn sent(body: &str, size: usize, lenient: bool, strict: bool) -> (Vec<Result<Answer, Error>>, Option<Ended>) {
    let client = Client::new(ScriptedServer::new([reply(body, size)]));
    let request = client.post("/").lenient_end(lenient).require_terminal(strict);
    let mut stream = request.send::<Answer>().await.unwrap();
    let mut items = Vec::new();
    while let Some(item) = stream.next().await {
        items.push(item.map(|event| event.data));
    }
    assert!(stream.next().await.is_none());
    (items, stream.ended())
}

#[tokio::test(start_paused = true)]
async fn a_lenient_end_delivers_an_unfinished_event_and_the_default_does_not() {
    for end in ["", "\n", "\r", "\r\n"] {
        for (last, expected) in
            [("data: [DONE]", Answer::Done), ("event: complete", Answer::Complete), ("event: word\ndata: b", word("b"))]
        {
            let body = format!("event: word\ndata: a\n\n{last}{end}");
            for size in 1..=body.len() {
                let (items, ended) = sent(&body, size, true, false).await;
                let items: Vec<_> = items.into_iter().map(Result::unwrap).collect();
                let reason = if expected == word("b") { Ended::EndOfBody } else { Ended::Terminal };
                assert_eq!(
                    (&items[0], &items[1..]),
                    (&word("a"), std::slice::from_ref(&expected)),
                    "{body:?} by {size}"
                );
                assert_eq!(ended, Some(reason), "{body:?} by {size}");

                let (items, ended) = sent(&body, size, false, false).await;
                assert_eq!((items.len(), ended), (1, Some(Ended::EndOfBody)), "{body:?} by {size}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_truncated_response_names_its_unfinished_event() {
    for (body, event) in [
        ("event: word\ndata: a\n\ndata: [DONE]\n", Some(("message", 7))),
        ("event: word\ndata: a\n\nevent: complete", Some(("complete", 8))),
        ("event: word\ndata: a\n\nid: 7\n", None),
        ("event: word\ndata: a\n\n", None),
    ] {
        let (mut items, _) = sent(body, 3, false, true).await;
        let error = items.pop().unwrap().unwrap_err();
        assert!(error.is_truncated() && error.is_fatal());
        let unfinished = error.unfinished_event().map(|event| (event.event_type(), event.bytes()));
        assert_eq!(unfinished, event, "{body:?}");
        let expected = match event {
            Some((event_type, bytes)) => format!(
                "the event stream ended without its terminal event: the unfinished event `{event_type}` of {bytes} bytes \
                 was discarded (`lenient_end` delivers it)"
            ),
            None => "the event stream ended without its terminal event".to_owned(),
        };
        assert_eq!(error.to_string(), expected);
    }
    // The same for a source that does not reconnect.
    let client = Client::new(ScriptedServer::new([reply("data: [DONE]", 3)]));
    let mut source = client.post("/").require_terminal(true).connect::<Answer>();
    assert_eq!(source.next().await.unwrap().unwrap_err().unfinished_event().unwrap().bytes(), 6);
    // A delivered event is not reported as unfinished.
    let (items, _) = sent("event: word\ndata: b", 3, true, true).await;
    assert_eq!(items[1].as_ref().unwrap_err().unfinished_event(), None);
}

/// The events of a source, and the last event IDs of its requests.
async fn connected(replies: impl IntoIterator<Item = Scripted>) -> (Vec<String>, Vec<Option<String>>) {
    let service = ScriptedServer::new(replies);
    let policy = ReconnectPolicy::default().jitter(0.0);
    let mut source = Client::new(service.clone()).get("/").lenient_end(true).reconnect(policy).connect::<RawEvent>();
    let mut events = Vec::new();
    while let Some(event) = source.next().await {
        events.push(event.unwrap().data.data().to_owned());
    }
    (events, service.requests().iter().map(|request| request.header("last-event-id").map(str::to_owned)).collect())
}

#[tokio::test(start_paused = true)]
async fn an_event_delivered_at_the_end_is_not_delivered_again_after_a_resume() {
    let id = |id: &str| Some(id.to_owned());
    for size in 1..30 {
        // With its own ID it is delivered, and the source resumes after it.
        let (events, ids) =
            connected([reply("id: 1\ndata: a\n\nid: 2\ndata: b\n", size), reply("id: 3\ndata: c\n\n", size)]).await;
        assert_eq!((events, ids), (vec!["a".into(), "b".into(), "c".into()], vec![None, id("2"), id("3")]));
        // Without one, the server sends it again after the last ID.
        let (events, ids) =
            connected([reply("id: 1\ndata: a\n\ndata: b\n", size), reply("data: b\n\nid: 3\ndata: c\n\n", size)]).await;
        assert_eq!((events, ids), (vec!["a".into(), "b".into(), "c".into()], vec![None, id("1"), id("3")]));
        // The same for an ID that was cut off.
        let (events, ids) =
            connected([reply("id: 1\ndata: a\n\ndata: b\nid: 2", size), reply("id: 20\ndata: b\n\n", size)]).await;
        assert_eq!((events, ids), (vec!["a".into(), "b".into()], vec![None, id("1"), id("20")]));
        // Without IDs nothing is resumed.
        let (events, ids) = connected([reply("data: a\n\ndata: b", size), reply("data: c\n\n", size)]).await;
        assert_eq!((events, ids), (vec!["a".into(), "b".into(), "c".into()], vec![None, None, None]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_delivers_an_unfinished_event_if_it_is_terminal_or_no_resume_follows() {
    let body = "id: 1\nevent: word\ndata: a\n\n";
    for (last, policy, ended) in [
        ("data: [DONE]", ReconnectPolicy::default(), Ended::Terminal),
        ("event: complete\n", ReconnectPolicy::default(), Ended::Terminal),
        ("event: word\ndata: b\n", ReconnectPolicy::never(), Ended::EndOfBody),
    ] {
        let service = ScriptedServer::new([reply(&format!("{body}{last}"), 5)]);
        let mut source = Client::new(service.clone()).get("/").lenient_end(true).reconnect(policy).connect::<Answer>();
        assert_eq!(source.next().await.unwrap().unwrap().data, word("a"));
        assert!(source.next().await.unwrap().is_ok(), "{last:?}");
        assert!(source.next().await.is_none());
        assert_eq!((source.ended(), service.requests().len()), (Some(ended), 1), "{last:?}");
    }
    // A POST is sent once, so it is not resumed.
    let client = Client::new(ScriptedServer::new([reply(&format!("{body}event: word\ndata: b"), 5)]));
    let source = client.post("/").lenient_end(true).connect::<Answer>();
    assert_eq!(source.map(|event| event.unwrap().data).collect::<Vec<_>>().await, [word("a"), word("b")]);
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_event_of_a_broken_connection_is_never_delivered() {
    let (events, ids) =
        connected([reply("data: a\n\nid: 1\ndata: half", 4).break_off(), reply("data: b\n\n", 4)]).await;
    assert_eq!((events, ids), (vec!["a".into(), "b".into()], vec![None, None, None]));
}

#[test]
fn a_body_is_not_polled_after_its_end() {
    let mut ended = false;
    let body = http_body_util::StreamBody::new(futures_util::stream::poll_fn(move |_| {
        assert!(!std::mem::replace(&mut ended, true), "polled after its end");
        std::task::Poll::Ready(None::<Result<http_body::Frame<bytes::Bytes>, std::io::Error>>)
    }));
    let mut stream = EventStream::<RawEvent, _>::from_body(body).lenient_end(true);
    assert!(stream.next().now_or_never().unwrap().is_none());
    let first = bytes::Bytes::from_static(b"data: a");
    let mut frames = vec![None, Some(Ok::<_, std::io::Error>(http_body::Frame::data(first)))];
    let body = http_body_util::StreamBody::new(futures_util::stream::poll_fn(move |_| {
        std::task::Poll::Ready(frames.pop().expect("polled after its end"))
    }));
    let mut stream = EventStream::<RawEvent, _>::from_body(body).lenient_end(true);
    assert_eq!(stream.next().now_or_never().unwrap().unwrap().unwrap().data.data(), "a");
    assert!(stream.next().now_or_never().unwrap().is_none());
}

/// The ignored lines of an error.
fn ignored(error: &Error) -> (u64, &str) {
    error.ignored_lines().map_or((0, ""), |lines| (lines.count(), lines.text()))
}

#[tokio::test(start_paused = true)]
async fn the_error_at_the_end_shows_the_lines_of_a_body_that_is_not_an_event_stream() {
    let json = r#"{"error":"no such room"}"#;
    for size in [1, 5, 100] {
        let (mut items, _) = sent(json, size, false, true).await;
        let error = items.pop().unwrap().unwrap_err();
        assert!(error.is_truncated() && items.is_empty());
        assert_eq!(ignored(&error), (1, json));
        assert_eq!(
            error.to_string(),
            "the event stream ended without its terminal event; it has no event, but 1 line without a field: \
             `{\\\"error\\\":\\\"no such room\\\"}`"
        );
    }
    // A body with an event is an event stream.
    let (mut items, _) = sent("event: word\ndata: a\n\n{}\n", 5, false, true).await;
    assert_eq!(ignored(&items.pop().unwrap().unwrap_err()), (0, ""));
    // Without an error at the end, they are not reported.
    assert!(sent(json, 5, false, false).await.0.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_timeout_a_broken_body_and_giving_up_show_the_lines_of_a_body_that_is_not_an_event_stream() {
    let html = || Scripted::stream().send("<!DOCTYPE html>\n<p>Down").send(" for maintenance");
    let shown = (2, "<!DOCTYPE html>\n<p>Down for maintenance");
    let minute = std::time::Duration::from_secs(60);
    let policy = ReconnectPolicy::default().max_attempts(2);

    let client = Client::new(ScriptedServer::new([html().stall(), html().break_off()]));
    let mut stream = client.get("/").idle_timeout(minute).send::<Answer>().await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(ignored(&error), shown);
    let mut stream = client.get("/").send::<Answer>().await.unwrap();
    let error = stream.next().await.unwrap().unwrap_err();
    assert!(error.is_body(), "{error}");
    assert_eq!(ignored(&error), shown);

    for replies in [[html(), html()], [html().break_off(), html().break_off()]] {
        let client = Client::new(ScriptedServer::new(replies));
        let mut source = client.get("/").reconnect(policy.clone()).connect::<Answer>();
        let error = source.next().await.unwrap().unwrap_err();
        assert!(error.is_gave_up(), "{error}");
        assert_eq!(ignored(&error), shown);
        assert_eq!(error.to_string().matches("DOCTYPE").count(), 1, "{error}");
    }
    // The lines of an earlier connection are not reported for this one.
    let client = Client::new(ScriptedServer::new([html(), Scripted::stream()]));
    let mut source = client.get("/").reconnect(policy).connect::<Answer>();
    assert_eq!(ignored(&source.next().await.unwrap().unwrap_err()), (0, ""));
}

#[tokio::test(start_paused = true)]
async fn a_lenient_end_does_not_lose_an_event_of_which_only_the_id_has_arrived() {
    let id = |id: &str| Some(id.to_owned());
    let (events, ids) = connected([reply("id: 1\ndata: a\n\nid: 2\n", 5), reply("id: 2\ndata: b\n\n", 5)]).await;
    assert_eq!((events, ids), (vec!["a".into(), "b".into()], vec![None, id("1"), id("2")]));
}

/// All items of a lenient source, its final state, and the number of its requests.
async fn until_the_end(
    policy: ReconnectPolicy,
    replies: impl IntoIterator<Item = Scripted>,
) -> (Vec<Result<String, String>>, SourceState, usize) {
    let service = ScriptedServer::new(replies);
    let request = Client::new(service.clone()).get("/").lenient_end(true).reconnect(policy.jitter(0.0));
    let mut source = request.connect::<RawEvent>();
    let handle = source.handle();
    let mut items = Vec::new();
    while let Some(item) = source.next().await {
        items.push(item.map(|event| event.data.data().to_owned()).map_err(|error| error.to_string()));
    }
    assert!(source.next().await.is_none());
    (items, handle.state(), service.requests().len())
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_event_of_the_last_attempt_is_delivered() {
    let first = || reply("id: 1\ndata: a\n\n", 5);
    let unfinished = || reply("id: 1\ndata: a\n\ndata: [DONE]\n", 5);
    let gave_up = |attempts| format!("gave up after {attempts} attempts in a row without an event");
    for (replies, attempts, error) in [
        (vec![first(), reply("data: [DONE]\n", 5)], 1, gave_up(1)),
        // No later attempt receives an event.
        (vec![unfinished(), Scripted::close()], 1, gave_up(1)),
        (vec![unfinished(), Scripted::status(503), reply(": still here\n\n", 5)], 2, gave_up(2)),
        (vec![unfinished(), reply("data: ha", 4).break_off()], 1, gave_up(1)),
        (vec![unfinished(), Scripted::status(404)], 5, "404".to_owned()),
    ] {
        let requests = replies.len();
        let policy = ReconnectPolicy::default().max_attempts(attempts);
        let (items, state, made) = until_the_end(policy, replies).await;
        assert_eq!((&items[..2], items.len(), made), (&[Ok("a".into()), Ok("[DONE]".into())][..], 3, requests));
        assert!(items[2].as_ref().unwrap_err().contains(&error), "{items:?}");
        assert_eq!(state.ended(), Some(Ended::Failed));
        assert!(state.last_error().unwrap().message().contains(&error), "{state:?}");
        if error == gave_up(attempts) {
            assert_eq!(state.failures(), attempts, "{state:?}");
        }
    }
    // The server has nothing more to send.
    let (items, state, made) = until_the_end(ReconnectPolicy::default(), [unfinished(), Scripted::status(204)]).await;
    assert_eq!((items, made), (vec![Ok("a".into()), Ok("[DONE]".into())], 2));
    assert_eq!(state.ended(), Some(Ended::NoContent));
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_event_followed_by_other_events_is_not_delivered() {
    let unfinished = || reply("id: 1\ndata: a\n\ndata: b\n", 5);
    for (next, expected) in [
        (reply("data: b\n\n", 5), "b"),
        (reply("id: 2\ndata: b\n\n", 5).break_off(), "b"),
        (reply("id: 2\ndata: b\n", 5), "b"),
        (reply("data: c\n\n", 5).break_off(), "c"),
    ] {
        let (items, ..) = until_the_end(ReconnectPolicy::default(), [unfinished(), next, Scripted::status(204)]).await;
        assert_eq!(items, [Ok("a".into()), Ok(expected.into())]);
    }
    // The server has moved to another ID without an event.
    let replies = [unfinished(), reply("id: 2\n\n", 5), Scripted::status(204)];
    assert_eq!(until_the_end(ReconnectPolicy::default(), replies).await.0, [Ok("a".into())]);
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_event_that_the_server_does_not_complete_is_delivered_in_the_end() {
    // Every response ends like this: after the ID, the server has only the unfinished event.
    let last = || reply("data: [DONE]\n", 5);
    let first = || reply("id: 1\ndata: a\n\ndata: [DONE]\n", 5);
    let (events, ids) = connected([first(), last(), last(), last()]).await;
    assert_eq!(events, ["a", "[DONE]"], "{ids:?}");
    // It is delivered once; all further attempts count as failed.
    let policy = ReconnectPolicy::default().max_attempts(3);
    let (items, state, made) =
        until_the_end(policy.clone(), std::iter::once(first()).chain((0..9).map(|_| last()))).await;
    assert_eq!((&items[..2], items.len()), (&[Ok("a".into()), Ok("[DONE]".into())][..], 3));
    assert_eq!((state.failures(), made), (3, 5));
    // It is delivered when it arrives for the second time, before the source gives up.
    let service = ScriptedServer::new([first(), last()]);
    let mut source = Client::new(service.clone()).get("/").lenient_end(true).connect::<RawEvent>();
    assert_eq!(source.next().await.unwrap().unwrap().data.data(), "a");
    assert_eq!(source.next().await.unwrap().unwrap().data.data(), "[DONE]");
    assert_eq!((source.ended(), source.last_event_id(), service.requests().len()), (None, "1", 2));
    // A server that does not resume sends the events before it again.
    let (items, ..) = until_the_end(policy, [first(), first(), first(), Scripted::status(204)]).await;
    assert_eq!(items, ["a", "a", "[DONE]", "a"].map(|data| Ok(data.into())));
    // Another unfinished event replaces it.
    let replies = [first(), reply("data: [DO", 5), reply("data: [DONE]", 5), Scripted::status(204)];
    let (items, ..) = until_the_end(ReconnectPolicy::default(), replies).await;
    assert_eq!(items, ["a", "[DONE]"].map(|data| Ok(data.into())));
}

#[tokio::test(start_paused = true)]
async fn an_unfinished_event_that_is_delivered_late_is_read_like_any_other() {
    let first = |last: &str| reply(&format!("id: 1\nevent: word\ndata: a\n\n{last}\n"), 5);
    let long = "b".repeat(40);
    for (last, expected) in [
        ("event: word\ndata: b", Some(Ok(word("b")))),
        (&*format!("event: word\ndata: {long}"), Some(Ok(word(&long)))),
        ("data: half", Some(Err(()))),
        ("event: new\ndata: b", None),
    ] {
        let service = ScriptedServer::new([first(last), Scripted::status(204)]);
        let request = Client::new(service).get("/").lenient_end(true).max_event_size(45);
        let mut source = request.connect::<Answer>();
        assert_eq!(source.next().await.unwrap().unwrap().data, word("a"));
        let item =
            source.next().await.map(|item| item.map(|event| event.data).map_err(|error| assert!(error.is_decode())));
        assert_eq!((item, source.ended()), (expected, Some(Ended::NoContent)), "{last:?}");
        assert!(source.next().await.is_none());
    }
}
