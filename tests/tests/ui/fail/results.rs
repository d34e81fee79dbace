use futures_util::stream;
use sse_typed::{Sse, SseEvent};

#[derive(SseEvent)]
enum Feed {
    Line(String),
}

async fn feed() -> impl axum::response::IntoResponse {
    let lines = stream::iter([Ok::<_, std::io::Error>(Feed::Line(String::new()))]);
    Sse::new(lines)
}

fn main() {}
