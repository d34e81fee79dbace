use sse_typed::{Gap, Hub, LastEventId, Merge, SseEvent, event::GapReason};

#[derive(SseEvent)]
enum Ride {
    Started,
    #[sse(gap)]
    RideMissed(Gap),
}

#[derive(SseEvent)]
enum Chat {
    Said(String),
    #[sse(gap)]
    ChatMissed { missed: Option<u64>, reason: GapReason, part: Option<String> },
}

#[derive(SseEvent)]
enum All {
    #[sse(nested)]
    Ride(Ride),
}

fn main() {
    let (rides, chat) = (Hub::<Ride>::builder().build(), Hub::<Chat>::builder().build());
    let merge = Merge::<All>::new(LastEventId::none()).add("rides", |id| rides.subscribe(id)).add("chat", |id| chat.subscribe(id));
    Merge::<All>::new(LastEventId::none()).add("all", |_| merge);
}
