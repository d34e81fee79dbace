//! A client against a script of answers, while its program does anything with it.
//!
//! If every answer is an event stream, a status or a failure, the client receives each event once and in order, wherever the
//! connections are cut. It has received all of them if it was not closed and no answer was to end it. Answers of arbitrary bytes cause no panic, and no endless loop.
#![no_main]

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use sse_typed::{
    Client, EventSource, RawEvent,
    client::{Ended, ReconnectPolicy},
    testing::{Answer, RecordedRequest, ScriptedServer},
};

#[derive(Debug, Arbitrary)]
struct Input {
    events: u8,
    answers: Vec<Scripted>,
    steps: Vec<Step>,
    max_attempts: u8,
    idle_timeout: u16,
}

#[derive(Clone, Debug, Arbitrary)]
enum Scripted {
    /// The events after the last event ID, and then the end of the body.
    Whole,
    Broken {
        at: u16,
    },
    Reset {
        at: u16,
    },
    Trickle {
        size: u8,
        every: u16,
    },
    /// Some events, and then silence.
    Stalled {
        at: u16,
    },
    Status {
        which: u8,
        retry_after: Option<u16>,
    },
    Close,
    Refuse,
    Retry {
        millis: u32,
    },
    Bytes(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Step {
    Next,
    /// Polls for the next event once and drops the future.
    Cancel,
    Wait {
        millis: u16,
    },
    State,
    Restart,
    Close,
}

const STATUSES: [u16; 8] = [200, 204, 301, 401, 404, 429, 500, 503];

/// How much virtual time an input may take: far more than all its waits together.
const LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);

fuzz_target!(|input: Input| {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(LIMIT, run(input)).await.expect("the client hangs");
    });
});

async fn run(input: Input) {
    let events = u64::from(input.events);
    let is_faithful = !input.answers.iter().any(|answer| matches!(answer, Scripted::Bytes(_)));
    let may_end_early = input.answers.iter().any(|answer| matches!(answer, Scripted::Status { .. }));
    let mut answers = input.answers.into_iter();
    let server = ScriptedServer::answer_with(move |request| match answers.next() {
        None => whole(request, events),
        Some(answer) => answer.answer(request, events),
    });
    let policy = ReconnectPolicy::new().max_attempts(input.max_attempts.into()).seed(1);
    let request = Client::new(server.clone()).get("/").reconnect(policy);
    let idle = Duration::from_millis(u64::from(input.idle_timeout) + 1);
    let mut source = request.idle_timeout(idle).connect::<RawEvent>().boxed();
    let mut received = Received { next: 1, is_faithful };
    for step in input.steps {
        match step {
            Step::Next => {
                if !received.next(&mut source).await {
                    break;
                }
            }
            Step::Cancel => {
                let next = pin!(source.next());
                if let Poll::Ready(Some(Ok(event))) = next.poll(&mut Context::from_waker(Waker::noop())) {
                    received.add(&event.data);
                }
            }
            Step::Wait { millis } => tokio::time::sleep(Duration::from_millis(millis.into())).await,
            Step::State => {
                let state = source.handle().state();
                assert_eq!(state.ended().is_some(), source.ended().is_some(), "{state:?}");
            }
            Step::Restart => source.handle().restart(),
            Step::Close => {
                source.handle().close();
                assert!(source.next().await.is_none_or(|item| item.is_ok()), "an error of a closed source");
            }
        }
    }
    // The server ends a client that has everything, and bytes of the script may make one repeat a request for each event.
    for _ in 0..10_000 {
        if !received.next(&mut source).await {
            let ended = source.ended().expect("no item is the end");
            if is_faithful && !may_end_early && !matches!(ended, Ended::Closed | Ended::Failed) {
                assert_eq!(received.next, events + 1, "an event is lost");
                // A client that does not reconnect ends with the first body.
                let is_end = ended == Ended::NoContent || ended == Ended::EndOfBody && input.max_attempts == 0;
                assert!(is_end, "it ended before the server ended it: {ended:?}");
            }
            assert!(source.next().await.is_none(), "an item after the end");
            return;
        }
    }
    panic!("the client does not end: {:?}", server.requests().len());
}

struct Received {
    /// The number of the event that must arrive next.
    next: u64,
    is_faithful: bool,
}

impl Received {
    /// False at the end.
    async fn next(&mut self, source: &mut EventSource<RawEvent>) -> bool {
        match source.next().await {
            None => false,
            Some(Ok(event)) => {
                self.add(&event.data);
                true
            }
            // After a fatal error the source has ended.
            Some(Err(_)) => true,
        }
    }

    fn add(&mut self, event: &RawEvent) {
        if self.is_faithful {
            assert_eq!(event.data(), self.next.to_string(), "an event is lost, repeated or out of order");
        }
        self.next += 1;
    }
}

impl Scripted {
    fn answer(self, request: &RecordedRequest, events: u64) -> Answer {
        let Some(stream) = rest(request, events) else { return Answer::status(204) };
        match self {
            Self::Whole => Answer::stream().send(stream),
            Self::Broken { at } => Answer::stream().send(stream).break_at(at.into()),
            Self::Reset { at } => Answer::stream().send(stream).reset_at(at.into()),
            Self::Trickle { size, every } => {
                let every = Duration::from_millis(every.into());
                Answer::stream().trickle(stream, usize::from(size) + 1, every)
            }
            Self::Stalled { at } => {
                let stream = &stream[..usize::from(at).min(stream.len())];
                Answer::stream().send(stream).stall()
            }
            Self::Status { which, retry_after } => {
                let answer = Answer::status(STATUSES[usize::from(which) % STATUSES.len()]);
                match retry_after {
                    None => answer,
                    Some(seconds) => answer.header("retry-after", seconds.to_string()),
                }
            }
            Self::Close => Answer::close(),
            Self::Refuse => Answer::refuse(),
            Self::Retry { millis } => Answer::stream().send(format!("retry: {millis}\n\n{stream}")),
            Self::Bytes(bytes) => Answer::stream().send(bytes),
        }
    }
}

fn whole(request: &RecordedRequest, events: u64) -> Answer {
    rest(request, events).map_or_else(|| Answer::status(204), |stream| Answer::stream().send(stream))
}

/// The events after the last event ID. `None` if the client has them all.
fn rest(request: &RecordedRequest, events: u64) -> Option<String> {
    let seen = request.last_event_id().parse().unwrap_or(0);
    let events: String = (1..=events).skip_while(|n| *n <= seen).map(|n| format!("id: {n}\ndata: {n}\n\n")).collect();
    (!events.is_empty()).then_some(events)
}
