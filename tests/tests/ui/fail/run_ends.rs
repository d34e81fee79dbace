use sse_typed::SseEvent;

#[derive(SseEvent)]
enum NotTerminal {
    #[sse(failed)]
    Failed { reason: String },
    #[sse(stopped, lost)]
    Ended,
}

#[derive(SseEvent)]
enum OtherData {
    #[sse(terminal, failed)]
    Failed(String),
    #[sse(terminal, lost)]
    Lost { since: u64 },
}

#[derive(SseEvent)]
enum Reason {
    #[sse(terminal, failed)]
    Failed { reason: u32 },
}

fn main() {}
