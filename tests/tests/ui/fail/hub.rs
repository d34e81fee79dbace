use sse_typed::{HubEvent, SseEvent};

#[derive(SseEvent)]
enum Feed {
    Entry {
        #[sse(id)]
        id: u64,
    },
}

#[derive(SseEvent)]
enum All {
    #[sse(nested)]
    Feed(Feed),
}

fn publish<E: HubEvent>(_: &E) {}

fn main() {
    publish(&Feed::Entry { id: 1 });
    publish(&All::Feed(Feed::Entry { id: 1 }));
}
