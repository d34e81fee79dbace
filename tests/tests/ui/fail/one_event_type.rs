use sse_typed::SseEvent;

#[derive(SseEvent)]
enum Feed {
    #[sse(message)]
    Line(String),
    #[sse(message)]
    Entry { title: String },
}

fn main() {}
