//! Mastodon's streaming: JSON, bare numbers as text, and the word `undefined`, each with its own event type; names with
//! dots; comments as heartbeats; no ids.

use serde::{Deserialize, Serialize};
use sse_typed::{SseEvent, event::DecodeErrorKind};
use ts_rs::TS;

use crate::support::{Read, event, events, read, whole, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum TimelineEvent {
    Update(Box<Status>),
    #[sse(rename = "status.update")]
    StatusUpdate(Box<Status>),
    #[sse(text)]
    Delete(StatusId),
    Notification {
        id: String,
        #[serde(rename = "type")]
        kind: String,
    },
    FiltersChanged,
    #[sse(rename = "announcement.reaction")]
    AnnouncementReaction {
        name: String,
        count: u32,
        announcement_id: String,
    },
    #[sse(rename = "announcement.delete", text)]
    AnnouncementDelete(u64),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Status {
    id: String,
    content: String,
    reblog: Option<Box<Self>>,
}

/// A number that a float cannot represent.
#[derive(Debug, PartialEq)]
struct StatusId(u64);

impl std::str::FromStr for StatusId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl std::fmt::Display for StatusId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

const STREAM: &str = concat!(
    "event: update\ndata: {\"id\":\"108914327388663283\",\"content\":\"<p>a</p>\",\"reblog\":null}\n\n",
    "event: status.update\ndata: {\"id\":\"108914327388663283\",\"content\":\"<p>b</p>\",\"reblog\":null}\n\n",
    "event: delete\ndata: 108914327388663283\n\n",
    "event: notification\ndata: {\"id\":\"4\",\"type\":\"favourite\"}\n\n",
    "event: filters_changed\ndata: undefined\n\n",
    "event: announcement.reaction\ndata: {\"name\":\"🎉\",\"count\":2,\"announcement_id\":\"8\"}\n\n",
    "event: announcement.delete\ndata: 8\n\n",
);

fn status(content: &str) -> Box<Status> {
    Box::new(Status { id: "108914327388663283".into(), content: content.into(), reblog: None })
}

#[test]
fn json_text_and_undefined_are_decoded_by_event_type() {
    let expected = [
        TimelineEvent::Update(status("<p>a</p>")),
        TimelineEvent::StatusUpdate(status("<p>b</p>")),
        TimelineEvent::Delete(StatusId(108_914_327_388_663_283)),
        TimelineEvent::Notification { id: "4".into(), kind: "favourite".into() },
        TimelineEvent::FiltersChanged,
        TimelineEvent::AnnouncementReaction { name: "🎉".into(), count: 2, announcement_id: "8".into() },
        TimelineEvent::AnnouncementDelete(8),
    ];
    let events = events::<TimelineEvent>(STREAM);
    assert_eq!(events, expected);
    assert_eq!(wire(&events), STREAM.replace("undefined", "null"), "a unit variant is written as `null`");
}

#[test]
fn a_unit_variant_takes_any_data() {
    for data in ["undefined", "null", "{}", "", "[1", "\u{0}"] {
        let wire = format!("event: filters_changed\ndata: {data}\n\n");
        assert_eq!(event::<TimelineEvent>(&wire), TimelineEvent::FiltersChanged, "{data:?}");
    }
}

#[test]
fn text_that_is_not_a_number_is_an_error() {
    for data in ["\"108914327388663283\"", "abc", "", " 8"] {
        let items = read::<TimelineEvent>(&format!("event: delete\ndata: {data}\n\n"));
        let bad = Read::Bad { event_type: "delete".into(), kind: DecodeErrorKind::Data, path: None };
        assert_eq!(items, [bad], "{data:?}");
    }
}

#[test]
fn heartbeats_are_comments_and_there_are_no_ids() {
    let all = whole::<TimelineEvent>(&format!(":)\n\n:thump\n{STREAM}:thump\n\n"));
    assert_eq!((all.items.len(), all.comments), (7, 3));
    assert_eq!(all.last_event_id, "");
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<TimelineEvent>("wire/mastodon.ts", &sse_typed::typescript::Options::new());
}
