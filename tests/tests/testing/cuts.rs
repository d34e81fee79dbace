//! A stream that is cut everywhere.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Request;
use http_body_util::{BodyExt, Full};
use sse_typed::{
    Client, Event, RawEvent,
    client::EventStream,
    testing::{self, Collect, ScriptedServer},
};
use tower::ServiceExt;

use crate::{Feed, failure};

const SCRIPT: &str = "\
: hello\n\nid: 1\nevent: tick\ndata: 1\n\nretry: 10\n\nid: 2\r\nevent: tick\r\ndata: 2\r\n\r\nid: 2b\n\n\
id: é3\nevent: tick\ndata: \ndata: 3\n\nid: 4\nevent: done\ndata: null\n\n";

fn ours(server: ScriptedServer) -> Collect<Feed> {
    Collect::source(Client::new(server).get("/").connect())
}

#[tokio::test(start_paused = true)]
async fn our_client_sees_each_event_once_wherever_its_connection_is_cut() {
    testing::cut_everywhere(SCRIPT, ours).await;
    let untyped = |server| Collect::<RawEvent>::source(Client::new(server).get("/").connect());
    testing::cut_everywhere("id: 1\ndata: a\n\nid: 2\rdata: b\r\r", untyped).await;
    testing::cut_everywhere("", ours).await;
}

#[tokio::test(start_paused = true)]
async fn each_byte_is_a_run_of_each_kind() {
    let runs = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&runs);
    let script = "id: 1\nevent: tick\ndata: 1\n\n";
    testing::cut_everywhere(script, move |server| {
        counted.fetch_add(1, Ordering::Relaxed);
        ours(server)
    })
    .await;
    assert_eq!(runs.load(Ordering::Relaxed), 3 * (script.len() + 1));
}

/// A client of one's own make, which forgets or repeats what `changed` says.
fn own(
    server: ScriptedServer,
    resumes_from: impl Fn(&str) -> String + Send + Clone + 'static,
) -> impl stream::Stream<Item = Event<Feed>> + Send {
    let connections = stream::unfold((server, String::new(), false), move |(server, last, over)| {
        let resumes_from = resumes_from.clone();
        async move {
            if over {
                return None;
            }
            let mut request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
            let id = resumes_from(&last);
            if !id.is_empty() {
                request.headers_mut().insert("last-event-id", http::HeaderValue::from_bytes(id.as_bytes()).unwrap());
            }
            let response = server.clone().oneshot(request).await.unwrap();
            let over = response.status() == 204;
            let mut events = EventStream::<Feed, _>::from_body(response.into_body().boxed());
            let mut received = Vec::new();
            while let Some(event) = events.next().await {
                received.extend(event.ok());
            }
            let last = if events.last_event_id().is_empty() { last } else { events.last_event_id().to_owned() };
            Some((stream::iter(received), (server, last, over)))
        }
    });
    connections.flatten()
}

#[tokio::test(start_paused = true)]
async fn a_client_of_any_make_is_held_against_it() {
    testing::cut_everywhere(SCRIPT, |server| Collect::stream(own(server, str::to_owned))).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_forgets_its_id_fails_with_the_events_that_it_sees_twice() {
    let script = "id: 1\nevent: tick\ndata: 1\n\nid: 2\nevent: tick\ndata: 2\n\n";
    let forgetful = |server| Collect::stream(own(server, |_| String::new()).take(5));
    let failed = failure(testing::cut_everywhere(script, forgetful)).await;
    let expected = "\
the script was cut after byte 0 of 54, and the connection broke off
  <cut>id: 1

the events (- expected, + received)
  - [Tick(1), Tick(2)]
  + [Tick(1), Tick(2), Tick(1)]

the last event ID of each request:
  \"\"
  \"\"
";
    assert!(failed.starts_with(expected), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_skips_an_event_fails_with_the_byte_of_the_cut() {
    let script = "id: 1\nevent: tick\ndata: 1\n\nid: 2\nevent: tick\ndata: 2\n\nid: 3\nevent: tick\ndata: 3\n\n";
    // One off, when it resumes behind the first.
    let skipping = |server| Collect::stream(own(server, |id| if id == "1" { "2".to_owned() } else { id.to_owned() }));
    let failed = failure(testing::cut_everywhere(script, skipping)).await;
    let expected = "\
the script was cut after byte 27 of 81, and the connection broke off
  <cut>id: 2

the events (- expected, + received)
  - [Tick(1), Tick(2), Tick(3)]
  + [Tick(1), Tick(3)]
";
    assert!(failed.starts_with(expected), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn an_id_of_nobody_is_named() {
    let script = "id: 1\nevent: tick\ndata: 1\n\n";
    let odd = |server| Collect::stream(own(server, |_| "7".to_owned()));
    let failed = failure(testing::cut_everywhere(script, odd)).await;
    let expected = "the client sent the last event ID \"7\", which is not in the script";
    assert!(failed.contains(expected), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_gives_up_or_hangs_fails() {
    let script = "id: 1\nevent: tick\ndata: 1\n\n";
    let once = |server| {
        Collect::received(
            stream::once(Client::new(server).get("/").send::<Feed>())
                .flat_map(|sent| sent.unwrap_or_else(|error| panic!("{error}"))),
        )
    };
    let failed = failure(testing::cut_everywhere(script, once)).await;
    assert!(failed.contains("after byte 0 of 27") && failed.contains("+ []"), "{failed}");
    let hung = |_| Collect::stream(stream::pending::<Feed>()).within(Duration::from_secs(1));
    let failed = failure(testing::cut_everywhere(script, hung)).await;
    assert!(failed.contains("nothing of the kind came within 1s"), "{failed}");
    // Behind the last event silence is as good as an end.
    let patient = |server| Collect::stream(own(server, str::to_owned).chain(stream::pending()));
    testing::cut_everywhere(script, patient).await;
}

#[tokio::test(start_paused = true)]
async fn a_script_that_cannot_be_resumed_is_refused() {
    for (script, expected) in [
        ("event: tick\ndata: 1\n\n", "event 1 of the script has no id of its own"),
        ("id: 1\nevent: tick\ndata: 1\n\nevent: tick\ndata: 2\n\n", "event 2 of the script has no id of its own"),
        ("id: 1\nevent: tick\ndata: 1\n\nid: 1\nevent: tick\ndata: 2\n\n", "the script has the id \"1\" twice"),
        ("id: 1\nevent: tick\ndata: x\n\n", "event 1 of the script cannot be read: "),
        ("id: 1\nevent: odd\ndata: 1\n\n", "event 1 of the script is of no type that is known here"),
        ("id: 1\nevent: tick\ndata: 1\n", "the script ends within an event: "),
    ] {
        let failed = failure(testing::cut_everywhere(script, ours)).await;
        assert!(failed.starts_with(expected), "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_forgets_its_id_after_a_connection_without_events_fails() {
    // It sends the id that its last connection gave it.
    let forgetful = |server: ScriptedServer| {
        let connections = stream::unfold((server, String::new(), false), |(server, last, over)| async move {
            if over {
                return None;
            }
            let mut request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
            if !last.is_empty() {
                request.headers_mut().insert("last-event-id", last.parse().unwrap());
            }
            let response = server.clone().oneshot(request).await.unwrap();
            let over = response.status() == 204;
            let mut events = EventStream::<Feed, _>::from_body(response.into_body().boxed());
            let mut received = Vec::new();
            while let Some(event) = events.next().await {
                received.extend(event.ok());
            }
            Some((stream::iter(received), (server, events.last_event_id().to_owned(), over)))
        });
        Collect::stream(connections.flatten().take(9))
    };
    let script = "id: 1\nevent: tick\ndata: 1\n\nid: 2\nevent: tick\ndata: 2\n\n";
    let failed = failure(testing::cut_everywhere(script, forgetful)).await;
    assert!(failed.contains("the connection broke off, and so did the next one before its first byte"), "{failed}");
    assert!(failed.contains("+ [Tick(1), Tick(1), Tick(2)]"), "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_everything_is_told_so_whatever_the_script_ends_with() {
    for script in [
        "id: 1\r\nevent: tick\r\ndata: 1\r\n\r\n",
        "id: 1\nevent: tick\ndata: 1\n\n: bye\n\n",
        "id: 1\nevent: tick\ndata: 1\n\nretry: 5\n\n",
    ] {
        let served = Arc::<std::sync::Mutex<Vec<ScriptedServer>>>::default();
        let noted = Arc::clone(&served);
        let client = move |server: ScriptedServer| {
            noted.lock().unwrap().push(server.clone());
            ours(server)
        };
        testing::cut_everywhere(script, client).await;
        let most = served.lock().unwrap().iter().map(|server| server.requests().len()).max();
        assert!(most <= Some(4), "{script:?}: {most:?} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn a_script_that_no_client_can_follow_is_refused() {
    for (script, expected) in [
        ("id: 1\nevent: tick\ndata: 1\n\nid\n\nid: 2\nevent: tick\ndata: 2\n\n", "the script has an empty id"),
        (
            "id: 1\nevent: done\ndata: null\n\nid: 2\nevent: tick\ndata: 2\n\n",
            "the script goes on after a terminal event",
        ),
    ] {
        let failed = failure(testing::cut_everywhere(script, ours)).await;
        assert!(failed.starts_with(expected), "{failed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_duplicates_loses_or_reorders_is_noticed() {
    let script = "id: 1\nevent: tick\ndata: 1\n\nid: 2\nevent: tick\ndata: 2\n\nid: 3\nevent: tick\ndata: 3\n\n";
    type Change = fn(Vec<Event<Feed>>) -> Vec<Event<Feed>>;
    let changes: [Change; 4] = [
        |mut events| {
            let last = events.last().cloned();
            events.extend(last);
            events
        },
        |mut events| {
            events.pop();
            events
        },
        |mut events| {
            if events.len() > 1 {
                events.swap(0, 1);
            }
            events
        },
        |mut events| {
            if events.len() == 3 {
                events.dedup_by_key(|_| 0);
            }
            events
        },
    ];
    for change in changes {
        let client = |server| {
            let all = async move { stream::iter(change(own(server, str::to_owned).collect().await)) };
            Collect::stream(stream::once(all).flatten())
        };
        let failed = failure(testing::cut_everywhere(script, client)).await;
        assert!(failed.starts_with("the script was cut after byte 0 of 81"), "{failed}");
    }
}
