use serde_json::value::RawValue;
use sse_typed::SseEvent;

#[derive(SseEvent)]
#[sse(tag = "type")]
enum Feed {
    Raw(Box<RawValue>),
}

fn main() {}
