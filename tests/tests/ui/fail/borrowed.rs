use sse_typed::SseEvent;

#[derive(SseEvent)]
enum Feed<'a> {
    Line(&'a str),
}

fn main() {}
