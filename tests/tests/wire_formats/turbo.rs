//! htmx and Turbo: the data is a fragment of HTML, as text.

use sse_typed::SseEvent;

use crate::support::{event, events, wire};

#[derive(Debug, PartialEq, SseEvent)]
#[sse(rename_all = "kebab-case")]
enum Fragment {
    #[sse(message, text)]
    TurboStream(String),
    #[sse(text)]
    ChatMessage(String),
}

const STREAM: &str = concat!(
    "data: <turbo-stream action=\"append\" target=\"log\">\n",
    "data:   <template>\n",
    "data: \n",
    "data:   </template>\n",
    "data: </turbo-stream>\n",
    "\n",
    "event: chat-message\n",
    "data: <p>\"{}\"</p>\n",
    "\n",
);

#[test]
fn a_fragment_of_several_lines_is_one_event() {
    let events = events::<Fragment>(STREAM);
    let html = "<turbo-stream action=\"append\" target=\"log\">\n  <template>\n\n  </template>\n</turbo-stream>";
    assert_eq!(events, [Fragment::TurboStream(html.into()), Fragment::ChatMessage("<p>\"{}\"</p>".into())]);
    assert_eq!(wire(&events), STREAM);
}

#[test]
fn line_ends_of_every_kind_arrive_as_lf() {
    let written = wire([&Fragment::ChatMessage("a\r\nb\rc\n\r\n".into())]);
    assert_eq!(event::<Fragment>(&written), Fragment::ChatMessage("a\nb\nc\n\n".into()));
}

#[test]
fn the_committed_typescript_is_current() {
    tests::contracts::assert_current::<Fragment>("wire/turbo.ts", &sse_typed::typescript::Options::new());
}
