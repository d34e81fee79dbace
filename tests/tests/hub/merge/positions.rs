//! The ids of a merged stream, and the ids that clients send.

use std::task::Poll;

use proptest::prelude::*;
use sse_typed::{
    EventId, Gap, LastEventId, Merge,
    event::{GapReason, PartName},
    hub::{Hub, OnGap, Retention, Start},
};

use super::{All, Chat, Client, chat, is_over, merge, said, tick, wire};
use crate::common::{Feed, hub, poll, ticks};

fn id(text: &str) -> LastEventId {
    EventId::new(text).unwrap().into()
}

fn missed(part: &str, missed: Option<u64>, reason: GapReason) -> Gap {
    Gap::new(missed, reason).in_part(PartName::new(part).unwrap())
}

fn chat_missed(missed: Gap) -> All {
    All::Chat(Box::new(Chat::Missed(missed)))
}

#[test]
fn each_id_has_a_position_for_every_part_also_for_one_without_events() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let quiet = chat.publish_now(&Chat::Said(1)).unwrap();
    let mut merge = merge(&feed, &chat, LastEventId::none());
    let ids: Vec<_> = (1..=3).map(|n| feed.publish_now(&Feed::Tick(n)).unwrap()).collect();
    // One slice of three events.
    let Poll::Ready(Some(item)) = poll(&mut merge) else { panic!("there is no item") };
    let wire = wire(&item);
    let expected: String =
        (1..=3).zip(&ids).map(|(n, id)| format!("id: *feed~{id}*chat~{quiet}\nevent: tick\ndata: {n}\n\n")).collect();
    assert_eq!(wire, expected);
    assert_eq!(item.last_id().unwrap().as_str(), format!("*feed~{}*chat~{quiet}", ids[2]));
}

#[test]
fn a_client_that_reconnects_resumes_in_each_part() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let mut client = Client::new();
    let mut first = merge(&feed, &chat, client.id());
    ticks(&feed, 1..=2);
    chat.publish_now(&Chat::Said(1)).unwrap();
    assert_eq!(client.read(&mut first).0, [tick(1), tick(2), said(1)]);
    drop(first);
    ticks(&feed, 3..=3);
    chat.publish_now(&Chat::Said(2)).unwrap();
    assert_eq!(client.read(&mut merge(&feed, &chat, client.id())).0, [tick(3), said(2)]);
}

#[test]
fn a_new_part_begins_without_an_id_and_a_removed_part_is_ignored() {
    let (feed, chat) = (hub(Retention::default()), chat());
    ticks(&feed, 1..=2);
    let mut client = Client::new();
    let mut first = merge(&feed, &chat, client.id());
    ticks(&feed, 3..=3);
    assert_eq!(client.read(&mut first).0, [tick(3)]);
    let other = hub(Retention::default());
    ticks(&other, 10..=11);
    let mut brought = None;
    let mut second = Merge::<All>::new(client.id())
        .add("feed", |id| feed.subscribe(id))
        .add("live", |id| other.subscribe(id))
        .add("all", |id| {
            brought = Some(id.clone());
            other.subscribe(id.or(Start::Earliest))
        });
    assert_eq!(client.read(&mut second).0, [tick(10), tick(11)]);
    assert_eq!(brought, Some(LastEventId::none()));
    let id = client.id();
    assert!(!id.as_str().unwrap().contains("chat"));
    // Reconnecting with it: its position was not known, so it begins live.
    chat.publish_now(&Chat::Said(1)).unwrap();
    assert_eq!(client.read(&mut merge(&feed, &chat, id)).0, []);
}

#[test]
fn every_part_gets_a_text_that_is_no_id_vector() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let plain = feed.publish_now(&Feed::Tick(1)).unwrap();
    ticks(&feed, 2..=2);
    chat.publish_now(&Chat::Said(1)).unwrap();
    // The id of a hub that was the only one of the stream before.
    let mut merged = merge(&feed, &chat, plain.clone().into());
    let gap = chat_missed(missed("chat", None, GapReason::UnknownId));
    assert_eq!(Client::new().read(&mut merged).0, [tick(2), gap.clone(), said(1)]);
    // A client whose connection is cut before the gap event arrives receives the gap event when it reconnects.
    let mut client = Client::new();
    let mut merged = merge(&feed, &chat, plain.clone().into());
    let Poll::Ready(Some(first)) = poll(&mut merged) else { panic!("there is no item") };
    assert_eq!(client.feed::<All>(wire(&first)), [tick(2)]);
    assert!(client.id().as_str().unwrap().ends_with(&format!("*chat~{plain}")));
    assert_eq!(client.read(&mut merge(&feed, &chat, client.id())).0, [gap, said(1)]);
}

#[test]
fn a_gap_names_the_part_in_which_history_is_lost() {
    let rooms = [hub(Retention::events(2)), hub(Retention::events(2))];
    let connect =
        |id| Merge::<All>::new(id).add("one", |id| rooms[0].subscribe(id)).add("two", |id| rooms[1].subscribe(id));
    let mut client = Client::new();
    let mut first = connect(client.id());
    ticks(&rooms[0], 1..=1);
    assert_eq!(client.read(&mut first).0, [tick(1)]);
    ticks(&rooms[1], 1..=5);
    let gap = |part, lost, reason| All::Feed(Feed::Missed(missed(part, Some(lost), reason)));
    let two = [tick(4), tick(5)];
    assert_eq!(
        client.read(&mut connect(client.id())).0,
        [vec![gap("two", 3, GapReason::Trimmed)], two.to_vec()].concat()
    );
    assert_eq!(client.read(&mut first).0, [vec![gap("two", 3, GapReason::Lagged)], two.to_vec()].concat());
    // Reported once.
    assert_eq!(client.read(&mut connect(client.id())).0, []);
}

#[test]
fn a_greeting_has_no_id_a_snapshot_has_one_and_only_withholds_events() {
    let (feed, chat) = (hub_with_snapshots(), chat());
    let connect = |id| {
        Merge::<All>::new(id)
            .add("feed", |id| feed.subscribe_with(id, || Feed::State(7)).only(|event| *event != Feed::Tick(2)))
            .add("chat", |id| chat.subscribe(id).start_with(Chat::Greeting("hello".into())))
    };
    let mut greeted = Merge::<All>::new(LastEventId::none())
        .add("chat", |id| chat.subscribe(id).start_with(Chat::Greeting("hello".into())));
    let Poll::Ready(Some(item)) = poll(&mut greeted) else { panic!("there is no item") };
    assert_eq!((item.len(), item.last_id()), (1, None));
    let mut client = Client::new();
    ticks(&feed, 1..=1);
    let mut merge = connect(client.id());
    let greeting = All::Chat(Box::new(Chat::Greeting("hello".into())));
    assert_eq!(client.read(&mut merge).0, [All::Feed(Feed::State(7)), greeting.clone()]);
    ticks(&feed, 2..=3);
    assert_eq!(client.read(&mut merge).0, [tick(3)]);
    ticks(&feed, 4..=4);
    assert_eq!(client.read(&mut connect(client.id())).0, [tick(4), greeting]);
}

fn hub_with_snapshots() -> Hub<Feed> {
    Hub::builder_on_gap(OnGap::Snapshot).build()
}

/// Otherwise the client would resume behind a snapshot that it has not received.
#[test]
fn a_client_that_is_cut_before_its_snapshot_gets_it_when_it_reconnects() {
    let (feed, chat) = (hub_with_snapshots(), chat());
    let connect = |id| {
        Merge::<All>::new(id)
            .add("chat", |id| chat.subscribe(id))
            .add("feed", |id| feed.subscribe_with(id, || Feed::State(7)))
    };
    let mut client = Client::new();
    let mut merge = connect(client.id());
    chat.publish_now(&Chat::Said(1)).unwrap();
    let Poll::Ready(Some(first)) = poll(&mut merge) else { panic!("there is no item") };
    assert_eq!(client.feed::<All>(wire(&first)), [said(1)]);
    assert_eq!(client.read(&mut connect(client.id())).0, [All::Feed(Feed::State(7))]);
    assert_eq!(client.read(&mut connect(client.id())).0, []);
}

#[test]
fn a_client_that_may_see_few_events_of_a_part_is_sent_newer_positions() {
    let (feed, chat) = (hub(Retention::events(8)), chat());
    let connect = |id| {
        Merge::<All>::new(id)
            .add("feed", |id| feed.subscribe(id).only(|event| *event == Feed::Tick(0)))
            .add("chat", |id| chat.subscribe(id))
    };
    let mut client = Client::new();
    let mut merge = connect(client.id());
    chat.publish_now(&Chat::Said(1)).unwrap();
    assert_eq!(client.read(&mut merge).0, [said(1)]);
    for n in 1..=100 {
        ticks(&feed, [n]);
        assert_eq!(client.read(&mut merge).0, []);
    }
    // It has missed nothing, and receives no gap.
    chat.publish_now(&Chat::Said(2)).unwrap();
    assert_eq!(client.read(&mut connect(client.id())).0, [said(2)]);
}

#[test]
fn a_subscription_returns_its_position_before_and_after_its_events() {
    let feed = hub(Retention::events(2));
    let ids: Vec<_> = (1..=5).map(|n| feed.publish_now(&Feed::Tick(n)).unwrap()).collect();
    assert_eq!(feed.subscribe(Start::Live).position().as_ref(), Some(&ids[4]));
    assert_eq!(feed.subscribe(Start::Last(1)).position().as_ref(), Some(&ids[3]));
    assert_eq!(feed.subscribe(Start::Earliest).position().as_ref(), Some(&ids[2]));
    // A trimmed or unknown position is the client's id until the client receives the gap event.
    let mut trimmed = feed.subscribe(ids[0].clone());
    assert_eq!(trimmed.position().as_ref(), Some(&ids[0]));
    assert!(poll(&mut trimmed).is_ready());
    assert_eq!(trimmed.position().as_ref(), Some(&ids[2]));
    let mut unknown = feed.subscribe(EventId::new("unknown").unwrap());
    assert_eq!(unknown.position().as_ref().map(EventId::as_str), Some("unknown"));
    assert!(poll(&mut unknown).is_ready());
    assert_eq!(unknown.position().as_ref(), Some(&ids[2]));
    assert!(poll(&mut unknown).is_ready());
    assert_eq!(unknown.position().as_ref(), Some(&ids[4]));
    // There is no position after the end, or before a first snapshot.
    assert_eq!(hub_with_snapshots().subscribe_with(Start::Live, || Feed::State(0)).position(), None);
    feed.close_now(Some(Feed::Tick(6))).unwrap();
    assert!(poll(&mut unknown).is_ready());
    assert_eq!(unknown.position(), None);
}

#[test]
fn with_an_id_of_over_1_kib_events_have_none() {
    let (feed, chat) = (hub(Retention::default()), chat());
    let long = "x".repeat(1000);
    let mut merge = merge(&feed, &chat, id(&long));
    let mut client = Client::new();
    ticks(&feed, 1..=1);
    // The gap of the first part, while the client's id for the second part is too long.
    let Poll::Ready(Some(gap)) = poll(&mut merge) else { panic!("there is no item") };
    assert_eq!((gap.len(), gap.last_id()), (1, None));
    assert_eq!(client.feed::<All>(wire(&gap)).len(), 1);
    assert_eq!(client.id(), LastEventId::none());
    assert_eq!(client.read(&mut merge).0.len(), 2);
    assert!(client.id().as_str().is_some());
}

#[test]
#[should_panic(expected = "\"Feed\" is not a valid part name")]
fn a_bad_name_is_refused() {
    let feed = hub(Retention::default());
    let _ = Merge::<All>::new(LastEventId::none()).add("Feed", |id| feed.subscribe(id));
}

#[test]
#[should_panic(expected = "two parts of a stream have the name `feed`")]
fn two_parts_cannot_have_the_same_name() {
    let feed = hub(Retention::default());
    let _ = Merge::<All>::new(LastEventId::none())
        .add("feed", |id| feed.subscribe(id))
        .add("feed", |id| feed.subscribe(id));
}

#[test]
fn a_stream_has_at_most_sixteen_parts() {
    let feed = hub(Retention::default());
    let merge_of = |count: u64| {
        (0..count).fold(Merge::<Feed>::new(LastEventId::none()), |merge, n| {
            merge.add(&format!("room-of-{n:08}"), |id| feed.subscribe(id))
        })
    };
    let mut most = merge_of(16);
    ticks(&feed, 1..=1);
    let mut client = Client::new();
    assert_eq!(client.read(&mut most).0.len(), 16);
    assert!(client.id().as_str().is_some(), "the id is short enough");
    assert!(is_over(&merge_of(0)));
    let error = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| merge_of(17))).unwrap_err();
    let error = error.downcast_ref::<String>().unwrap();
    assert_eq!(error, "a stream has at most 16 parts, and `room-of-00000016` is one more");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any text is parsed, and the ids that are sent after it can be parsed as well.
    #[test]
    fn any_text_is_accepted_as_a_last_event_id(
        text in prop_oneof![
            any::<String>(),
            "[*~!%a-z0-9-]{0,40}",
            "(\\*(feed|chat|other)~[a-z%0-9!-]{0,10}){0,4}!?",
            Just("*feed~%0Aid%3A%207*chat~%00".to_owned()),
        ],
    ) {
        let (feed, chat) = (hub(Retention::default()), chat());
        let Ok(id) = EventId::new(text.clone()) else { return Ok(()) };
        let mut merge = merge(&feed, &chat, id.into());
        ticks(&feed, 1..=1);
        chat.publish_now(&Chat::Said(1)).unwrap();
        let (seen, goes_on) = Client::new().read(&mut merge);
        prop_assert!(goes_on || text.contains('!') || text.contains("%21"), "{text:?}: {seen:?}");
    }
}
