//! Chat rooms: a hub for each room, several publishers, whispers that only two see, and a count of who is there.
//!
//! `cargo run --example chat_rooms`, then in two shells:
//!
//! `curl -N 'http://127.0.0.1:3003/rooms/garden?user=ann'`
//! `curl 'http://127.0.0.1:3003/rooms/garden' -H 'content-type: application/json' -d '{"from":"bob","to":"ann","text":"psst"}'`

use std::{error::Error, sync::Arc, time::Duration};

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
use tokio::{net::TcpListener, time};

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
    /// How many are in the room now.
    Present {
        people: usize,
    },
    #[sse(gap)]
    Missed(Gap),
}

type Rooms = Arc<Topics<String, RoomEvent>>;

/// Who it says it is: an application of your own knows that by its session.
#[derive(Debug, Deserialize)]
struct Visitor {
    user: String,
}

#[derive(Debug, Deserialize)]
struct Line {
    from: String,
    /// A whisper, if there is one.
    to: Option<String>,
    text: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let rooms = Rooms::new(Topics::new(Hub::builder().retain(Retention::events(1_000))));
    tokio::spawn(tell_the_time(Arc::clone(&rooms)));

    let shutdown = Shutdown::on(async { drop(tokio::signal::ctrl_c().await) });
    let app = Router::new()
        .route("/rooms/{room}", get(listen).post(say))
        .layer(SseLayer::new().retry(Duration::from_secs(1)).shutdown(&shutdown, Drain::Now))
        .with_state(rooms);
    let listener = TcpListener::bind(("127.0.0.1", 3003)).await?;
    println!("curl -N 'http://{}/rooms/garden?user=ann'", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(shutdown.begun()).await?;
    Ok(())
}

/// All that is said in a room, and the whispers from and to this visitor: replayed ones and live ones alike.
async fn listen(
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
    Sse::new(stay(hub, events))
}

/// Tells the room of who comes, and, when the response is dropped, of who goes.
fn stay(hub: Hub<RoomEvent>, events: impl Stream<Item = Entries<RoomEvent>>) -> impl Stream<Item = Entries<RoomEvent>> {
    let visit = Visit::begin(hub);
    // The subscription is dropped before the visit: it no longer counts then.
    events.map(move |entries| {
        let _ = &visit;
        entries
    })
}

struct Visit(Hub<RoomEvent>);

impl Visit {
    fn begin(hub: Hub<RoomEvent>) -> Self {
        let visit = Self(hub);
        visit.count();
        visit
    }

    fn count(&self) {
        let people = self.0.stats().subscribers;
        if let Err(error) = self.0.publish_now(&RoomEvent::Present { people }) {
            eprintln!("nobody is told who is there: {error}");
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.count();
    }
}

async fn say(
    State(rooms): State<Rooms>,
    Path(room): Path<String>,
    Json(Line { from, to, text }): Json<Line>,
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

/// A publisher in this process, beside those that come over HTTP. Only rooms that somebody is in hear it.
async fn tell_the_time(rooms: Rooms) {
    for minute in 1_u64.. {
        time::sleep(Duration::from_secs(60)).await;
        if let Some(garden) = rooms.get("garden") {
            let text = format!("You have been here for {minute} min at most.");
            let _ = garden.publish(&RoomEvent::Said { from: "clock".to_owned(), text }).await;
        }
    }
}
