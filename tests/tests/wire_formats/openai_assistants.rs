//! OpenAI's Assistants: the event type is only in the `event:` line, each event type has its own payload type, and the data of
//! the last event is text.

use serde::{Deserialize, Serialize};
use sse_typed::{EventKind, RawEvent, SseEvent};
use ts_rs::TS;

use crate::support::{event, events, post, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(prefix = "thread.", rename_all = "snake_case", allow_reserved)]
enum AssistantEvent {
    Created(Thread),
    #[sse(rename = "thread.run.created", alias = "thread.run.queued", alias = "thread.run.in_progress")]
    Run(Run),
    #[sse(rename = "thread.run.completed")]
    RunCompleted(Run),
    #[sse(rename = "thread.message.delta")]
    MessageDelta {
        id: String,
        delta: Delta,
    },
    #[sse(rename = "error", error)]
    Failed {
        message: String,
    },
    #[sse(rename = "done", data = "[DONE]", terminal)]
    Done,
    #[sse(other)]
    Other(RawEvent),
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Thread {
    id: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Run {
    id: String,
    status: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, TS)]
struct Delta {
    content: Vec<String>,
}

const STREAM: &str = concat!(
    "event: thread.created\ndata: {\"id\":\"t1\"}\n\n",
    "event: thread.run.created\ndata: {\"id\":\"r1\",\"status\":\"queued\"}\n\n",
    "event: thread.message.delta\ndata: {\"id\":\"m1\",\"delta\":{\"content\":[\"Hi\"]}}\n\n",
    "event: thread.run.step.created\ndata: {\"id\":\"s1\"}\n\n",
    "event: thread.run.completed\ndata: {\"id\":\"r1\",\"status\":\"completed\"}\n\n",
    "event: done\ndata: [DONE]\n\n",
);

#[test]
fn the_event_line_alone_chooses_the_payload() {
    let run = |status: &str| Run { id: "r1".into(), status: status.into() };
    let expected = [
        AssistantEvent::Created(Thread { id: "t1".into() }),
        AssistantEvent::Run(run("queued")),
        AssistantEvent::MessageDelta { id: "m1".into(), delta: Delta { content: vec!["Hi".into()] } },
        AssistantEvent::Other(RawEvent::new("thread.run.step.created", "{\"id\":\"s1\"}")),
        AssistantEvent::RunCompleted(run("completed")),
        AssistantEvent::Done,
    ];
    let events = events::<AssistantEvent>(STREAM);
    assert_eq!(events, expected);
    assert_eq!(wire(&events), STREAM);
}

#[test]
fn several_event_types_may_be_read_as_one_variant() {
    let running =
        event::<AssistantEvent>("event: thread.run.in_progress\ndata: {\"id\":\"r1\",\"status\":\"in_progress\"}\n\n");
    assert_eq!(running, AssistantEvent::Run(Run { id: "r1".into(), status: "in_progress".into() }));
    assert_eq!(running.event_type(), "thread.run.created", "and are written as its own");
}

#[tokio::test]
async fn the_last_event_has_text_as_data() {
    let (events, _) = post::<AssistantEvent>(&format!("{STREAM}{STREAM}")).await;
    assert_eq!((events.len(), events.last()), (6, Some(&AssistantEvent::Done)));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<AssistantEvent>(
        "wire/openai_assistants.ts",
        &sse_typed::typescript::Options::new(),
    );
}
