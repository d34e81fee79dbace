//! Asks a URL for an event stream and prints what comes: a program that a test can start with an environment of its own.

use sse_typed::{Client, RawEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap_or_default();
    let mut events = match Client::hyper().get(url).send::<RawEvent>().await {
        Ok(events) => events,
        Err(error) => return println!("no stream: {error}"),
    };
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => println!("event: {}", event.data.data()),
            Err(error) => println!("error: {error}"),
        }
    }
}
