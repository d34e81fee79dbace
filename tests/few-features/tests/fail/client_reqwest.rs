use sse_typed::{Client, RawEvent};

struct ReqwestClient;

fn main() {
    let _source = Client::reqwest(ReqwestClient).get("http://127.0.0.1/").connect::<RawEvent>();
}
