use futures_util::stream;
use sse_typed::{Client, Encoded, Event, Hub, Sse, hub::OnGap};

fn main() {
    let _sse = Sse::new(stream::iter([Event::new(1_u64)]));
    let _encoded = Encoded::new(&Event::new(1_u64));
    let _hub = Hub::<Event<u64>>::builder_on_gap(OnGap::Ignore).build();
    let _source = Client::new(axum::Router::new()).get("/").connect::<Event<u64>>();
}
