use sse_typed::LastEventId;

struct Request;

fn main() {
    let _last_event_id = LastEventId::of(&Request);
}
