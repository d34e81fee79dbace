//! Several event types on one stream, each with its own rules.

use serde::{Deserialize, Serialize};
use sse_typed::{Gap, RawEvent, SseEvent, typescript::Options};
use ts_rs::TS;

use crate::contracts::assert_current;

/// About rides.
#[derive(SseEvent)]
#[sse(tag = "type", rename_all = "snake_case", prefix = "ride.", ignore("ride.ping"))]
enum Ride {
    /// It begins.
    Started {
        driver: String,
    },
    Ended,
}

#[derive(SseEvent)]
#[sse(tag = "kind", allow_reserved)]
enum Chat {
    Said(Message),
    #[sse(rename = "error", error)]
    Failed {
        code: u16,
    },
    #[sse(rename = "open")]
    Opened,
    #[sse(gap)]
    Lost(Gap),
}

#[derive(Serialize, Deserialize, TS)]
struct Message {
    text: String,
}

#[derive(SseEvent)]
enum Rest {
    #[sse(terminal)]
    Over,
    #[sse(other)]
    Other(RawEvent),
}

/// All of it.
#[derive(SseEvent)]
#[sse(tag = "topic", ignore("tick"))]
enum Topics {
    Hello,
    /// Not seen.
    #[sse(nested)]
    Ride(Ride),
    #[sse(nested)]
    Chat(Box<Chat>),
    #[sse(nested)]
    Rest(Rest),
    Bye {
        at: u8,
    },
}

#[test]
fn nested_events_are_on_the_same_level_as_the_others() {
    assert_current::<Topics>("topics.ts", &Options::new());
}
