use sse_typed::{Client, Event, RawEvent, SseEvent};

#[derive(SseEvent)]
enum Feed {
    Line(String),
}

fn main() {
    let _event = Event::new(Feed::Line(String::new())).id("abc");
    let _event = RawEvent::new("line", "").with_id(String::from("abc"));
    let _request = Client::new(axum::Router::new()).get("/").last_event_id("abc");
}
