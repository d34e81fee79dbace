//! Event streams in poem: the events of a hub as the body of a response, and the body of a request as typed events.
//!
//! `cargo run -p framework-examples --example poem`, then `curl -N http://127.0.0.1:3011/`, and in another terminal
//! `printf 'event: said\ndata: {"text":"hello"}\n\n' | curl -T - -X POST http://127.0.0.1:3011/`.

use std::{io, process::ExitCode};

use futures_util::TryStreamExt;
use poem::{Body, EndpointExt, Request, Response, Route, Server, get, handler, listener::TcpListener, web::Data};
use sse_typed::{
    EventId, Gap, Hub, LastEventId, SseEvent,
    codec::{EventBytes, EventReader},
};

#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Chat {
    Said {
        text: String,
    },
    #[sse(gap)]
    Missed(Gap),
}

#[handler]
fn listen(request: &Request, Data(hub): Data<&Hub<Chat>>) -> Response {
    let id = request.header("last-event-id").and_then(|id| EventId::new(id).ok());
    let bytes = EventBytes::new(hub.subscribe(LastEventId::from(id))).map_err(io::Error::other);
    Response::builder()
        .content_type("text/event-stream")
        .header("cache-control", "no-cache")
        .body(Body::from_bytes_stream(bytes))
}

#[handler]
async fn say(body: Body, Data(hub): Data<&Hub<Chat>>) -> poem::Result<String> {
    let mut events = EventReader::<_, Chat>::new(body.into_bytes_stream()).lenient_end(true);
    let mut published = 0_u32;
    while let Some(event) = events.try_next().await.map_err(poem::error::BadRequest)? {
        hub.publish(&event.data).await.map_err(poem::error::InternalServerError)?;
        published += 1;
    }
    Ok(format!("{published} published\n"))
}

const PORT: u16 = 3011;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot serve on port {PORT}: {error}. If another program uses it, change `PORT`.");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> io::Result<()> {
    let app = Route::new().at("/", get(listen).post(say)).data(Hub::<Chat>::builder().build());
    println!("The stream:  http://127.0.0.1:{PORT}/");
    println!("Listen:      curl -N http://127.0.0.1:{PORT}/");
    println!(
        "Say:         printf 'event: said\\ndata: {{\"text\":\"hello\"}}\\n\\n' | curl -T - -X POST http://127.0.0.1:{PORT}/"
    );
    Server::new(TcpListener::bind(("127.0.0.1", PORT))).run(app).await
}

/// `SSE_TYPED_UPDATE=1 cargo test -p framework-examples --examples` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../committed/poem.json");
    assert_compatible(path, &Contract::of::<Chat>(), Policy::both());
}
