//! The events that report how a run ended: `failed`, `stopped` and `lost`.

use std::borrow::Cow;

use sse_typed::{
    DecodeEvent, EncodeEvent, Encoded, EventKind, HubEvent, SseEvent,
    codec::describe::{DescribeEvent, DescribeType, Describer, Events, RunEnd, Side},
};

use super::{both_ways, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "snake_case")]
enum Answer {
    Token(String),
    #[sse(terminal, failed, error)]
    Failed {
        reason: String,
    },
    #[sse(terminal, stopped)]
    Stopped,
    #[sse(terminal, lost)]
    Gone {},
    #[sse(terminal)]
    Done,
}

#[test]
fn the_marked_variants_are_the_events_of_a_run() {
    let failed = Answer::failed("no tokens left".to_owned()).unwrap();
    assert_eq!(failed, Answer::Failed { reason: "no tokens left".to_owned() });
    both_ways(&failed, "event: failed\ndata: {\"reason\":\"no tokens left\"}\n\n");
    both_ways(&Answer::stopped().unwrap(), "event: stopped\ndata: null\n\n");
    both_ways(&Answer::lost().unwrap(), "event: gone\ndata: {}\n\n");
    for event in [failed, Answer::Stopped, Answer::Gone {}] {
        assert!(event.is_terminal(), "{event:?}");
    }
}

#[derive(Debug, PartialEq, SseEvent)]
enum Job {
    Progress(u8),
    #[sse(terminal, failed)]
    Broken,
}

#[test]
fn a_type_without_a_mark_has_no_event_for_that_end() {
    assert_eq!(Job::failed("disk full".to_owned()), Some(Job::Broken));
    assert_eq!((Job::stopped(), Job::lost()), (None, None));
}

/// A variant for each type of reason.
macro_rules! reasons {
    ($($name:ident: $ty:ty = $reason:expr;)*) => {$(
        #[test]
        fn $name() {
            #[derive(Debug, PartialEq, SseEvent)]
            enum E {
                #[sse(terminal, failed)]
                Failed { reason: $ty },
            }
            assert_eq!(E::failed("r".to_owned()), Some(E::Failed { reason: $reason }));
            assert_eq!(wire(&E::failed("r".to_owned()).unwrap()), "event: Failed\ndata: {\"reason\":\"r\"}\n\n");
        }
    )*};
}

reasons! {
    the_reason_may_be_a_boxed_str: Box<str> = "r".into();
    the_reason_may_be_optional: Option<String> = Some("r".to_owned());
    the_reason_may_be_a_cow: Cow<'static, str> = "r".into();
    the_reason_may_be_json: serde_json::Value = "r".into();
}

#[derive(Debug, PartialEq, EncodeEvent)]
#[expect(dead_code, reason = "`Item` is only there for its type")]
enum Borrowed<'a, T> {
    Item(&'a T),
    #[sse(terminal, failed)]
    Failed {
        reason: Cow<'a, str>,
    },
    #[sse(terminal, lost)]
    Lost,
}

#[derive(Debug, PartialEq, SseEvent)]
#[sse(tag = "type", rename_all = "kebab-case", allow_reserved)]
enum Generic<T> {
    /// As in a format that others have defined.
    #[sse(rename = "error", terminal, failed)]
    Failed {
        #[serde(rename = "errorText")]
        reason: T,
    },
    #[sse(terminal, stopped)]
    Abort,
}

#[derive(Debug, PartialEq, SseEvent)]
enum Plain {
    #[sse(message)]
    Token { token: String },
    #[sse(terminal, failed, text)]
    Failed { reason: String },
    #[sse(message, data = "[STOPPED]", terminal, stopped)]
    Stopped,
}

#[test]
fn borrowed_generic_tagged_and_plain_types_have_them_too() {
    assert_eq!(Borrowed::<u8>::failed("r".to_owned()), Some(Borrowed::Failed { reason: "r".into() }));
    assert_eq!(Borrowed::<u8>::lost(), Some(Borrowed::Lost));
    let failed = Generic::<Box<str>>::failed("r".to_owned()).unwrap();
    both_ways(&failed, "event: error\ndata: {\"type\":\"error\",\"errorText\":\"r\"}\n\n");
    both_ways(&Generic::<Box<str>>::stopped().unwrap(), "event: abort\ndata: {\"type\":\"abort\"}\n\n");
    both_ways(&Plain::failed("a\nb".to_owned()).unwrap(), "event: Failed\ndata: a\ndata: b\n\n");
    both_ways(&Plain::stopped().unwrap(), "data: [STOPPED]\n\n");
}

#[derive(Debug, PartialEq, SseEvent)]
enum Outer {
    #[sse(nested)]
    Answer(Answer),
    #[sse(rename = "outer_lost", terminal, lost)]
    Lost,
}

#[test]
fn the_ends_of_a_nested_type_are_not_those_of_the_outer_type() {
    assert_eq!(Outer::failed("r".to_owned()), None);
    assert_eq!(Outer::lost(), Some(Outer::Lost));
    // It is a terminal event of the outer type all the same.
    assert!(Outer::Answer(Answer::Stopped).is_terminal());
}

#[derive(DecodeEvent)]
#[expect(dead_code, reason = "only described")]
enum Received {
    Token {
        #[sse(id)]
        id: u64,
    },
    #[sse(terminal, stopped)]
    Stopped,
}

struct Ends;

impl Describer for Ends {
    type Type = ();
}

impl<T: ?Sized> DescribeType<T> for Ends {
    fn describe_type(&mut self) {}
}

#[test]
fn descriptions_have_the_marks_on_both_sides() {
    let ends = |events: Option<Events<()>>| {
        events.map(|events| events.variants.iter().map(|variant| variant.run_end).collect::<Vec<_>>())
    };
    let of_answer = vec![None, Some(RunEnd::Failed), Some(RunEnd::Stopped), Some(RunEnd::Lost), None];
    for side in [Side::Written, Side::Read] {
        assert_eq!(ends(Answer::describe(&mut Ends, side)).as_ref(), Some(&of_answer));
    }
    assert_eq!(ends(Received::describe(&mut Ends, Side::Read)), Some(vec![None, Some(RunEnd::Stopped)]));
    assert_eq!(ends(Received::describe(&mut Ends, Side::Written)), None);
    let of_borrowed = vec![None, Some(RunEnd::Failed), Some(RunEnd::Lost)];
    assert_eq!(ends(Borrowed::<u8>::describe(&mut Ends, Side::Written)), Some(of_borrowed));
    assert_eq!(ends(Borrowed::<u8>::describe(&mut Ends, Side::Read)), None);
}

#[test]
fn a_hub_publishes_the_event_of_an_end() {
    // The functions need no value, so a hub's owner makes the event of a producer that is gone.
    fn end_of<E: HubEvent + EncodeEvent>() -> Option<Encoded> {
        Encoded::new(&E::lost()?).ok()
    }
    assert_eq!(end_of::<Answer>().unwrap().as_bytes(), "event: gone\ndata: {}\n\n");
    assert!(end_of::<Job>().is_none());
}
