use serde::{Deserialize, Serialize};
use sse_typed::{
    SseEvent,
    typescript::{self, Options},
};

#[derive(SseEvent)]
enum RideEvent {
    Position(Position),
}

#[derive(Serialize, Deserialize)]
struct Position {
    lat: f64,
    lon: f64,
}

struct NoEvent;

fn main() {
    let _ = typescript::render::<RideEvent>(&Options::new());
    let _ = typescript::render::<NoEvent>(&Options::new());
}
