use sse_typed::SseEvent;

#[derive(serde::Serialize)]
struct Position {
    lat: f64,
}

#[derive(SseEvent)]
enum Feed {
    Moved(Position),
}

fn main() {}
