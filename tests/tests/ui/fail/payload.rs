use sse_typed::SseEvent;

struct Position {
    lat: f64,
}

#[derive(SseEvent)]
enum Feed {
    Moved(Position),
    #[sse(text)]
    Text(Vec<u8>),
    Named { position: Position },
}

fn main() {}
