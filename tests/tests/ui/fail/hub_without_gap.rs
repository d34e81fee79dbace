use sse_typed::{Hub, LastEventId, Sse, SseEvent};

#[derive(SseEvent)]
enum Feed {
    Line(String),
}

fn main() {
    let hub = Hub::<Feed>::builder().build();
    let _published = hub.publish_now(&Feed::Line(String::new()));
    let _sse = Sse::new(hub.subscribe(LastEventId::default()));
}
