use sse_typed::{Hub, LastEventId, Sse, SseEvent, hub::OnGap};

#[derive(SseEvent)]
enum Feed {
    Entry {
        #[sse(id)]
        id: u64,
    },
    #[sse(gap)]
    Gap,
}

fn main() {
    let hub = Hub::<Feed>::builder().build();
    let _published = hub.publish_now(&Feed::Entry { id: 1 });
    let _sse = Sse::new(hub.subscribe(LastEventId::default()));
    let _hub: Hub<Feed> = Hub::builder_on_gap(OnGap::Ignore).build();
}
