//! Chat rooms: a hub for each room, several publishers, whispers that only two users receive, and a count of the listeners.
//!
//! `cargo run --example chat_rooms [-- --port N]`, then in two shells:
//!
//! ```console
//! curl -N 'http://127.0.0.1:3003/rooms/garden?user=ann'
//! curl http://127.0.0.1:3003/rooms/garden -H 'content-type: application/json' -d '{"from":"bob","to":"ann","text":"psst"}'
//! ```

mod listen;

use std::{error::Error, process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::IntoResponse,
    routing::get,
};
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use sse_typed::{
    Entries, Gap, Hub, LastEventId, Sse, SseEvent, SseLayer,
    hub::{Retention, Topics},
    server::{Drain, Shutdown},
};
use tokio::time;

use self::listen::{exit_code, listen};

#[derive(Clone, Debug, SseEvent)]
#[sse(rename_all = "snake_case")]
enum RoomEvent {
    Said {
        from: String,
        text: String,
    },
    Whispered {
        from: String,
        to: String,
        text: String,
    },
    /// The number of open streams of the room.
    Present {
        people: usize,
    },
    /// Events of the history are missing.
    #[sse(gap)]
    Missed(Gap),
}

type Rooms = Topics<String, RoomEvent>;

/// The user, who is not authenticated here. A real application takes it from the session.
#[derive(Debug, Deserialize)]
struct Visitor {
    user: String,
}

#[derive(Debug, Deserialize)]
struct Message {
    from: String,
    /// The recipient of a whisper. Without one, the message is for the whole room.
    to: Option<String>,
    text: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    let rooms = Rooms::new(Hub::builder().retain(Retention::events(1_000)));
    tokio::spawn(publish_clock(rooms.clone()));

    let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
    let app = Router::new()
        .route("/rooms/{room}", get(subscribe).post(publish))
        .layer(SseLayer::new().retry(Duration::from_secs(1)).shutdown(&shutdown, Drain::Now))
        .with_state(rooms);
    let listener = listen("chat_rooms", 3003).await?;
    let room = format!("http://{}/rooms/garden", listener.local_addr()?);
    let json = "-H 'content-type: application/json'";
    println!("A room:   {room}?user=ann");
    println!("Listen:   curl -N '{room}?user=ann'");
    println!(r#"Say:      curl {room} {json} -d '{{"from":"bob","text":"hello"}}'"#);
    println!(r#"Whisper:  curl {room} {json} -d '{{"from":"bob","to":"ann","text":"psst"}}'"#);
    println!("Ctrl-C ends the server.");
    axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()).await?;
    Ok(())
}

/// The messages to the room, and the whispers from or to this user. The filter applies to replayed events too.
async fn subscribe(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    Query(Visitor { user }): Query<Visitor>,
    last_event_id: LastEventId,
) -> impl IntoResponse {
    let hub = rooms.hub(&room);
    let events = hub.subscribe(last_event_id).only(move |event| match event {
        RoomEvent::Whispered { from, to, .. } => *from == user || *to == user,
        RoomEvent::Said { .. } | RoomEvent::Present { .. } | RoomEvent::Missed(_) => true,
    });
    Sse::new(with_presence(hub, events))
}

/// Publishes the number of listeners now, and again when the response is dropped.
fn with_presence(
    hub: Hub<RoomEvent>,
    events: impl Stream<Item = Entries<RoomEvent>>,
) -> impl Stream<Item = Entries<RoomEvent>> {
    let presence = Presence::new(hub);
    // `events` is dropped before `presence`, so the last count does not include this subscription.
    events.map(move |entries| {
        let _ = &presence;
        entries
    })
}

struct Presence(Hub<RoomEvent>);

impl Presence {
    fn new(hub: Hub<RoomEvent>) -> Self {
        let presence = Self(hub);
        presence.publish_count();
        presence
    }

    fn publish_count(&self) {
        let people = self.0.stats().subscribers;
        if let Err(error) = self.0.publish_now(&RoomEvent::Present { people }) {
            eprintln!("the number of listeners was not published: {error}");
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.publish_count();
    }
}

async fn publish(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    Json(Message { from, to, text }): Json<Message>,
) -> impl IntoResponse {
    let event = match to {
        Some(to) => RoomEvent::Whispered { from, to, text },
        None => RoomEvent::Said { from, text },
    };
    match rooms.publish(&room, &event).await {
        Ok(id) => (StatusCode::CREATED, format!("{id}\n")),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// A publisher in this process, besides those that send requests. It publishes only to a room that exists.
async fn publish_clock(rooms: Rooms) {
    for minute in 1_u64.. {
        time::sleep(Duration::from_secs(60)).await;
        if let Some(garden) = rooms.get("garden") {
            let text = format!("The server has been running for {minute} min.");
            let message = RoomEvent::Said { from: "clock".to_owned(), text };
            if let Err(error) = garden.publish(&message).await {
                eprintln!("the time was not published: {error}");
            }
        }
    }
}

/// `SSE_TYPED_UPDATE=1 cargo test -p tests --test contracts` writes the contract.
#[cfg(test)]
#[test]
fn the_contract_is_compatible() {
    use sse_typed::contract::{Contract, Policy, assert_compatible};

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/committed/chat_rooms.json");
    assert_compatible(path, &Contract::of::<RoomEvent>(), Policy::both());
}
