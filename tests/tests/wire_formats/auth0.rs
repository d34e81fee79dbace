//! Auth0's event stream: the event type is only in the `event:` line but programs need it in the value, every payload has a
//! cursor, and some events have only a cursor.

use serde::{Deserialize, Serialize};
use serde_json::json;
use sse_typed::{EventKind, SseEvent};
use ts_rs::TS;

use crate::support::{events, whole, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", allow_reserved)]
enum TenantEvent {
    #[sse(rename = "user.created")]
    UserCreated { offset: String, event: CloudEvent },
    #[sse(rename = "user.deleted")]
    UserDeleted { offset: String, event: CloudEvent },
    #[sse(rename = "offset-only")]
    OffsetOnly { offset: String },
    #[sse(rename = "error", error)]
    Error { error: Failure },
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct CloudEvent {
    id: String,
    data: serde_json::Value,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Failure {
    code: String,
    offset: Option<String>,
}

impl TenantEvent {
    /// The position to resume from.
    fn offset(&self) -> Option<&str> {
        match self {
            Self::UserCreated { offset, .. } | Self::UserDeleted { offset, .. } | Self::OffsetOnly { offset } => {
                Some(offset)
            }
            Self::Error { error } => error.offset.as_deref(),
        }
    }
}

const STREAM: &str = concat!(
    "event: user.created\ndata: {\"offset\":\"a1\",\"event\":{\"id\":\"evt_1\",\"data\":{\"user_id\":\"u|1\"}}}\n\n",
    "event: offset-only\ndata: {\"offset\":\"a2\"}\n\n",
    "event: user.deleted\ndata: {\"offset\":\"a3\",\"event\":{\"id\":\"evt_2\",\"data\":{\"user_id\":\"u|1\"}}}\n\n",
    "event: error\ndata: {\"error\":{\"code\":\"timeout\",\"offset\":\"a3\"}}\n\n",
);

#[test]
fn the_event_line_selects_the_variant_and_the_payload_has_the_cursor() {
    let events = events::<TenantEvent>(STREAM);
    let data = json!({ "user_id": "u|1" });
    let event = CloudEvent { id: "evt_1".into(), data };
    assert_eq!(events[0], TenantEvent::UserCreated { offset: "a1".into(), event });
    assert_eq!(events[1], TenantEvent::OffsetOnly { offset: "a2".into() });
    assert!(events[3].is_error());
    let offsets: Vec<_> = events.iter().filter_map(TenantEvent::offset).collect();
    assert_eq!(offsets, ["a1", "a2", "a3", "a3"]);
    assert_eq!(whole::<TenantEvent>(STREAM).last_event_id, "", "the cursor is no event id");
}

#[test]
fn a_forwarded_event_also_has_its_event_type_in_the_data() {
    let events = events::<TenantEvent>(STREAM);
    let injected = wire(&events);
    let expected: String = STREAM
        .lines()
        .flat_map(|line| match line.strip_prefix("event: ") {
            Some(name) => [format!("{line}\ndata: {{\"type\":\"{name}\","), String::new()],
            None => match line.strip_prefix("data: {") {
                Some(rest) => [rest.to_owned(), "\n".to_owned()],
                None => [String::new(), "\n".to_owned()],
            },
        })
        .collect();
    assert_eq!(injected, expected);
    assert_eq!(crate::support::events::<TenantEvent>(&injected), events);
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<TenantEvent>("wire/auth0.ts", &sse_typed::typescript::Options::new());
}
