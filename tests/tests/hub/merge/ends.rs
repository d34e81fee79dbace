//! How a merged stream ends, and which clients may reconnect.

use std::task::Poll;

use futures_util::StreamExt;
use http_body_util::BodyExt;
use sse_typed::{
    EventItem, LastEventId, Merge, Sse,
    hub::{OnGap, Retention, Start},
};

use super::{All, Chat, Client, chat, is_over, merge, said, tick, wire};
use crate::common::{Feed, hub, hub_on_gap, poll, ticks};

#[test]
fn a_terminal_event_of_a_part_ends_the_stream_and_its_id_is_answered_204() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut client = Client::new();
    let mut first = merge(&feed, &chat, client.id());
    chat.publish_now(&Chat::Said(1)).unwrap();
    let done = feed.publish_now(&Feed::Done).unwrap();
    let Poll::Ready(Some(item)) = poll(&mut first) else { panic!("there is no item") };
    assert!(item.is_terminal());
    assert_eq!(client.feed::<All>(wire(&item)), [All::Feed(Feed::Done)]);
    assert!(matches!(poll(&mut first), Poll::Ready(None)));
    let id = client.id();
    let done = done.as_str().strip_suffix('!').unwrap();
    let text = id.as_str().unwrap();
    assert!(text.starts_with(&format!("*feed~{done}%21*chat~")) && text.ends_with('!'), "{text}");
    // Whatever the parts have: their closures are not called.
    let again = Merge::<All>::new(id)
        .add("feed", |_| -> sse_typed::Subscription<Feed> { panic!("the closure is not called") })
        .add("new", |_| -> sse_typed::Subscription<Chat> { panic!("the closure is not called") });
    assert!(is_over(&again));
}

#[test]
fn the_ids_of_events_before_a_terminal_one_have_no_end_mark() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none());
    ticks(&feed, 1..=2);
    feed.publish_now(&Feed::Done).unwrap();
    let mut client = Client::new();
    let Poll::Ready(Some(item)) = poll(&mut merge) else { panic!("there is no item") };
    let seen = client.feed_with_ids::<All>(wire(&item));
    let ends: Vec<_> = seen.iter().map(|(_, id)| id.ends_with('!')).collect();
    assert_eq!(ends, [false, false, true]);
}

#[test]
fn a_closed_part_leaves_the_others_and_is_over_when_the_client_reconnects() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut client = Client::new();
    let mut first = merge(&feed, &chat, client.id());
    ticks(&feed, 1..=1);
    feed.close_now(Some(Feed::Tick(2))).unwrap();
    assert_eq!(client.read(&mut first), (vec![tick(1), tick(2)], true));
    let id = client.id();
    assert!(id.as_str().unwrap().contains("%21*chat~") && !id.as_str().unwrap().ends_with('!'), "{id:?}");
    chat.publish_now(&Chat::Said(1)).unwrap();
    assert_eq!(client.read(&mut first), (vec![said(1)], true));
    // The position of the part that has ended remains in the id, with its end mark.
    let mut second = merge(&feed, &chat, client.id());
    assert_eq!(client.read(&mut second), (vec![], true));
    chat.publish_now(&Chat::Said(2)).unwrap();
    assert_eq!(client.read(&mut second), (vec![said(2)], true));
    let mut third = merge(&feed, &chat, client.id());
    assert!(!is_over(&third));
    chat.close_now(Some(Chat::Said(3))).unwrap();
    assert_eq!(client.read(&mut third), (vec![said(3)], false));
    assert!(is_over(&merge(&feed, &chat, client.id())));
}

#[test]
fn parts_that_end_without_a_last_event_end_the_stream_together() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut client = Client::new();
    let mut merged = merge(&feed, &chat, client.id());
    ticks(&feed, 1..=1);
    feed.close_now(None).unwrap();
    assert_eq!(client.read(&mut merged), (vec![tick(1)], true));
    chat.close_now(None).unwrap();
    assert_eq!(client.read(&mut merged), (vec![], false));
    assert!(is_over(&merge(&feed, &chat, client.id())));
    // A client that missed the last event is not answered 204.
    let mut late = merge(&feed, &chat, LastEventId::none());
    assert!(is_over(&late));
    assert_eq!(client.read(&mut late), (vec![], false));
    let mut late = Merge::<All>::new(LastEventId::none())
        .add("feed", |id| feed.subscribe(id.or(Start::Earliest)))
        .add("chat", |id| chat.subscribe(id));
    assert!(!is_over(&late));
    assert_eq!(client.read(&mut late), (vec![tick(1)], false));
}

#[test]
fn a_part_whose_hub_is_dropped_leaves_the_others() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none());
    ticks(&feed, 1..=1);
    drop(feed);
    chat.publish_now(&Chat::Said(1)).unwrap();
    assert_eq!(Client::new().read(&mut merge), (vec![tick(1), said(1)], true));
}

#[test]
fn a_restart_of_a_part_forgets_only_that_part() {
    let (feed, chat) = (hub_on_gap(Retention::events(1), OnGap::Restart), chat());
    let mut client = Client::new();
    let mut first = merge(&feed, &chat, client.id());
    ticks(&feed, 1..=1);
    assert_eq!(client.read(&mut first).0, [tick(1)]);
    drop(first);
    ticks(&feed, 2..=5);
    chat.publish_now(&Chat::Said(1)).unwrap();
    let mut second = merge(&feed, &chat, client.id());
    let Poll::Ready(Some(word)) = poll(&mut second) else { panic!("there is no item") };
    let id = word.last_id().unwrap();
    assert!(id.as_str().starts_with("*chat~"), "{id}");
    assert_eq!((wire(&word), word.len()), (format!("id: {id}\n\n").into(), 0));
    assert!(!word.is_terminal() && matches!(poll(&mut second), Poll::Ready(None)));
    // After reconnecting it is a new client of that part, and is resumed in the other.
    client.feed::<All>(wire(&word));
    let mut third = merge(&feed, &chat, client.id());
    ticks(&feed, 6..=6);
    assert_eq!(client.read(&mut third).0, [tick(6), said(1)]);
}

#[test]
fn a_restart_of_the_only_part_leaves_an_id_that_is_not_empty() {
    let feed = hub_on_gap(Retention::events(1), OnGap::Restart);
    let connect = |id| Merge::<Feed>::new(id).add("feed", |id| feed.subscribe(id));
    let mut client = Client::new();
    let mut first = connect(sse_typed::EventId::new("unknown").unwrap().into());
    let Poll::Ready(Some(word)) = poll(&mut first) else { panic!("there is no item") };
    assert_eq!(wire(&word), "id: *\n\n");
    client.feed::<Feed>(wire(&word));
    let mut second = connect(client.id());
    ticks(&feed, 1..=1);
    assert_eq!(client.read(&mut second), (vec![Feed::Tick(1)], true));
}

/// Otherwise the client would reconnect with the same id forever.
#[test]
fn a_restart_replaces_an_id_that_is_too_long() {
    let (feed, chat) = (hub_on_gap(Retention::events(1), OnGap::Restart), chat());
    let long = sse_typed::EventId::new("ä".repeat(400)).unwrap();
    let Poll::Ready(Some(word)) = poll(&mut merge(&feed, &chat, long.into())) else { panic!("there is no item") };
    assert_eq!(wire(&word), "id: *\n\n");
}

#[tokio::test]
async fn a_browser_receives_each_event_once_and_then_204() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let respond = |id| http::Response::from(Sse::new(merge(&feed, &chat, id)));
    let mut client = Client::new();
    let mut seen = Vec::new();
    let first = respond(client.id());
    assert_eq!(first.status(), 200);
    ticks(&feed, 1..=3);
    chat.publish_now(&Chat::Said(1)).unwrap();
    let mut body = Box::pin(first.into_body());
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    // The connection is lost within the last block.
    seen.extend(client.feed::<All>(frame.slice(..frame.len() - 2)));
    client.cut();
    drop(body);
    ticks(&feed, 4..=4);
    chat.publish_now(&Chat::Over).unwrap();
    let body = respond(client.id()).into_body().collect().await.unwrap().to_bytes();
    seen.extend(client.feed::<All>(body));
    let over = All::Chat(Box::new(Chat::Over));
    assert_eq!(seen, [tick(1), tick(2), tick(3), tick(4), said(1), over]);
    assert_eq!(respond(client.id()).status(), 204);
}

#[tokio::test]
async fn a_stream_of_logs_in_memory_is_ready_at_once() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut merge = merge(&feed, &chat, LastEventId::none()).ready().await;
    ticks(&feed, 1..=1);
    assert_eq!(merge.next().await.unwrap().len(), 1);
}
