use sse_typed::{Client, RawEvent};

fn main() {
    let _source = Client::hyper().get("http://127.0.0.1/").connect::<RawEvent>();
}
