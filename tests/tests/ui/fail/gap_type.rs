use sse_typed::SseEvent;

#[derive(SseEvent)]
enum Feed {
    Line(String),
    #[sse(gap)]
    Gap(u64),
}

#[derive(SseEvent)]
enum Named {
    Line(String),
    #[sse(gap)]
    Gap { missed: u64 },
}

fn main() {}
