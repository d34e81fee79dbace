//! Ids in rare cases: texts that are too long, events that cannot be sent, and ends without a position.

use std::{task::Poll, time::Duration};

use http_body_util::BodyExt;
use sse_typed::{
    EventId, LastEventId, Merge, RawEvent, Sse, SseEvent,
    codec::Encoder,
    hub::{Hub, OnGap, Retention, Start},
};

use super::{All, Chat, Client, chat, is_over, merge, said, wire};
use crate::common::{Feed, hub, hub_on_gap, poll, ticks};
use crate::remote::NetworkLog;

fn id(text: &str) -> LastEventId {
    EventId::new(text).unwrap().into()
}

/// A text that is no id vector, and a part without events that ignores gaps.
#[test]
fn a_long_text_in_a_part_without_events_that_ignores_gaps_leaves_later_ids_short() {
    let (feed, chat) = (hub_on_gap(Retention::default(), OnGap::Ignore), chat());
    let mut client = Client::new();
    let mut first = merge(&feed, &chat, id(&"x".repeat(1000)));
    assert_eq!(client.read(&mut first).0.len(), 1, "chat's gap");
    for n in 1..=3 {
        chat.publish_now(&Chat::Said(n)).unwrap();
        assert_eq!(client.read(&mut first).0, [said(n)]);
    }
    assert!(client.id().as_str().is_some(), "there are ids again");
}

/// An id of another server, in many parts.
#[test]
fn an_id_of_another_server_in_many_parts_without_events_leaves_later_ids_short() {
    let rooms: Vec<_> = (0..8).map(|_| hub_on_gap(Retention::default(), OnGap::Ignore)).collect();
    let json = r#"[{"topic":"eqiad.mediawiki.recentchange","partition":0,"timestamp":1532031066001},{"topic":"codfw.mediawiki.recentchange","partition":0,"offset":-1}]"#;
    let connect = |id: LastEventId| {
        rooms
            .iter()
            .enumerate()
            .fold(Merge::<Feed>::new(id), |merge, (n, room)| merge.add(&format!("r{n}"), |id| room.subscribe(id)))
    };
    let mut first = connect(id(json));
    let mut client = Client::new();
    ticks(&rooms[0], 1..=3);
    assert_eq!(client.read(&mut first).0.len(), 3);
    drop(first);
    let back = if client.id().is_none() { id(json) } else { client.id() };
    assert_eq!(client.read(&mut connect(back)).0, [], "doubled");
}

#[test]
fn the_id_of_a_terminal_greeting_has_the_end_mark() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let connect = |id| {
        Merge::<All>::new(id)
            .add("feed", |id| feed.subscribe(id))
            .add("chat", |id| chat.subscribe(id).start_with(Chat::Over))
    };
    let mut client = Client::new();
    let (seen, goes_on) = client.read(&mut connect(client.id()));
    assert_eq!((seen.len(), goes_on), (1, false));
    assert!(is_over(&connect(client.id())), "{:?}", client.id());
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
enum Raw {
    #[sse(other)]
    Any(RawEvent),
}

#[derive(Clone, Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "snake_case")]
enum Tagged {
    Hello {
        name: String,
    },
    #[sse(nested)]
    Raw(Raw),
}

/// All parts are closed and the last event is skipped. The client is answered 204 in the end.
#[tokio::test]
async fn a_skipped_last_event_does_not_make_the_client_reconnect_forever() {
    let raw: Hub<Raw> = Hub::builder_on_gap(OnGap::Restart).build();
    for (name, data) in [("a", "1"), ("hello", "2")] {
        raw.publish_now(&Raw::Any(RawEvent::new(name, data))).unwrap();
    }
    raw.close_now(None).unwrap();
    let mut client = Client::new();
    for _ in 0..5 {
        let merge = Merge::<Tagged>::new(client.id()).add("raw", |id| raw.subscribe(id.or(Start::Earliest)));
        let response = http::Response::from(Sse::new(merge).on_unsendable(|_| None));
        if response.status() == 204 {
            return;
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        client.feed::<RawEvent>(bytes);
        client.cut();
    }
    panic!("it reconnects forever with {:?}", client.id());
}

/// Otherwise skipped events that are trimmed later would be reported as a gap.
#[tokio::test]
async fn skipped_events_move_the_clients_position() {
    let raw: Hub<Raw> = Hub::builder_on_gap(OnGap::Restart).retain(Retention::events(3)).build();
    let mut client = Client::new();
    let merge = |id| Merge::<Tagged>::new(id).add("raw", |id| raw.subscribe(id));
    let response = http::Response::from(Sse::new(merge(client.id())).on_unsendable(|_| None));
    let mut body = Box::pin(response.into_body());
    raw.publish_now(&Raw::Any(RawEvent::new("a", "1"))).unwrap();
    client.feed::<RawEvent>(body.frame().await.unwrap().unwrap().into_data().unwrap());
    for _ in 0..10 {
        raw.publish_now(&Raw::Any(RawEvent::new("hello", "2"))).unwrap();
        if let Ok(Some(Ok(frame))) = tokio::time::timeout(Duration::from_millis(5), body.frame()).await {
            client.feed::<RawEvent>(frame.into_data().unwrap());
        }
    }
    drop(body);
    client.cut();
    let mut second = merge(client.id());
    if let Poll::Ready(Some(item)) = poll(&mut second) {
        let mut encoder = Encoder::new();
        panic!("{:?} {:?}", encoder.encode(&item).map(|()| encoder.take()), item.last_id());
    }
}

#[tokio::test(start_paused = true)]
async fn ready_returns_at_the_first_part_that_continues() {
    let (away, here) = (NetworkLog::new(100), NetworkLog::new(100));
    let hubs = [away.hub(10), here.hub(10)];
    hubs[1].publish(&Feed::Tick(1)).await.unwrap();
    away.go_down();
    let merge = Merge::<Feed>::new(LastEventId::none())
        .add("b", |_| hubs[1].subscribe(Start::Earliest))
        .add("a", |_| hubs[0].subscribe(Start::Earliest));
    assert!(tokio::time::timeout(Duration::from_secs(60), merge.ready()).await.is_ok());
}

/// A restart of one part while the position of another part is long: the other part keeps its position.
#[test]
fn a_restart_keeps_the_positions_of_the_others_if_the_id_would_be_too_long() {
    let (feed, chat, third) = (hub_on_gap(Retention::default(), OnGap::Restart), chat(), hub(Retention::default()));
    let place = chat.publish_now(&Chat::Said(1)).unwrap();
    chat.publish_now(&Chat::Said(2)).unwrap();
    // An id vector of less than 1 KiB, which one more part makes too long.
    let text = format!("*chat~{place}*c~{}*feed~old", "x".repeat(972));
    let connect = |id| {
        Merge::<All>::new(id)
            .add("feed", |id| feed.subscribe(id))
            .add("chat", |id| chat.subscribe(id))
            .add("c", |id| third.subscribe(id))
            .add("new-part-of-the", |_| third.subscribe(Start::Live))
    };
    let mut first = connect(id(&text));
    let Poll::Ready(Some(word)) = poll(&mut first) else { panic!("there is no item") };
    let mut client = Client::new();
    client.feed::<All>(wire(&word));
    let (seen, _) = client.read(&mut connect(client.id()));
    assert!(seen.contains(&said(2)), "lost without a word: {:?} {seen:?}", client.id());
}

/// The id of the replacement of an event that cannot be sent.
#[tokio::test]
async fn a_replacement_has_the_position_behind_the_event() {
    let raw: Hub<Raw> = Hub::builder_on_gap(OnGap::Restart).build();
    raw.publish_now(&Raw::Any(RawEvent::new("hello", "2"))).unwrap();
    raw.close_now(None).unwrap();
    let mut client = Client::new();
    for _ in 0..5 {
        let merge = Merge::<Tagged>::new(client.id()).add("raw", |id| raw.subscribe(id.or(Start::Earliest)));
        let response =
            http::Response::from(Sse::new(merge).on_unsendable(|_| Some(Tagged::Hello { name: "x".into() })));
        if response.status() == 204 {
            return;
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        client.feed::<RawEvent>(bytes);
        client.cut();
    }
    panic!("it reconnects forever with {:?}", client.id());
}

#[test]
fn an_item_is_at_most_about_32_kib() {
    let rooms: Vec<_> = (0..16).map(|_| hub(Retention::default())).collect();
    let mut merge = rooms.iter().enumerate().fold(Merge::<Feed>::new(LastEventId::none()), |merge, (n, room)| {
        merge.add(&format!("room-of-{n:08}"), |id| room.subscribe(id))
    });
    ticks(&rooms[0], 1..=1000);
    let Poll::Ready(Some(item)) = poll(&mut merge) else { panic!() };
    let len = wire(&item).len();
    assert!(len < 64 << 10, "{len} bytes of {} events", item.len());
}
