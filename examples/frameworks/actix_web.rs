//! Event streams in actix-web: the events of a hub as the body of a response. A client that
//! reconnects resumes after its last event.
//!
//! `cargo run -p framework-examples --example actix_web`, then `curl -N http://127.0.0.1:3010/`.

use std::{io, process::ExitCode, time::Duration};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use sse_typed::{EventId, Gap, Hub, LastEventId, SseEvent, codec::EventBytes};

#[derive(SseEvent)]
#[sse(rename_all = "snake_case")]
enum Countdown {
    Left {
        seconds: u32,
    },
    #[sse(gap)]
    Missed(Gap),
    #[sse(terminal)]
    LiftOff,
}

async fn countdown(request: HttpRequest, hub: web::Data<Hub<Countdown>>) -> HttpResponse {
    let id = request.headers().get("last-event-id").and_then(|id| EventId::new(id.to_str().ok()?).ok());
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-cache"))
        .streaming(EventBytes::new(hub.subscribe(LastEventId::from(id))))
}

const PORT: u16 = 3010;

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
    let hub = Hub::<Countdown>::builder().build();
    let published = hub.clone();
    tokio::spawn(async move {
        for seconds in (0..=30).rev() {
            let event = if seconds == 0 { Countdown::LiftOff } else { Countdown::Left { seconds } };
            if let Err(error) = published.publish(&event).await {
                eprintln!("not published: {error}");
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    println!("The stream:  http://127.0.0.1:{PORT}/");
    println!("Try it:      curl -N http://127.0.0.1:{PORT}/");
    HttpServer::new(move || App::new().app_data(web::Data::new(hub.clone())).route("/", web::get().to(countdown)))
        .bind(("127.0.0.1", PORT))?
        .run()
        .await
}

/// `SSE_TYPED_UPDATE=1 cargo test -p framework-examples --examples` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../committed/actix_web.json");
    assert_compatible(path, &Contract::of::<Countdown>(), Policy::both());
}
