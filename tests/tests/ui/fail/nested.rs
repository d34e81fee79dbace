use sse_typed::SseEvent;

#[derive(SseEvent)]
#[sse(rename_all = "snake_case", ignore("ping"))]
enum Ride {
    Started,
    Stopped,
}

#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Chat {
    Joined,
    Stopped,
}

#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Topics {
    #[sse(nested)]
    Ride(Ride),
    #[sse(nested)]
    Chat(Box<Chat>),
    Joined,
}

#[derive(SseEvent)]
enum NoEvent {
    #[sse(nested)]
    Number(Number),
}

struct Number(u8);

fn main() {}
