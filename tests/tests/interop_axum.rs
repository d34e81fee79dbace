//! The client of this crate reads axum's own `Sse`.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::{StreamExt, stream};
use sse_typed::{Client, RawEvent};
use tokio::net::TcpListener;

/// The `Last-Event-ID` of each request.
type Visits = Arc<Mutex<Vec<Option<String>>>>;

/// Answers the first request with two events, the second with one, and further ones with a 204.
async fn feed(State(visits): State<Visits>, headers: HeaderMap) -> Response {
    let number = {
        let mut visits = visits.lock().unwrap();
        visits.push(headers.get("last-event-id").map(|id| id.to_str().unwrap().to_owned()));
        visits.len()
    };
    let events = match number {
        1 => vec![
            Event::default().retry(Duration::from_millis(1)).comment("a comment in the block").data("first"),
            Event::default().event("note").id("a 1").data("two\nlines: and a colon"),
        ],
        2 => vec![Event::default().event("json").json_data(serde_json::json!({ "n": 1 })).unwrap()],
        _ => return StatusCode::NO_CONTENT.into_response(),
    };
    Sse::new(stream::iter(events.into_iter().map(Ok::<_, Infallible>))).into_response()
}

#[track_caller]
fn assert_event(event: &sse_typed::Event<RawEvent>, event_type: &str, data: &str, id: Option<&str>) {
    assert_eq!((event.data.event_type(), event.data.data()), (event_type, data));
    assert_eq!(event.id.as_ref().map(sse_typed::EventId::as_str), id);
}

#[tokio::test]
async fn a_client_reads_axums_events_resumes_and_stops_at_a_204() {
    let visits = Visits::default();
    let router = Router::new().route("/events", get(feed)).with_state(Arc::clone(&visits));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let source = Client::hyper().get(url).connect::<RawEvent>();
    let events: Vec<_> = source.map(Result::unwrap).collect().await;
    assert_eq!(events.len(), 3, "{events:?}");
    assert_event(&events[0], "message", "first", None);
    assert_eq!(events[0].retry, Some(Duration::from_millis(1)));
    assert_event(&events[1], "note", "two\nlines: and a colon", Some("a 1"));
    assert_event(&events[2], "json", r#"{"n":1}"#, None);

    let visits: Vec<_> = visits.lock().unwrap().drain(..).collect();
    let resumed = || Some("a 1".to_owned());
    assert_eq!(visits, [None, resumed(), resumed()]);
}

#[tokio::test(start_paused = true)]
async fn axums_keep_alives_are_no_events() {
    let router = Router::new().route(
        "/events",
        get(|| {
            let late = stream::once(async {
                tokio::time::sleep(Duration::from_secs(100)).await;
                Ok::<_, Infallible>(Event::default().data("late"))
            });
            ready(Sse::new(late).keep_alive(KeepAlive::new().interval(Duration::from_secs(1)).text("thump")))
        }),
    );
    let mut events = Client::new(router).get("/events").send::<RawEvent>().await.unwrap();
    let event = events.next().await.unwrap().unwrap();
    assert_event(&event, "message", "late", None);
    assert!(events.next().await.is_none(), "the stream is over");
}
