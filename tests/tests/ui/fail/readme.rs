use sse_typed::SseEvent;

#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum JobEvent {
    Progress { percent: u8 },
    #[sse(rename = "progress", termnal)]
    Finished,
    Error(String),
}

fn main() {}
