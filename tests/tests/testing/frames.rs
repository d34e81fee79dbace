//! The frames of a body.

use std::io;

use futures_util::{StreamExt, stream};
use sse_typed::{
    Client,
    testing::{Answer, Collect, ScriptedServer},
};

use crate::Feed;

#[tokio::test(start_paused = true)]
async fn frames_are_shown_as_they_came() {
    let frames = ["event: ti", "ck\ndata: 1\n\nevent: tick\ndata: 2\n\n", "", "event: done\ndata: null\n\n"];
    let mut events = Collect::bytes(stream::iter(frames.map(Ok::<_, io::Error>)));
    assert_eq!(events.wire_frames(), [""; 0]);
    events.expect(Feed::Tick(1)).await;
    assert_eq!(events.wire_frames(), frames[..2]);
    events.expect_only([Feed::Tick(2), Feed::Done]).await;
    assert_eq!(events.wire_frames(), frames);
}

#[tokio::test(start_paused = true)]
async fn of_a_long_body_whole_frames_are_kept() {
    let frame = format!("event: tick\ndata: {}\n\n", "1".repeat(10));
    let frames = stream::iter(std::iter::repeat_n(frame.clone(), 5000).map(Ok::<_, io::Error>));
    let huge = stream::iter([Ok::<_, io::Error>(": x\n".repeat(10_000)), Ok("\n".to_owned())]);
    let mut events = Collect::<Feed>::bytes(frames);
    events.take(5000).await;
    let kept = events.wire_frames();
    assert_eq!(kept.len(), (16 << 10) / frame.len());
    assert!(kept.iter().all(|kept| **kept == *frame.as_bytes()));
    let mut events = Collect::<Feed>::bytes(huge.chain(stream::empty()));
    events.expect_end().await;
    assert_eq!(events.wire_frames(), ["\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_ends_within_a_character_is_shown_byte_for_byte() {
    let frames: [&[u8]; 2] = [b"data: \xc3", b"\xa9\n\n"];
    let mut events = Collect::bytes(stream::iter(frames.map(Ok::<_, io::Error>)));
    events.expect_only([sse_typed::RawEvent::new("message", "é")]).await;
    assert_eq!(events.wire_frames(), frames);
}

#[tokio::test(start_paused = true)]
async fn a_client_has_no_frames() {
    let server = ScriptedServer::new([Answer::stream().event(&Feed::Done)]);
    let mut events = Collect::source(Client::new(server).get("/").connect());
    events.expect_only([Feed::Done]).await;
    assert_eq!((events.wire_frames(), events.wire_text()), (Vec::new(), String::new()));
}
